"""From a shell: a codec, designs in one space with photos, and how near photos come back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from coded_trainings import GENERATOR, RECIPE, pictures
from command_line import ON_CPU, last_line, resume
from PIL import Image

from studio import checkpoint
from studio.checkpoint import CheckpointError
from studio.inversion import loading
from train.__main__ import main
from train.recipes import RECIPES, Recipe
from train.teachers import features
from train.work import worker


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "LEAST_SIZE", 32)
    tiny = replace(RECIPE, name="codec", aside=0.2, steps=4, epochs=None, log_steps=2)
    designs = replace(
        tiny,
        name="coded",
        title="Tiny designs",
        conditional=True,
        teachers={"styles": 1.0, "flow": 1.0},
    )
    monkeypatch.setitem(RECIPES, "codec", tiny)
    monkeypatch.setitem(RECIPES, "coded", designs)


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 photos of 32 px on a light grey ground, in a folder for each of two categories."""
    folder = tmp_path_factory.mktemp("bags")
    for number, pixels in enumerate(pictures()):
        path = folder / ("clutch", "tote")[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(path)
    return folder


@pytest.fixture
def train(bags: Path, tmp_path: Path, lite0: Path) -> Callable[..., int]:
    """``train(name, recipe, *options)`` starts a run called ``name`` under ``tmp_path``."""

    def train(name: str, recipe: str, *options: Any, data: tuple[Path, ...] = (bags,)) -> int:
        start = ["--data", *data, "--recipe", recipe, "--out", tmp_path / name]
        seeing = ["--feature-weights", lite0]
        return main([str(each) for each in (*start, *ON_CPU, *seeing, *options)])

    return train


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def test_from_photos_to_a_codec_to_designs(
    train: Callable[..., int], tmp_path: Path, bags: Path, lite0: Path, capsys
) -> None:
    assert train("codec", "codec") == 0
    found = checkpoint.read(tmp_path / "codec" / "checkpoint")
    assert set(found.card["encoders"]) == {"photo"}
    assert found.card["training"]["teachers"] == {"reconstruction": 1.0}
    codec, generator = loading.of_checkpoint(found, found.load_generator()), found.load_generator()
    photos = pictures()[:2] / 127.5 - 1
    codes = codec["photo"](photos)
    assert codes.shape == (2, 14, 4, 4)
    assert generator.draw_codes(codes).shape == photos.shape
    assert {"pixels", "features", "features_aside"} <= set(
        lines(tmp_path / "codec", "log.jsonl")[0]
    )

    start = "--start-from", found.folder
    assert train("designs", "coded", *start) == 0
    run = tmp_path / "designs"
    designs = checkpoint.read(run / "checkpoint")
    assert designs.classes == ("clutch", "tote")
    drawing = designs.load_generator()
    encoders = loading.of_checkpoint(designs, drawing)
    assert set(encoders) == {"photo"}
    assert torch.equal(encoders["photo"](photos), codes)  # it stayed as it was
    assert drawing.synthesis.known and not generator.synthesis.known
    assert drawing.synthesis.styles(codes).shape == (2, 10)
    assert torch.equal(drawing.draw_codes(codes), generator.draw_codes(codes))
    assert not list(run.glob("codes-*.pt"))  # they go with the end
    assert {"code_difference", "flow_loss"} <= set(lines(run, "log.jsonl")[0])

    capsys.readouterr()
    sheet = tmp_path / "sheet.png"
    asked = ["--data", bags, "--feature-weights", lite0, "--aside", 0.2, "--sheet", sheet]
    folders = found.folder, designs.folder
    assert main(["reconstruct", *map(str, (*folders, *asked))]) == 0
    first, second = map(json.loads, capsys.readouterr().out.strip().splitlines()[-2:])
    assert {"name", "photos", "by_photo", "at_64_px"} == set(first)
    assert {"name", "photos", "by_photo", "by_style", "at_64_px"} == set(second)
    assert first["by_photo"] == second["by_photo"]
    assert 0 < first["photos"] < 12 and sheet.exists()
    assert first["at_64_px"]["features"] < first["by_photo"]["features"]  # it hardly learnt


def test_a_run_that_was_stopped_goes_on_exactly(
    train: Callable[..., int],
    tmp_path: Path,
    at_step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "LISTEN_SECONDS", -1.0)  # steps are over sooner than it listens
    assert train("codec", "codec") == 0
    start = "--start-from", tmp_path / "codec" / "checkpoint"
    assert train("whole", "coded", *start) == 0
    run = tmp_path / "stopped"
    at_step(2, lambda _: (run / "requests").mkdir(exist_ok=True) or (run / "requests/stop").touch())
    train("stopped", "coded", *start)
    assert list(run.glob("codes-*.pt"))
    assert resume(run) == 0
    for name in ("generator", "flow", "encoder"):
        path = f"checkpoint/{name}.safetensors"
        assert (run / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()


def test_a_damaged_encoder_is_told(train: Callable[..., int], tmp_path: Path) -> None:
    assert train("codec", "codec") == 0
    found = checkpoint.read(tmp_path / "codec" / "checkpoint")
    path = found.folder / checkpoint.ENCODER
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="not the file its card describes"):
        loading.of_checkpoint(found, found.load_generator())
    path.unlink()
    with pytest.raises(CheckpointError, match="can't be read"):
        loading.of_checkpoint(found, found.load_generator())


@pytest.mark.parametrize(
    ("recipe", "options", "sentence"),
    [
        ("coded", (), "needs a codec to begin from"),
        ("coded", ("--start-from", "colour"), "begins from a codec, and colour has none"),
        ("codec", ("--encoder-share", "0"), "needs a codec to begin from"),
        ("codec", ("--teachers", "reconstruction,styles"), "codes that stay as they are"),
        ("codec", ("--size", "16"), "can't be trained at 16 px; its own size is 32 px"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    train: Callable[..., int], checkpoints: Path, recipe: str, options, sentence: str, capsys
) -> None:
    options = [checkpoints / "colour" if each == "colour" else each for each in options]
    assert train("run", recipe, *options) == 1
    assert sentence in last_line(capsys.readouterr().err)


def test_a_codec_of_another_size_is_refused(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    assert train("codec", "codec") == 0
    smaller: Recipe = replace(
        RECIPES["coded"], generator={**GENERATOR, "decoder_widths": [16, 12, 8]}
    )
    monkeypatch.setitem(RECIPES, "coded", smaller)
    assert train("run", "coded", "--start-from", tmp_path / "codec" / "checkpoint") == 1
    assert "learns from pictures of 16 px" in last_line(capsys.readouterr().err)


def test_several_places_are_learnt_on_one_ground(
    train: Callable[..., int], bags: Path, photos: Path, tmp_path: Path
) -> None:
    more = tmp_path / "white"
    shutil.copytree(photos, more)
    data = bags, more
    assert train("codec", "codec", "--ground", "240", "--epochs", "1", data=data) == 0
    settings = json.loads((tmp_path / "codec" / "settings.json").read_text())
    assert settings["more"] == [str(more)] and settings["ground"] == 240
    card = checkpoint.read(tmp_path / "codec" / "checkpoint").card
    assert card["data"] == {"name": f"{bags.name}, white", "ground": 240, "images": 44}
    assert resume(tmp_path / "codec", "--epochs", "2") == 0
