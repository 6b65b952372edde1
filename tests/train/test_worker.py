"""The process of a run: what it writes, what it hears, and how it gets over trouble."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import results
from worker_runs import STEPS, same_state, state_of, train

from studio import checkpoint
from train.engine.training import Training
from train.recipes import Recipe
from train.runs.finding import locked
from train.runs.run import CURVES, LOG, Run, RunError
from train.runs.status import Status
from train.work import worker

# --- to the end --------------------------------------------------------------------------------


def test_a_run_ends_finished_and_says_where_it_is(prepare: Callable[..., Run]) -> None:
    run = prepare()
    assert train(run) == "finished"
    status = run.status()
    assert (status.state, status.step, status.epoch, status.share) == (
        *("finished", STEPS),
        3,
        1.0,
    )
    assert status.images_shown == STEPS * 8
    assert status.device == "cpu" and "CPU core" in status.device_name
    assert status.saved_step == STEPS
    assert run.state() == ("finished", "Finished.")
    assert len(run.lines(LOG)) == 3
    settings = Run.open(run.folder).settings
    assert len(settings.data_digest) == 64
    assert settings.card["data"]["images"] == 20
    assert checkpoint.read(run.folder / "checkpoint").card["data"]["images"] == 20


def test_the_curves_have_a_point_for_each_thousand_images(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", 16)
    run = prepare()
    train(run)
    points = run.lines(CURVES)
    assert [point["step"] for point in points] == [2, 4, 6]
    assert [point["images_shown"] for point in points] == [16, 32, 48]
    assert all(-1 <= point["real_sign"] <= 1 for point in points)
    assert run.lines(CURVES, since=4) == points[2:]


def test_a_finished_run_trained_on_equals_a_longer_one(prepare: Callable[..., Run]) -> None:
    first, whole = prepare("first"), prepare("whole", length={"epochs": 5})
    train(first), train(whole)
    train(first, length={"epochs": 5})
    assert same_state(first, whole)
    assert Run.open(first.folder).settings.length == {"epochs": 5}


def test_slices_equal_one_long_run(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, sliced = prepare("whole"), prepare("sliced")
    train(whole)
    states = []
    while not states or states[-1] != "finished":
        states.append(train(sliced, slice_seconds=0.0))  # a slice is one step at least
    assert states == ["stopped"] * (STEPS - 1) + ["finished"]
    assert same_state(whole, sliced)
    # A run that stops writes a grid of samples only where the recipe asks for one.
    assert results(whole.folder)["log"] == results(sliced.folder)["log"]


# --- requests ----------------------------------------------------------------------------------


@pytest.fixture
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are looked for after every step."""
    monkeypatch.setattr(worker, "LISTEN_SECONDS", -1.0)


def test_a_run_stops_when_asked_and_resumes_exactly(
    prepare: Callable[..., Run], at_step: Callable[..., None], attentive: None
) -> None:
    whole, run = prepare("whole"), prepare()
    train(whole)
    at_step(3, lambda training: run.ask("stop"))
    assert train(run) == "stopped"
    assert state_of(run)["step_count"] == 3
    assert run.state()[0] == "stopped" and "Resume" in run.state()[1]
    assert checkpoint.read(run.folder / "checkpoint").load_generator()
    assert train(run) == "finished"
    assert same_state(run, whole)


def test_saves_samples_and_checkpoints_are_made_when_asked(
    prepare: Callable[..., Run], at_step: Callable[..., None], attentive: None
) -> None:
    run, seen = prepare(), {}

    def look(training: Training) -> None:
        seen[training.step_count] = sorted(path.name for path in run.folder.iterdir())

    at_step(1, lambda training: [run.ask(wish) for wish in ("save", "sample")])
    at_step(2, look)
    at_step(3, lambda training: run.ask("checkpoint"))
    assert train(run) == "finished"
    assert {"state.pt", "checkpoint"} <= set(seen[2])
    assert run.frames() == [1, 2, 4, 6]  # the first one as asked, the others with each epoch
    assert run.take_requests() == set()


def test_only_a_living_run_can_be_asked(prepare: Callable[..., Run]) -> None:
    run = prepare()
    with pytest.raises(RunError, match="not training, so it can't stop"):
        run.ask("stop")
    with locked(run), pytest.raises(RunError, match="can be asked to stop, save"):
        run.ask("dance")


# --- trouble -----------------------------------------------------------------------------------


def poison(training: Training) -> None:
    with torch.no_grad():
        next(iter(training.generator.parameters())).fill_(math.nan)


@pytest.mark.parametrize("tick_images", [8, 10**6], ids=["seen in numbers", "seen when saving"])
def test_broken_numbers_lead_back_to_the_last_save_at_half_the_rate(
    prepare: Callable[..., Run],
    at_step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    quick_export: None,
    tick_images: int,
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", tick_images)
    run = prepare(live=True)
    at_step(4, poison)
    assert train(run, save_minutes=1e-9) == "finished"
    assert Run.open(run.folder).recipe.learning_rate == 0.5e-3
    (note,) = run.status().notes
    assert "half the learning rate, 0.0005" in note
    state = state_of(run)
    assert state["step_count"] == STEPS
    assert all(value.isfinite().all() for value in state["generator"].values())
    assert state["optimiser"]["param_groups"][0]["lr"] == 0.5e-3


def test_a_discriminator_with_a_rate_of_its_own_is_slowed_down_too(
    prepare: Callable[..., Run], at_step: Callable[..., None], tiny_recipe: Recipe
) -> None:
    recipe = replace(tiny_recipe, learning_rate_d=4e-3)
    run = prepare(recipe=recipe.to_dict())
    at_step(4, poison)
    assert train(run, save_minutes=1e-9) == "finished"
    assert Run.open(run.folder).recipe.rate_d == 2e-3
    assert state_of(run)["teachers"]["game"]["optimiser"]["param_groups"][0]["lr"] == 2e-3


def test_numbers_that_break_again_end_the_run_in_words(
    prepare: Callable[..., Run], at_step: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", 8)
    run = prepare()
    at_step(4, poison, times=2)
    with pytest.raises(RunError, match="broke twice"):
        train(run)
    assert run.state()[0] == "failed" and "broke twice" in run.state()[1]


def run_out_of_memory(training: Training) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_out_of_memory_halves_the_batch_and_says_so(
    prepare: Callable[..., Run], at_step: Callable[..., None]
) -> None:
    run = prepare()
    at_step(3, run_out_of_memory)
    assert train(run, save_minutes=1e-9) == "finished"
    assert Run.open(run.folder).recipe.batch == 4
    (note,) = run.status().notes
    assert "ran out of memory" in note and "looks at 4 photos" in note
    # Two steps of eight were saved; the rest of the 60 images is shown in fours.
    assert state_of(run)["images_shown"] == 60


def test_too_little_memory_for_anything_is_a_sentence(
    prepare: Callable[..., Run], at_step: Callable[..., None]
) -> None:
    run = prepare()
    at_step(1, run_out_of_memory, times=9)
    with pytest.raises(RunError, match="too little memory"):
        train(run)
    assert run.state()[0] == "failed"


def test_a_full_disk_keeps_the_last_save_and_is_said(
    prepare: Callable[..., Run], at_step: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, run = prepare("whole"), prepare()
    train(whole)
    save = torch.save

    def full(state: Any, file: Any) -> None:
        if state["step_count"] == 4:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(state, file)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(RunError, match="disk is full"):
            train(run, save_minutes=1e-9)
    assert run.state()[0] == "failed" and "disk is full" in run.state()[1]
    assert state_of(run)["step_count"] == 3
    assert not list(run.folder.glob(".state*"))
    assert train(run) == "finished"
    assert same_state(run, whole)


def test_a_status_that_cannot_be_written_gives_up_its_reserve(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare()
    write = Run.save_status

    def full(run: Run, status: Status) -> None:
        if (run.folder / ".reserve").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(run, status)

    monkeypatch.setattr(Run, "save_status", full)
    assert train(run) == "finished"
    assert run.state()[0] == "finished"


def test_an_error_in_the_program_is_told_and_kept(
    prepare: Callable[..., Run], at_step: Callable[..., None], capsys: pytest.CaptureFixture
) -> None:
    run = prepare()
    at_step(2, lambda training: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(run)
    assert run.state()[0] == "failed" and "error in this program" in run.state()[1]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_photos_that_are_gone_are_a_sentence(prepare: Callable[..., Run], tmp_path: Path) -> None:
    run = prepare(data=str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="no file or folder"):
        train(run)
    assert run.state()[0] == "failed" and "no file or folder" in run.state()[1]
