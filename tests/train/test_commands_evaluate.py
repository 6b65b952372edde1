"""``python -m train evaluate``: a line for each checkpoint, and what can't be evaluated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from studio import checkpoint
from studio.generators.base import to_uint8
from train.__main__ import main
from train.commands import evaluate
from train.recipes import Recipe


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature network's file with random weights: numbers without meaning, but repeatable."""
    path = tmp_path_factory.mktemp("weights") / "features.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(timm.create_model("mobilenetv2_100", num_classes=1001).state_dict(), path)
    return path


@pytest.fixture
def measure(
    photos: Path, weights: Path, capsys: pytest.CaptureFixture
) -> Callable[..., list[dict[str, Any]]]:
    """``measure(*folders, options=…)``: the lines that evaluating prints."""

    def measure(*folders: Path, options: tuple = ()) -> list[dict[str, Any]]:
        capsys.readouterr()
        arguments = ["--data", photos, "--feature-weights", weights, *options]
        assert main(["evaluate", *map(str, (*folders, *arguments))]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return measure


def test_evaluate_prints_a_line_for_each_checkpoint(
    checkpoints: Path, make_checkpoint: Any, measure: Callable, tmp_path: Path
) -> None:
    other = make_checkpoint(tmp_path / "other", seed=9).folder
    first, second = measure(checkpoints / "colour", other, options=("--samples", "12"))
    assert [line["checkpoint"] for line in (first, second)] == [
        str(checkpoints / "colour"),
        str(other),
    ]
    assert (first["samples"], first["real_images"], first["seed"]) == (12, 20, 0)
    assert first["features"] == "mobilenetv2_100"
    assert 0 < first["frechet"] != second["frechet"]
    assert first["floor"] == second["floor"]
    assert 0 <= first["precision"] <= 1 and 0 <= first["recall"] <= 1


def test_evaluate_repeats_and_writes_to_the_card_when_asked(
    make_checkpoint: Any, measure: Callable, tmp_path: Path
) -> None:
    folder = make_checkpoint(tmp_path / "bags", description="Überall").folder
    before = (folder / "card.json").read_bytes()
    (line,) = measure(folder)
    assert line["samples"] == 20
    assert (folder / "card.json").read_bytes() == before
    (again,) = measure(folder, options=("--write",))
    assert again == line
    found = checkpoint.read(folder)
    del line["checkpoint"]
    assert found.card["quality"] == line
    assert {k: v for k, v in found.card.items() if k != "quality"} == json.loads(before)
    assert found.load_generator().image_size == 16
    (other,) = measure(folder, options=("--seed", "1"))
    assert other["frechet"] != line["frechet"]


def test_pictures_to_measure_are_drawn_by_their_seed(
    make_generator: Any, tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 4)
    generator = make_generator(tiny_recipe.generator, 3)
    draw = evaluate.drawer(generator)
    latents = torch.randn(10, 8, generator=torch.Generator().manual_seed(6))
    with torch.inference_mode():
        expected = to_uint8(generator(latents), (-1, 1))
    found = draw(10, 6)
    assert found.dtype == torch.uint8 and found.shape == (10, 3, 16, 16)
    assert (found.int() - expected.int()).abs().max() <= 1  # batches may round otherwise
    assert torch.equal(draw(10, 6), found)
    assert not torch.equal(draw(10, 7), found)


def test_what_cannot_be_evaluated_is_a_sentence(
    checkpoints: Path,
    photos: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    (tmp_path / "junk.pt").write_bytes(b"hello")
    shutil.copytree(checkpoints / "colour", tmp_path / "broken")
    (tmp_path / "broken" / "generator.safetensors").write_bytes(b"hello")
    good = {"folder": checkpoints / "colour", "data": photos, "weights": weights, "samples": 8}
    for changes, message in (
        ({"folder": tmp_path}, "no checkpoint in"),
        ({"folder": tmp_path / "broken"}, "not the file its card describes"),
        ({"data": tmp_path / "nowhere"}, "nowhere"),
        ({"weights": tmp_path / "junk.pt"}, "junk.pt is not a readable file of weights"),
        ({"weights": tmp_path / "none.pt"}, "no file of feature weights"),
        ({"samples": 2}, "at least 4 images"),
    ):
        use = {**good, **changes}
        arguments = [use["folder"], "--data", use["data"], "--samples", use["samples"]]
        arguments += ["--feature-weights", use["weights"]]
        assert main(["evaluate", *map(str, arguments)]) == 1
        captured = capsys.readouterr()
        assert captured.err.startswith("train: ") and message in captured.err
        assert captured.out == ""
