"""Training on captions: colour words are learnt, and what captions can't do is said."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import ON_CPU, resume
from PIL import Image
from torch import Tensor
from trainings import CPU, differences, run, through_a_file

from studio import checkpoint, words
from studio.design import from_dict
from studio.render import Renderer
from train.__main__ import main
from train.engine.training import Training
from train.metrics.drawing import worded_drawer
from train.recipes import RECIPES, Recipe
from train.runs.run import Run
from train.teachers.base import Batch

COLOURS = {"red": (220, 30, 40), "green": (30, 190, 60), "blue": (40, 60, 220)}
THINGS = ("shirt", "skirt")
WORDED: dict[str, Any] = {
    "generator": {
        "kind": "self-modulated",
        "latent_dim": 8,
        "style_dim": 32,
        "widths": [24, 16],
        "start": 8,
        "words": 256,
        "output": "tanh",
    },
    "discriminator": {"kind": "dcgan", "widths": [16, 32], "end": 4, "words": 256},
    "learning_rate": 4e-3,
    "learning_rate_d": 2e-3,
    "betas": (0.5, 0.99),
    "batch": 24,
    "caption_dropout": 0.1,
    "matching": True,
}


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe) -> Recipe:
    found = replace(tiny_recipe, name="worded", **WORDED)
    monkeypatch.setitem(RECIPES, "worded", found)
    return found


@pytest.fixture(scope="session")
def wardrobe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pictures of shirts (tall) and skirts (wide) in three colours, with captions."""
    folder = tmp_path_factory.mktemp("captioned")
    random = np.random.default_rng(0)
    rows = []
    for number in range(48):
        colour, thing = list(COLOURS)[number % 3], THINGS[number // 3 % 2]
        pixels = np.full((16, 16, 3), 255, np.uint8)
        rows_, columns = (
            (slice(2, 14), slice(5, 11)) if thing == "shirt" else (slice(5, 11), slice(2, 14))
        )
        noise = random.integers(-20, 20, 3)
        pixels[rows_, columns] = np.clip(np.array(COLOURS[colour]) + noise, 0, 255)
        name = f"{number:03d}.png"
        Image.fromarray(pixels).save(folder / name)
        rows.append(
            {"file_name": name, "text": f"{colour} {thing}", "colour": colour, "type": thing}
        )
    with open(folder / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def strongest(pictures: Tensor) -> list[int]:
    """Which of red, green and blue stands out in each picture (N, 3, H, W)."""
    return pictures.float().mean((2, 3)).argmax(1).tolist()


def trained(folder: Path, wardrobe: Path, *options: str) -> Run:
    start = ["--data", str(wardrobe), "--recipe", "worded", "--out", str(folder), *ON_CPU]
    assert main([*start, *options]) == 0
    return Run.open(folder)


def test_colour_words_are_learnt_within_a_minute(
    recipe: Recipe, wardrobe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sheet of samples takes longer than the two updates of an epoch, so few are drawn.
    monkeypatch.setitem(RECIPES, "worded", replace(recipe, log_steps=100))
    made = trained(tmp_path / "run", wardrobe, "--epochs", "150")
    found = checkpoint.read(made.folder / "checkpoint")
    encoder = found.load_words()
    assert set(encoder.terms) == {*COLOURS, *THINGS}
    draw = worded_drawer(found.load_generator(), encoder)
    for channel, colour in enumerate(COLOURS):
        drawn = draw([f"{colour} {thing}" for thing in THINGS] * 8, 1)
        assert strongest(drawn).count(channel) >= 14, colour
    # The studio draws the same generator by the same words.
    design = from_dict({"generator": found.name, "seed": 1, "text": "crimson shirt"})
    pixels = Renderer(tmp_path).pixels(design)
    assert pixels.astype(float).mean((0, 1)).argmax() == 0


def test_a_run_of_words_goes_on_where_it_was(
    recipe: Recipe, wardrobe: Path, tmp_path: Path
) -> None:
    made = trained(tmp_path / "run", wardrobe, "--epochs", "1")
    before = (made.folder / "words.json").read_bytes()
    assert resume(made.folder, "--epochs", "2") == 0
    assert (made.folder / "words.json").read_bytes() == before
    assert (made.folder / "checkpoint" / "words.json").read_bytes() == before
    card = checkpoint.read(made.folder / "checkpoint").card
    assert card["generator"]["words"] == card["discriminator"]["words"] == 5


def test_resuming_equals_going_on(recipe: Recipe) -> None:
    images = torch.randint(0, 256, (48, 3, 16, 16), dtype=torch.uint8)
    vectors = torch.rand(48, 256)

    def start() -> Training:
        return Training(recipe, images, CPU, 5, condition=vectors)

    whole, first, second = run(start(), 4), run(start(), 2), start()
    second.load_state_dict(through_a_file(first.state_dict()))
    assert differences(run(second, 2), whole) == set()


def test_a_run_starts_with_the_words_of_what_it_starts_from(
    recipe: Recipe, wardrobe: Path, tmp_path: Path, make_photos: Callable[..., Path]
) -> None:
    first = trained(tmp_path / "first", wardrobe, "--epochs", "1")
    other = make_photos(tmp_path / "other")
    lines = [f"{index:03d}.png,yellow hat" for index in range(20)]
    (other / "metadata.csv").write_text("\n".join(["file_name,text", *lines]))
    start = ["--start-from", str(first.folder / "checkpoint"), "--epochs", "1"]
    second = trained(tmp_path / "second", other, *start)
    assert words.load(second.folder).terms == words.load(first.folder).terms


def test_a_run_may_have_a_vocabulary_of_attributes(
    recipe: Recipe, wardrobe: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    attributes = ("--vocabulary", "attributes")
    made = trained(tmp_path / "run", wardrobe, "--epochs", "1", *attributes)
    found = checkpoint.read(made.folder / "checkpoint")
    encoder = found.load_words()
    assert encoder.vocabulary == made.recipe.vocabulary == "attributes"
    assert set(encoder.terms) == {*COLOURS, *THINGS}
    assert found.card["generator"]["words"] == 5
    np.testing.assert_array_equal(encoder.vector("rotes Hemd"), encoder.vector("red shirt"))
    # One that starts from it keeps its words, so there is nothing to choose.
    start = ["--start-from", str(found.folder), "--out", str(tmp_path / "more")]
    assert main(["--data", str(wardrobe), *start, *attributes, *ON_CPU]) == 1
    assert "has its own words" in capsys.readouterr().err
    kept = trained(tmp_path / "kept", wardrobe, "--epochs", "1", *start[:2])
    assert words.load(kept.folder) == encoder


def test_only_a_recipe_of_words_has_a_vocabulary(
    tiny_recipe: Recipe, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    start = ["--data", str(photos), "--recipe", "handbags", "--out", str(tmp_path / "run")]
    assert main([*start, "--vocabulary", "attributes", *ON_CPU]) == 1
    assert "handbags draws by no words" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_captions_no_run_is_made(
    recipe: Recipe, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    start = ["--data", str(photos), "--recipe", "worded", "--out", str(tmp_path / "run")]
    assert main([*start, *ON_CPU]) == 1
    assert "put a metadata.csv beside the images" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_images_without_a_caption_are_counted_and_left_out(
    recipe: Recipe, wardrobe: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folder = Path(shutil.copytree(wardrobe, tmp_path / "some"))
    lines = (folder / "metadata.csv").read_text().splitlines()
    (folder / "metadata.csv").write_text("\n".join([*lines[:41], "gone.png,red shirt,red,shirt"]))
    made = trained(tmp_path / "run", folder, "--epochs", "1")
    said = capsys.readouterr().out
    assert "1 row names no image that is there: gone.png." in said
    assert (
        "8 images have no caption and won't be used: 040.png, 041.png, 042.png and 5 more." in said
    )
    assert checkpoint.read(made.folder / "checkpoint").card["data"]["images"] == 40


def test_wrong_words_count_as_false(recipe: Recipe) -> None:
    """Where all images are alike, only their words can tell right from wrong."""
    images = torch.full((24, 3, 16, 16), 200, dtype=torch.uint8)
    vectors = torch.eye(256)[torch.arange(24) % 2]
    training = Training(replace(recipe, caption_dropout=0.0), images, CPU, 5, condition=vectors)
    real = torch.rand(4, 3, 16, 16)
    told = torch.eye(256)[[0, 0, 1, 1]]
    step = {"step": 0, "done": 0.0, "rate": 1.0, "shown": 4}
    rows = torch.arange(4)
    batch = Batch(real, real, told, told.roll(1, 0), rows=rows, mirrored=None, **step)
    own, wrong = training.teachers["game"]._judge_real(real, batch)
    assert own.shape == (4,) and wrong.shape == (2,)  # two neighbours have the same words
    plain = Training(replace(recipe, matching=False), images, CPU, 5, condition=vectors)
    assert plain.teachers["game"]._judge_real(real, batch)[1].shape == (0,)


def test_captions_are_dropped_as_often_as_the_recipe_says(recipe: Recipe) -> None:
    images = torch.zeros((24, 3, 16, 16), dtype=torch.uint8)
    training = Training(
        replace(recipe, caption_dropout=0.25), images, CPU, 5, condition=torch.ones(24, 256)
    )
    dropped = [training.source._some_dropped(torch.ones(24, 256)) for _ in range(100)]
    share = 1 - torch.stack(dropped)[..., 0].mean().item()
    assert share == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    "condition", [None, torch.zeros(24, 5), torch.zeros(24, dtype=torch.int64)]
)
def test_a_recipe_of_words_needs_vectors(recipe: Recipe, condition: Any) -> None:
    with pytest.raises(ValueError, match="256 values for each image"):
        Training(
            recipe, torch.zeros((24, 3, 16, 16), dtype=torch.uint8), CPU, 5, condition=condition
        )
