"""``python -m train`` starts a run: its files, settings, card and lines of numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from command_line import last_line, log, results

from studio import checkpoint
from train.engine.length import Length
from train.recipes import RECIPES, Recipe
from train.runs.run import Run
from train.teachers.game import Game
from train.work.recorder import Recorder, describe

# --- start -------------------------------------------------------------------------------------


def test_a_training_from_start_to_end(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train("run") == 0
    folder, out = tmp_path / "run", capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        *("settings.json", "status.json", "log.jsonl", "samples", "state.pt", "checkpoint"),
        *("lock", ".reserve"),
    }
    assert "20 images, prepared as 16x16." in out
    assert f"Done: 32 images shown. The checkpoint is {folder / 'checkpoint'}" in out
    number = r"\d+\.\d{4}"
    for epoch in (1, 2):
        assert re.search(
            rf"^Epoch \[{epoch}/2\], loss_g: {number}, loss_d: {number}, "
            rf"real_score: {number}, fake_score: {number}$",
            out,
            re.MULTILINE,
        )
    found = log(folder)
    assert [(line["step"], line["epoch"], line["images_shown"]) for line in found] == [
        (2, 1, 16),
        (4, 2, 32),
    ]
    assert all(np.isfinite([line[name] for name in Game.NUMBERS]).all() for line in found)
    pictures = sorted(path.name for path in (folder / "samples").iterdir())
    assert pictures == ["generated-images-00000002.png", "generated-images-00000004.png"]
    card = checkpoint.read(folder / "checkpoint").card
    assert card["title"] == "run"  # its folder's name
    assert card["data"] == {"name": "bags", "images": 20}
    assert card["training"]["images_shown"] == 32
    assert checkpoint.read(folder / "checkpoint").load_generator().image_size == 16


def test_a_seed_repeats_a_training_exactly(train: Callable[..., int], tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert train(name, "--seed", seed, "--epochs", 1) == 0
    first, again, other = (results(tmp_path / name) for name in "abc")
    assert [each["card"].pop("title") for each in (first, again)] == ["a", "b"]
    assert first == again
    assert first["generator.safetensors"] != other["generator.safetensors"]
    assert first["card"]["training"]["seed"] == 7


def test_settings_given_are_kept_and_used(train: Callable[..., int], tmp_path: Path) -> None:
    given = ("--batch", 4, "--learning-rate", 0.25, "--seed", 0, "--kimg", 0.01)
    assert train("run", *given) == 0
    run = Run.open(tmp_path / "run")
    assert run.recipe == replace(RECIPES["tiny"], batch=4, learning_rate=0.25)
    assert run.settings.seed == 0
    assert run.settings.length == {"epochs": None, "kimg": 0.01, "minutes": None}
    card = checkpoint.read(tmp_path / "run" / "checkpoint").card["training"]
    assert (card["batch"], card["learning_rate"], card["seed"]) == (4, 0.25, 0)
    assert card["images_shown"] == 12  # three batches of four hold the ten


def test_a_length_in_minutes_ends(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train("run", "--minutes", 0.005) == 0
    out = capsys.readouterr().out
    assert "Done: " in out
    assert "Epoch [1], loss_g" in out or "Epoch [" not in out  # no total to state
    seconds = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["seconds"]
    assert 0.3 <= seconds < 20


def test_snapshots_are_kept_when_asked_for(train: Callable[..., int], tmp_path: Path) -> None:
    assert train("run", "--epochs", 5, "--snapshot-epochs", 2) == 0
    folder = tmp_path / "run" / "snapshots"
    assert sorted(path.name for path in folder.iterdir()) == ["0002", "0004"]
    shown = [
        checkpoint.read(folder / name).card["training"]["images_shown"] for name in ("0002", "0004")
    ]
    assert shown == [32, 64]


def test_the_state_is_saved_on_the_way(
    train: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = []
    save = Recorder.save_state
    monkeypatch.setattr(
        Recorder, "save_state", lambda run, t: saves.append(t.step_count) or save(run, t)
    )
    assert train("often", "--save-minutes", 1e-9) == 0
    assert saves == [1, 2, 3, 4, 4]
    saves.clear()
    assert train("seldom") == 0
    assert saves == [4]


def test_files_that_cannot_be_used_are_told(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    data = make_photos(tmp_path / "mixed")
    for index in range(12):
        (data / f"broken-{index:02d}.png").write_bytes(b"hello")
    assert train("run", "--epochs", 1, data=data) == 0
    out = capsys.readouterr().out
    assert "20 images" in out and "12 could not be used" in out
    assert out.count("broken-") == 10 and "and 2 more" in out


# --- cards -------------------------------------------------------------------------------------


def test_a_card_says_what_a_person_wrote(train: Callable[..., int], tmp_path: Path) -> None:
    written = {
        "title": "Täschchen",
        "description": "Small bags",
        "format": 99,
        "data": {"name": "My bags", "licence": "CC0", "images": 5},
    }
    (tmp_path / "card.json").write_text(json.dumps(written), encoding="utf-8")
    assert train("run", "--epochs", 1, "--card", tmp_path / "card.json") == 0
    card = checkpoint.read(tmp_path / "run" / "checkpoint").card
    assert (card["title"], card["description"]) == ("Täschchen", "Small bags")
    assert card["data"] == {"name": "My bags", "licence": "CC0", "images": 20}
    assert card["format"] == 1


@pytest.mark.parametrize("text", [None, "", "{", "[]", "5", '{"data": "bags"}', '{"data": []}'])
def test_a_card_that_is_none_is_refused_before_anything_is_made(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "mine.json").write_text(text)
    assert train("run", "--card", tmp_path / "mine.json") == 1
    assert re.fullmatch(
        r"train: \S*mine\.json can't be used as a card: .+\.", last_line(capsys.readouterr().err)
    )
    assert not (tmp_path / "run").exists()


def test_a_card_without_a_title_leaves_the_runs_name(
    train: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "card.json").write_text('{"description": "Small bags"}')
    assert train("my-bags", "--epochs", 1, "--card", tmp_path / "card.json") == 0
    card = checkpoint.read(tmp_path / "my-bags" / "checkpoint").card
    assert (card["title"], card["description"]) == ("my-bags", "Small bags")


# --- lines of numbers --------------------------------------------------------------------------

LINE = {
    "step": 1000,
    "epoch": 10,
    **dict(zip(Game.NUMBERS, (5.87591, 0.09079, 0.94031, 0.02559, 0.9), strict=True)),
}


@pytest.mark.parametrize(
    ("log_steps", "length", "start"),
    [
        (None, Length(250 * 8), "Epoch [10/50]"),
        (None, Length(248 * 8), "Epoch [10/50]"),
        (None, Length(math.inf, 60), "Epoch [10]"),
        (1000, Length(5000 * 8), "Step [1000/5000]"),
    ],
)
def test_a_line_of_numbers_reads_as_in_the_handbag_notebook(
    log_steps: int | None, length: Length, start: str
) -> None:
    training: Any = SimpleNamespace(
        recipe=SimpleNamespace(log_steps=log_steps),
        means=SimpleNamespace(names=Game.NUMBERS),
        steps_per_epoch=5,
        batch=8,
    )
    expected = "loss_g: 5.8759, loss_d: 0.0908, real_score: 0.9403, fake_score: 0.0256"
    assert describe(LINE, training, length) == f"{start}, {expected}"


def test_a_recipe_of_steps_logs_and_samples_by_steps(
    train: Callable[..., int],
    tmp_path: Path,
    tiny_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    by_steps = replace(tiny_recipe, epochs=None, steps=7, log_steps=3)
    monkeypatch.setitem(RECIPES, "tiny", by_steps)
    assert train("run") == 0
    assert [line["step"] for line in log(tmp_path / "run")] == [3, 6]
    out = capsys.readouterr().out
    assert "Step [3/7], loss_g" in out and "Step [6/7], loss_g" in out
    pictures = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert pictures == ["generated-images-00000003.png", "generated-images-00000006.png"]
    assert "Done: 56 images shown." in out
