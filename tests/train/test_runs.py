"""A run's folder: what is written, what survives a crash, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio import checkpoint
from studio.checkpoint import load_weights
from studio.design import Design
from studio.render import Renderer
from train import discriminators
from train.hardware import Hardware
from train.loop import NUMBERS, Training
from train.recipes import Recipe
from train.runs import LOG, SETTINGS, STATE, Run, RunError

CPU = Hardware(torch.device("cpu"), bf16=False)


@pytest.fixture
def settings(tiny_recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": tiny_recipe.to_dict(),
        "data": "photos",
        "data_digest": "0" * 64,
        "seed": 5,
        "length": {},
        "card": {"title": "Taschen – bags", "data": {"name": "photos", "images": 16}},
    }


@pytest.fixture
def training(tiny_recipe: Recipe) -> Training:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16, 3, 16, 16), generator=random, dtype=torch.uint8)
    return Training(tiny_recipe, images, CPU, 5)


@pytest.fixture
def run(tmp_path: Path, settings: dict[str, Any]) -> Run:
    return Run.create(tmp_path / "run", settings)


def steps(training: Training, count: int) -> Training:
    for _ in range(count):
        training.step()
    return training


# --- creating and opening ----------------------------------------------------------------------


def test_a_run_opens_with_the_settings_it_was_made_with(
    run: Run, settings: dict[str, Any], tiny_recipe: Recipe
) -> None:
    assert {path.name for path in run.folder.iterdir()} == {SETTINGS, "samples"}
    again = Run.open(run.folder)
    assert again.settings == json.loads(json.dumps(settings))
    assert again.recipe == run.recipe == tiny_recipe
    assert "Taschen – bags" in (run.folder / SETTINGS).read_text(encoding="utf-8")


def test_an_empty_or_new_folder_will_do(tmp_path: Path, settings: dict[str, Any]) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "some" / "where" / "new"):
        Run.create(folder, settings)
        assert (folder / SETTINGS).is_file()


def test_a_folder_in_use_is_refused_and_left_alone(
    run: Run, tmp_path: Path, settings: dict[str, Any]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".hidden").write_text("precious")
    (tmp_path / "file").write_text("precious")
    before = (run.folder / SETTINGS).read_bytes()
    for folder in (run.folder, tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(RunError, match=r"not empty.*--out.*--resume"):
            Run.create(folder, {**settings, "seed": 6})
    assert (run.folder / SETTINGS).read_bytes() == before
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [".hidden"]
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunError, match="can't be made"):
        Run.create(tmp_path / "file" / "run", settings)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "5", "{}", '{"recipe": null}', '{"recipe": {}}', b"\xff\xfe"],
    ids=repr,
)
def test_damaged_settings_are_refused(run: Run, text: str | bytes) -> None:
    path = run.folder / SETTINGS
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match=r"settings\.json can't be used"):
        Run.open(run.folder)


@pytest.mark.parametrize("part", ["recipe", "data", "data_digest", "seed", "length", "card"])
def test_settings_that_lack_a_part_are_refused(
    run: Run, settings: dict[str, Any], part: str
) -> None:
    del settings[part]
    (run.folder / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(RunError, match=part):
        Run.open(run.folder)


def test_where_there_is_no_run_none_is_opened(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match=r"no run in .*settings\.json"):
            Run.open(folder)


# --- the state ---------------------------------------------------------------------------------


def test_a_saved_state_is_the_state(run: Run, training: Training, tiny_recipe: Recipe) -> None:
    assert run.load_state(training) is False
    run.save_state(steps(training, 3))
    other = Training(tiny_recipe, training.images, CPU, 5)
    assert run.load_state(other) is True
    assert other.step_count == 3
    steps(training, 2), steps(other, 2)
    for mine, theirs in zip(
        training.generator.parameters(), other.generator.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_a_save_that_fails_leaves_the_last_one(
    run: Run, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.save_state(steps(training, 1))
    before = (run.folder / STATE).read_bytes()

    def full(state: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        run.save_state(steps(training, 1))
    assert (run.folder / STATE).read_bytes() == before
    assert run.load_state(training) is True
    assert training.step_count == 1


def test_a_save_leaves_no_litter(run: Run, training: Training) -> None:
    for _ in range(2):
        run.save_state(training)
    assert {path.name for path in run.folder.iterdir()} == {SETTINGS, STATE, "samples"}


def damaged(state: bytes) -> dict[str, bytes]:
    return {"empty": b"", "cut": state[: len(state) // 2], "text": b"hello" * 99}


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_state_is_refused(run: Run, training: Training, damage: str) -> None:
    run.save_state(training)
    path = run.folder / STATE
    path.write_bytes(damaged(path.read_bytes())[damage])
    with pytest.raises(RunError, match=r"state\.pt can't be resumed from"):
        run.load_state(training)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: [],
        lambda state: {},
        lambda state: {**state, "generator": {}},
        lambda state: {**state, "random": torch.zeros(3)},
        lambda state: {k: v for k, v in state.items() if k != "step_count"},
    ],
    ids=["list", "empty", "no weights", "random state", "no step count"],
)
def test_a_state_of_something_else_is_refused(
    run: Run, training: Training, change: Callable[[dict], Any]
) -> None:
    torch.save(change(training.state_dict()), run.folder / STATE)
    with pytest.raises(RunError, match="can't be resumed from"):
        run.load_state(training)


class Payload:
    """Unpickling this would create the file it names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_state_with_code_is_refused_and_not_run(run: Run, training: Training) -> None:
    ran = run.folder / "ran"
    torch.save({**training.state_dict(), "extra": Payload(ran)}, run.folder / STATE)
    with pytest.raises(RunError):
        run.load_state(training)
    assert not ran.exists()


# --- the log -----------------------------------------------------------------------------------


def lines(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / LOG).read_text().splitlines()]


def test_the_log_has_one_line_for_each_call(run: Run, training: Training) -> None:
    returned = []
    for _ in range(2):
        steps(training, 2)
        returned.append(run.log(training, training.take_numbers()))
    found = lines(run)
    assert found == returned
    assert [(line["step"], line["epoch"], line["images_shown"]) for line in found] == [
        (2, 1, 16),
        (4, 2, 32),
    ]
    assert list(found[0]) == ["step", "epoch", "images_shown", "seconds", *NUMBERS]


def test_lines_after_the_save_are_forgotten_when_resuming(run: Run, training: Training) -> None:
    for _ in range(4):
        run.log(steps(training, 1), training.take_numbers())
        if training.step_count == 2:
            run.save_state(training)
    with open(run.folder / LOG, "a") as file:
        file.write('{"step": 5, "epo')
    kept = lines_of_first(run, 2)
    run.load_state(training)
    assert (run.folder / LOG).read_text() == kept
    assert [line["step"] for line in lines(run)] == [1, 2]


def lines_of_first(run: Run, count: int) -> str:
    return "".join((run.folder / LOG).read_text().splitlines(keepends=True)[:count])


def test_without_a_save_the_whole_log_is_forgotten(run: Run, training: Training) -> None:
    run.log(steps(training, 1), training.take_numbers())
    fresh = Training(training.recipe, training.images, CPU, 5)
    assert run.load_state(fresh) is False
    assert (run.folder / LOG).read_text() == ""


@pytest.mark.parametrize("last", ["", "\n", "null\n", "[]\n", "{}\n", '"text"\n', '{"step": "x"}'])
def test_a_damaged_last_line_is_dropped(run: Run, training: Training, last: str) -> None:
    run.log(training, training.take_numbers())
    good = (run.folder / LOG).read_text()
    (run.folder / LOG).write_text(good + last)
    run.load_state(training)
    assert (run.folder / LOG).read_text() == good


# --- pictures and checkpoints ------------------------------------------------------------------


def test_samples_are_a_grid_of_the_fixed_latents(run: Run, training: Training) -> None:
    path = run.save_samples(training, 7)
    assert path == run.folder / "samples" / "generated-images-0007.png"
    with Image.open(path) as image:
        found = np.asarray(image)
    # Two rows of three, each 16 px picture four times as large, 2 px of white between.
    assert found.shape == (2 + 2 * 66, 2 + 3 * 66, 3)
    assert (found[:2] == 255).all() and (found[:, 66:68] == 255).all()
    expected = training.samples().permute(0, 2, 3, 1).numpy().repeat(4, 1).repeat(4, 2)
    np.testing.assert_array_equal(found[2:66, 2:66], expected[0])
    np.testing.assert_array_equal(found[68:132, 134:198], expected[5])


def test_a_checkpoint_is_what_the_studio_opens(run: Run, training: Training) -> None:
    steps(training, 3)
    assert run.save_checkpoint(training) == run.folder / "checkpoint"
    renderer = Renderer(run.folder.parent)
    assert list(renderer.checkpoints()) == ["run"]
    assert renderer.pixels(Design("run", seed=3)).shape == (16, 16, 3)

    found = checkpoint.read(run.folder / "checkpoint")
    averaged, loaded = training.averaged_generator(), found.load_generator()
    latents = torch.randn(4, 8)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(latents), averaged(latents), atol=0.01, rtol=0)
    judge = discriminators.build(found.card["discriminator"])
    load_weights(judge, found.folder / checkpoint.DISCRIMINATOR)
    for mine, theirs in zip(judge.parameters(), training.discriminator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)


def test_the_card_tells_what_it_was_trained_on_and_how(run: Run, training: Training) -> None:
    training.seconds = 5400.0
    steps(training, 3)
    card = checkpoint.read(run.save_checkpoint(training)).card
    assert card["title"] == "Taschen – bags"
    assert card["data"] == {"name": "photos", "images": 16}
    assert card["recipe"] == "tiny"
    assert card["discriminator"] == training.recipe.discriminator
    assert card["generator"] == training.generator.config
    numbers = dict(card["training"])
    assert len(numbers.pop("date")) == 10
    assert numbers == {
        "images_shown": 24,
        "epochs": 1.5,
        "batch": 8,
        "learning_rate": 1e-3,
        "seed": 5,
        "ema_kimg": 10.0,
        "precision": "fp32",
        "device": "cpu",
        "hours": 1.5,
    }


def test_snapshots_lie_apart_and_stay(run: Run, training: Training) -> None:
    first = run.save_checkpoint(steps(training, 1), snapshot="0001")
    second = run.save_checkpoint(steps(training, 2), snapshot="0002")
    assert first == run.folder / "snapshots" / "0001"
    assert checkpoint.read(first).fingerprint != checkpoint.read(second).fingerprint
    assert not (run.folder / "checkpoint").exists()


def test_a_newer_checkpoint_replaces_the_older(run: Run, training: Training) -> None:
    run.save_checkpoint(training)
    old = checkpoint.read(run.folder / "checkpoint").fingerprint
    (run.folder / "checkpoint" / "directions.json").write_text("of the old weights")
    run.save_checkpoint(steps(training, 2))
    assert checkpoint.read(run.folder / "checkpoint").fingerprint != old
    assert not (run.folder / "checkpoint" / "directions.json").exists()
    assert {path.name for path in run.folder.iterdir()} == {SETTINGS, "samples", "checkpoint"}
