"""``python -m train evaluate``: a line for each checkpoint, and what can't be evaluated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from styled_recipes import STYLED

from studio import checkpoint
from studio.design import from_seed
from studio.generators.base import to_uint8
from studio.latents import of_seed
from studio.photos import prepare
from studio.render import Renderer
from train.__main__ import main
from train.commands import evaluate
from train.metrics import FeatureNetwork, drawing
from train.recipes import Recipe


@pytest.fixture(autouse=True)
def small_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of images of 32 px take a fraction of the time."""
    monkeypatch.setattr(FeatureNetwork, "input_size", 32)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what real images measure is kept."""
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "measures"


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

    def measure(
        *folders: Path | str, options: tuple = (), data: Path = photos
    ) -> list[dict[str, Any]]:
        capsys.readouterr()
        arguments = ["--data", data, "--feature-weights", weights, *options]
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
    del line["checkpoint"], line["size"]
    assert found.card["quality"] == line
    assert {k: v for k, v in found.card.items() if k != "quality"} == json.loads(before)
    assert found.load_generator().image_size == 16
    (other,) = measure(folder, options=("--seed", "1"))
    assert other["frechet"] != line["frechet"]


def test_generators_of_other_sizes_are_measured_alike(
    make_checkpoint: Any, measure: Callable, tmp_path: Path
) -> None:
    """A smaller one has nothing to be made smaller, so it measures what it did."""
    config = {"kind": "dcgan", "latent_dim": 5, "widths": [6], "start": 4}
    small = make_checkpoint(tmp_path / "small", config).folder
    large = make_checkpoint(tmp_path / "large", {**config, "widths": [6, 6]}).folder
    (own,) = measure(small)
    both = measure(small, large, options=("--size", "8"))
    assert both[0] == own and own["size"] == 8
    assert both[1]["size"] == 8 and both[1]["floor"] == own["floor"]
    (larger,) = measure(large)
    assert larger["size"] == 16 and larger["frechet"] != both[1]["frechet"]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_made_smaller_as_photos_are(channels: int) -> None:
    drawn = torch.randint(256, (3, channels, 16, 16), dtype=torch.uint8)
    asked = []

    def draw(count: int, seed: int) -> torch.Tensor:
        asked.append((count, seed))
        return drawn

    small = drawing.made_smaller(draw, 8)(3, 5)
    assert asked == [(3, 5)] and small.shape == (3, channels, 8, 8) and small.dtype == torch.uint8
    photo = Image.fromarray(drawn[1].permute(1, 2, 0).squeeze(2).numpy())
    assert np.array_equal(small[1], prepare(photo, 8, channels))
    assert drawing.made_smaller(draw, 16)(3, 5) is drawn


def test_a_name_is_looked_up_as_the_studio_does(
    checkpoints: Path, measure: Callable, tmp_path: Path
) -> None:
    roots = ("--checkpoints", tmp_path / "none", "--runs", checkpoints)
    by_name, by_folder = measure("colour", checkpoints / "colour", options=roots)
    assert by_name == by_folder


def test_what_real_images_measure_is_kept(
    checkpoints: Path, measure: Callable, cache: Path
) -> None:
    first = measure(checkpoints / "colour", options=("--no-cache",))
    assert not cache.exists()
    assert measure(checkpoints / "colour") == first
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert measure(checkpoints / "colour") == first
    assert len(kept.read_bytes()) > 100
    assert measure(checkpoints / "colour") == first


# --- what is drawn -----------------------------------------------------------------------------


def test_pictures_to_measure_are_drawn_by_their_seed(
    make_generator: Any, tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "BATCH", 4)
    generator = make_generator(tiny_recipe.generator, 3)
    draw = drawing.drawer(generator)
    latents = drawing.latents_of(6, 10, 8)
    with torch.inference_mode():
        expected = to_uint8(generator(latents), (-1, 1))
    found = draw(10, 6)
    assert found.dtype == torch.uint8 and found.shape == (10, 3, 16, 16)
    assert (found.int() - expected.int()).abs().max() <= 1  # batches may round otherwise
    assert torch.equal(draw(10, 6), found)
    assert not torch.equal(draw(10, 7), found)


def test_no_latents_lie_along_weights_that_a_training_began_with(make_generator: Any) -> None:
    generator = make_generator({**STYLED["generator"], "latent_dim": 32}, 0)
    first = next(each for each in generator.mapping.parameters() if each.dim() == 2)
    latents = drawing.latents_of(0, 64, 32)
    alike = torch.nn.functional.cosine_similarity(latents[:, None], first[None], dim=2)
    assert alike.max() < 0.9


@pytest.mark.parametrize(("name", "label"), [("colour", None), ("styled", 2), ("styled", 0)])
@pytest.mark.parametrize("psi", [1.0, 0.7, 0.0])
def test_what_is_measured_is_what_the_studio_draws(
    styled_checkpoints: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    label: int | None,
    psi: float,
) -> None:
    """The picture of a seed's latent, put in the place of the random one, is the design's."""
    design = from_seed(name, 7, truncation=psi, label=label)
    expected = torch.tensor(Renderer(styled_checkpoints).pixels(design))
    generator = checkpoint.read(styled_checkpoints / name).load_generator()
    latent = torch.tensor(of_seed(7, generator.latent_dim))
    monkeypatch.setattr(torch, "randn", lambda *shape, generator: latent[None])
    draw = drawing.drawer(generator, psi)
    drawn = draw(1, 0) if label is None else draw(1, 0, torch.tensor([label]))
    assert torch.equal(drawn[0].permute(1, 2, 0), expected)


def test_each_picture_is_truncated_towards_its_own_category(styled_checkpoints: Path) -> None:
    generator = checkpoint.read(styled_checkpoints / "styled").load_generator()
    centres = drawing.drawer(generator, 0.0)(6, 1, torch.tensor([0, 1, 2, 0, 1, 2])).int()
    assert (centres[:3] - centres[3:]).abs().max() <= 1
    assert (centres[0] - centres[1]).abs().max() > 3


# --- categories --------------------------------------------------------------------------------


@pytest.fixture
def garments(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    """Photos of two of the three categories that ``styled`` draws."""
    for seed, name in enumerate(("Coat", "Dress")):
        make_photos(tmp_path / "garments" / name, 12, seed)
    return tmp_path / "garments"


def test_categories_go_by_their_names(
    styled_checkpoints: Path, measure: Callable, garments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    drawer = drawing.drawer

    def watched(generator: Any, psi: float, classes: torch.Tensor) -> Callable:
        asked.append(classes.tolist())
        return drawer(generator, psi, classes)

    monkeypatch.setattr(evaluate, "drawer", watched)
    (line,) = measure(styled_checkpoints / "styled", data=garments, options=("--psi", "0.7"))
    assert asked == [[2, 0]]  # Coat, Dress
    assert 0 <= line["class_accuracy"] <= 1 and 0 <= line["floors"]["class_accuracy"] <= 1
    assert line["psi"] == 0.7 and "truncation 0.7" in line["protocol"]


def test_data_that_does_not_fit_the_categories_is_a_sentence(
    styled_checkpoints: Path,
    photos: Path,
    garments: Path,
    weights: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    (garments / "Coat").rename(garments / "Hat")
    for data, message in (
        (photos, "put those of each class in a folder of its name"),
        (garments, "it does not draw Hat, but Dress, Tank top and Coat"),
    ):
        arguments = [styled_checkpoints / "styled", "--data", data, "--feature-weights", weights]
        assert main(["evaluate", *map(str, arguments)]) == 1
        assert message in capsys.readouterr().err


# --- what can't be evaluated -------------------------------------------------------------------


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
        ({"folder": "nothing"}, "nor one of that name"),
        ({"folder": tmp_path / "broken"}, "not the file its card describes"),
        ({"data": tmp_path / "nowhere"}, "nowhere"),
        ({"weights": tmp_path / "junk.pt"}, "junk.pt is not a readable file of weights"),
        ({"weights": tmp_path / "none.pt"}, "no file of feature weights"),
        ({"samples": 2}, "at least 8 images"),
        ({"more": ["--size", "17"]}, "Colour draws 16 pixels; --size can't be more."),
        ({"more": ["--size", "8", "--write"]}, "measured at the generator's own size"),
    ):
        use = {**good, "more": [], **changes}
        arguments = [use["folder"], "--data", use["data"], "--samples", use["samples"]]
        arguments += ["--feature-weights", use["weights"], *use["more"]]
        assert main(["evaluate", *map(str, arguments)]) == 1
        captured = capsys.readouterr()
        assert captured.err.startswith("train: ") and message in captured.err
        assert captured.out == ""
