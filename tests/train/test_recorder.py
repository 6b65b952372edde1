"""What a training writes into its run's folder: what survives a crash, and what is refused."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from trainings import CPU, taken
from trainings import run as steps

from studio import __version__, checkpoint
from studio.checkpoint import load_weights
from studio.design import Design
from studio.render import Renderer
from train import discriminators
from train.engine.training import Training
from train.recipes import Recipe
from train.runs.run import LOG, SETTINGS, STATE, Run, RunError
from train.teachers.game import Game
from train.work.recorder import RESERVE, Recorder, load_state

HOME = {SETTINGS, "samples", RESERVE}


@pytest.fixture
def training(tiny_recipe: Recipe) -> Training:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16, 3, 16, 16), generator=random, dtype=torch.uint8)
    return Training(tiny_recipe, images, CPU, 5)


@pytest.fixture
def recorder(run: Run) -> Recorder:
    return Recorder(run)


# --- the state ---------------------------------------------------------------------------------


def test_a_saved_state_is_the_state(
    recorder: Recorder, run: Run, training: Training, tiny_recipe: Recipe
) -> None:
    assert load_state(run, training) is False
    recorder.save_state(steps(training, 3))
    other = Training(tiny_recipe, training.images, CPU, 5)
    assert load_state(run, other) is True
    assert other.step_count == 3
    steps(training, 2), steps(other, 2)
    for mine, theirs in zip(
        training.generator.parameters(), other.generator.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


def test_a_save_that_fails_leaves_the_last_one(
    recorder: Recorder, run: Run, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.save_state(steps(training, 1))
    before = (run.folder / STATE).read_bytes()

    def full(state: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RunError, match="disk is full"):
        recorder.save_state(steps(training, 1))
    assert (run.folder / STATE).read_bytes() == before
    assert load_state(run, training) is True
    assert training.step_count == 1


def test_a_save_leaves_no_litter(recorder: Recorder, run: Run, training: Training) -> None:
    for _ in range(2):
        recorder.save_state(training)
    assert {path.name for path in run.folder.iterdir()} == {*HOME, STATE}


def damaged(state: bytes) -> dict[str, bytes]:
    return {"empty": b"", "cut": state[: len(state) // 2], "text": b"hello" * 99}


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_state_is_refused(
    recorder: Recorder, run: Run, training: Training, damage: str
) -> None:
    recorder.save_state(training)
    path = run.folder / STATE
    path.write_bytes(damaged(path.read_bytes())[damage])
    with pytest.raises(RunError, match=r"state\.pt can't be resumed from"):
        load_state(run, training)


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
    recorder: Recorder, run: Run, training: Training, change: Callable[[dict], Any]
) -> None:
    torch.save(change(training.state_dict()), run.folder / STATE)
    with pytest.raises(RunError, match="can't be resumed from"):
        load_state(run, training)


class Payload:
    """Unpickling this would create the file it names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_state_with_code_is_refused_and_not_run(
    recorder: Recorder, run: Run, training: Training
) -> None:
    ran = run.folder / "ran"
    torch.save({**training.state_dict(), "extra": Payload(ran)}, run.folder / STATE)
    with pytest.raises(RunError):
        load_state(run, training)
    assert not ran.exists()


# --- the log -----------------------------------------------------------------------------------


def lines(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / LOG).read_text().splitlines()]


def test_the_log_has_one_line_for_each_call(
    recorder: Recorder, run: Run, training: Training
) -> None:
    returned = []
    for _ in range(2):
        steps(training, 2)
        returned.append(recorder.add_line(LOG, training, taken(training)))
    found = lines(run)
    assert found == returned
    assert [(line["step"], line["epoch"], line["images_shown"]) for line in found] == [
        (2, 1, 16),
        (4, 2, 32),
    ]
    assert list(found[0]) == ["step", "epoch", "images_shown", "seconds", *Game.NUMBERS]


def test_lines_after_the_save_are_forgotten_when_resuming(
    recorder: Recorder, run: Run, training: Training
) -> None:
    for _ in range(4):
        recorder.add_line(LOG, steps(training, 1), taken(training))
        if training.step_count == 2:
            recorder.save_state(training)
    with open(run.folder / LOG, "a") as file:
        file.write('{"step": 5, "epo')
    kept = lines_of_first(run, 2)
    recorder.forget_after(2)
    assert (run.folder / LOG).read_text() == kept
    assert [line["step"] for line in lines(run)] == [1, 2]


def lines_of_first(run: Run, count: int) -> str:
    return "".join((run.folder / LOG).read_text().splitlines(keepends=True)[:count])


def test_without_a_save_the_whole_log_is_forgotten(
    recorder: Recorder, run: Run, training: Training
) -> None:
    recorder.add_line(LOG, steps(training, 1), taken(training))
    recorder.forget_after(-1)
    assert (run.folder / LOG).read_text() == ""


@pytest.mark.parametrize("last", ["", "\n", "null\n", "[]\n", "{}\n", '"text"\n', '{"step": "x"}'])
def test_a_damaged_last_line_is_dropped(
    recorder: Recorder, run: Run, training: Training, last: str
) -> None:
    recorder.add_line(LOG, training, taken(training))
    good = (run.folder / LOG).read_text()
    (run.folder / LOG).write_text(good + last)
    recorder.forget_after(0)
    assert (run.folder / LOG).read_text() == good


# --- pictures and checkpoints ------------------------------------------------------------------


def test_samples_are_a_grid_of_the_fixed_latents(
    recorder: Recorder, run: Run, training: Training
) -> None:
    path = recorder.save_samples(steps(training, 7))
    assert path == run.folder / "samples" / "generated-images-00000007.png"
    with Image.open(path) as image:
        found = np.asarray(image)
    # Two rows of three, each 16 px picture four times as large, 2 px of white between.
    assert found.shape == (2 + 2 * 66, 2 + 3 * 66, 3)
    assert (found[:2] == 255).all() and (found[:, 66:68] == 255).all()
    expected = training.average.samples().permute(0, 2, 3, 1).numpy().repeat(4, 1).repeat(4, 2)
    np.testing.assert_array_equal(found[2:66, 2:66], expected[0])
    np.testing.assert_array_equal(found[68:132, 134:198], expected[5])


def test_a_checkpoint_is_what_the_studio_opens(
    recorder: Recorder, run: Run, training: Training
) -> None:
    steps(training, 3)
    assert recorder.save_checkpoint(training) == run.folder / "checkpoint"
    renderer = Renderer(run.folder.parent)
    assert list(renderer.checkpoints()) == ["run"]
    assert renderer.pixels(Design("run", seed=3)).shape == (16, 16, 3)

    found = checkpoint.read(run.folder / "checkpoint")
    averaged, loaded = training.average.generator(), found.load_generator()
    latents = torch.randn(4, 8)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(latents), averaged(latents), atol=0.01, rtol=0)
    judge = discriminators.build(found.card["discriminator"])
    load_weights(judge, found.folder / checkpoint.DISCRIMINATOR)
    for mine, theirs in zip(judge.parameters(), training.discriminator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)


def test_the_card_tells_what_it_was_trained_on_and_how(
    recorder: Recorder, run: Run, training: Training
) -> None:
    training.seconds = 5400.0
    steps(training, 3)
    card = checkpoint.read(recorder.save_checkpoint(training)).card
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
        "augment": "",
        "teachers": {"game": 1.0},
        "precision": "fp32",
        "device": "cpu",
        "hours": 1.5,
        "version": __version__,
    }


def test_snapshots_lie_apart_and_stay(recorder: Recorder, run: Run, training: Training) -> None:
    first = recorder.save_checkpoint(steps(training, 1), "snapshots/0001")
    second = recorder.save_checkpoint(steps(training, 2), "snapshots/0002")
    assert first == run.folder / "snapshots" / "0001"
    assert checkpoint.read(first).fingerprint != checkpoint.read(second).fingerprint
    assert not (run.folder / "checkpoint").exists()


def test_a_newer_checkpoint_replaces_the_older(
    recorder: Recorder, run: Run, training: Training
) -> None:
    recorder.save_checkpoint(training)
    old = checkpoint.read(run.folder / "checkpoint").fingerprint
    (run.folder / "checkpoint" / "directions.json").write_text("of the old weights")
    recorder.save_checkpoint(steps(training, 2))
    assert checkpoint.read(run.folder / "checkpoint").fingerprint != old
    assert not (run.folder / "checkpoint" / "directions.json").exists()
    assert {path.name for path in run.folder.iterdir()} == {*HOME, "checkpoint"}
