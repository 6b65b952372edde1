"""Killed at any moment, a run is seen as dead, its last save is whole, and it resumes exactly."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import results

from studio import checkpoint
from train.runs import LOG, STATE, Run, locked
from train.worker import Options, work

KILLS = 20
EPOCHS = 60
pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="Windows has neither SIGKILL nor a fork server"
)


def train(folder: str) -> None:
    """What the process of a run does, saving after every step."""
    torch.set_num_threads(1)
    run = Run.open(Path(folder))
    with locked(run):
        work(run, Options("cpu", "fp32", save_minutes=1e-9))


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Processes that start at once: forked from one that has imported all they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train.worker", "torch._dynamo", "torchvision.utils"])
    yield context


@pytest.fixture
def make_run(tmp_path: Path, settings: dict[str, Any], photos: Path) -> Callable[[str], Run]:
    def make(name: str) -> Run:
        given = {"data": str(photos), "data_digest": None, "length": {"epochs": EPOCHS}}
        return Run.create(tmp_path / name, {**settings, **given})

    return make


def wait_for_epoch(run: Run, epoch: int, process: BaseProcess) -> None:
    deadline = time.monotonic() + 60
    while len(run.lines(LOG)) < epoch:
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(0.005)


def steps_saved(run: Run) -> int:
    path = run.folder / STATE
    return torch.load(path, weights_only=True)["step_count"] if path.exists() else 0


def test_killed_twenty_times_a_run_equals_one_that_was_left_alone(
    make_run: Callable[[str], Run], processes: ForkServerContext
) -> None:
    left_alone, run = make_run("alone"), make_run("killed")
    process = processes.Process(target=train, args=(str(left_alone.folder),))
    process.start()
    process.join(60)
    assert left_alone.state()[0] == "finished"

    moments, saved = random.Random(0), 0
    for number in range(KILLS):
        process = processes.Process(target=train, args=(str(run.folder),))
        process.start()
        if number % 5:  # while it trains and saves, a little farther each time
            wait_for_epoch(run, (number + 1) * EPOCHS // (KILLS + 2), process)
            process.join(moments.uniform(0.0, 0.03))
        else:  # while it starts and reads
            process.join(moments.uniform(0.0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert not run.is_alive
        assert run.state()[0] == "interrupted"
        now = steps_saved(run)  # reads it whole
        assert now >= saved
        saved = now
        if (run.folder / "checkpoint").exists():
            checkpoint.read(run.folder / "checkpoint").load_generator()

    process = processes.Process(target=train, args=(str(run.folder),))
    process.start()
    process.join(60)
    assert run.state()[0] == "finished"
    mine, theirs = (results(each.folder) for each in (run, left_alone))
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        assert mine[name] == value, name
    litter = {path.name for path in run.folder.iterdir()} - {
        path.name for path in left_alone.folder.iterdir()
    }
    assert not litter


def test_a_stale_status_is_never_taken_for_life(make_run: Callable[[str], Run]) -> None:
    run = make_run("stale")
    for state in ("waiting", "preparing", "training", "finishing"):
        run.save_status({"state": state, "sentence": "Training."})
        found, sentence = run.state()
        assert found == "interrupted"
        assert "resume" in sentence
    for state in ("finished", "stopped", "failed"):
        run.save_status({"state": state, "sentence": "It ended."})
        assert run.state() == (state, "It ended.")
