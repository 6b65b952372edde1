"""Killed at any moment, a run is seen as dead, its last save is whole, and it resumes exactly."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import results
from worker_runs import empty_export

from studio import checkpoint, onnx_files
from train.engine.training import Training
from train.runs.finding import locked
from train.runs.run import STATE, Run
from train.runs.status import Status
from train.work import live, worker
from train.work.worker import Options, work

EPOCHS = 12
Moment = tuple[str, str, int]
# What a process is about to do with which file, and how often it has by then; in this order, as
# the last ones come at the end of a run.
MOMENTS: tuple[Moment, ...] = (
    ("open", ".status.json.*", 1),
    ("open", ".state.pt.*", 4),
    ("os.rename", ".state.pt.*", 4),
    ("os.rename", ".log.jsonl.*", 1),  # to forget what came after the save
    ("open", "log.jsonl", 2),
    ("os.rename", ".generated-images-*", 2),
    ("os.rename", ".status.json.*", 2),
    ("os.mkdir", ".checkpoint-*", 1),
    ("open", "preview.jpg", 1),
    ("os.rename", ".checkpoint-*", 1),  # which is whole, but not in its place
    ("shutil.rmtree", ".checkpoint-*-old", 1),
    ("os.rename", "checkpoint", 1),  # to make room for the next
    ("os.rename", ".checkpoint-*", 1),  # when the one before has been moved away
)
pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="Windows has neither SIGKILL nor a fork server"
)


def die_before(moment: Moment) -> None:
    """Have this process killed when it is about to do something; see MOMENTS."""
    wanted, pattern, left = moment

    def hear(event: str, given: tuple[Any, ...]) -> None:
        nonlocal left
        if event != wanted or (event == "open" and not {"w", "a"} & set(str(given[1]))):
            return
        if fnmatch(Path(str(given[0])).name, pattern):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


def train(folder: str, moment: Moment | None = None, save_minutes: float = 1e-9) -> None:
    """What the process of a run does, saving after every step unless said otherwise."""
    if moment:
        die_before(moment)
    torch.set_num_threads(1)
    run = Run.open(Path(folder))
    with locked(run):
        work(run, Options("cpu", "fp32", save_minutes=save_minutes))


# What is measured at each look: it gets better, twice not, and is clearly worse in the end.
DISTANCES = (9.0, 8.0, 8.5, 7.0, 6.0, 6.5, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0)
LOOK_IMAGES = 16


class Distance:
    """Stands in for a distance."""

    floor, found = 1.0, 0.0

    def __call__(self, drawn: torch.Tensor) -> float:
        return self.found


class Measuring(live.Live):
    """Looks at a run after every other step, and finds the distances above."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.distance = Distance()

    def look(self, training: Training) -> None:
        self.distance.found = DISTANCES[training.images_shown // LOOK_IMAGES - 1]
        super().look(training)


def train_looked_at(folder: str, moment: Moment | None = None, save_minutes: float = 5.0) -> None:
    """As :func:`train`, of a run that is looked at."""
    live.FIRST_LOOK, live.PICTURES, live.EXAMINED = LOOK_IMAGES, 32, 32
    worker.Live, onnx_files.exported = Measuring, empty_export
    train(folder, moment, save_minutes)


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Processes that start at once: forked from one that has imported all they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train.work.worker", "torch._dynamo", "torchvision.utils"])
    yield context


@pytest.fixture
def make_run(tmp_path: Path, settings: dict[str, Any], photos: Path) -> Callable[..., Run]:
    def make(name: str, **more: Any) -> Run:
        given = {"data": str(photos), "data_digest": None, "length": {"epochs": EPOCHS}}
        return Run.create(tmp_path / name, {**settings, **given, **more})

    return make


def steps_saved(run: Run) -> int:
    path = run.folder / STATE
    return torch.load(path, weights_only=True)["step_count"] if path.exists() else 0


def test_killed_at_every_stage_a_run_equals_one_that_was_left_alone(
    make_run: Callable[..., Run], processes: ForkServerContext
) -> None:
    left_alone, run = make_run("alone"), make_run("killed")
    process = processes.Process(target=train, args=(str(left_alone.folder),))
    process.start()
    process.join(60)
    assert left_alone.state()[0] == "finished"

    moments, saved = random.Random(0), 0
    for moment in (None, *MOMENTS[:4], None, *MOMENTS[4:], None):
        process = processes.Process(target=train, args=(str(run.folder), moment))
        process.start()
        # At no moment in particular, it is killed while it starts and reads.
        process.join(60 if moment else moments.uniform(0.0, 0.05))
        if moment:
            assert process.exitcode == -signal.SIGKILL, moment
        else:
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


# The same for a run that is looked at, and whether it saves after every step.
LOOKED_AT: tuple[tuple[Moment, bool], ...] = (
    (("os.mkdir", ".best-*", 1), True),
    (("open", "looks.jsonl", 2), False),  # what is best was kept, and will come again
    (("os.rename", ".best-*", 1), True),
    (("open", "looks.jsonl", 3), True),
    (("os.rename", "best", 1), False),  # to make room for a better one
    (("open", "looks.jsonl", 3), False),
    (("os.rename", ".status.json.*", 2), True),
    (("open", ".state.pt.*", 5), True),
    (("open", "looks.jsonl", 2), False),
    (("os.mkdir", ".checkpoint-*", 1), True),  # at the end
    (("os.rename", ".checkpoint-*", 1), True),
    (("os.rename", ".checkpoint-*", 2), True),  # the best, in place of the newest
    (("shutil.rmtree", ".checkpoint-*-old", 2), True),
    (("open", ".directions.json.*", 1), True),
)


def test_killed_at_every_stage_a_run_keeps_the_best_that_one_left_alone_does(
    make_run: Callable[..., Run], processes: ForkServerContext
) -> None:
    left_alone, run = make_run("alone", live=True), make_run("killed", live=True)
    work_on(processes, left_alone)
    best = left_alone.status().best
    assert best == {"distance": 4.0, "images_shown": 8 * LOOK_IMAGES}
    for moment, often in LOOKED_AT:
        ended = work_on(processes, run, moment, 1e-9 if often else 5.0)
        assert ended == -signal.SIGKILL, moment
    work_on(processes, run)
    assert run.state()[0] == "finished"
    assert run.status().best == best
    assert run.status().notes == left_alone.status().notes != ()
    assert timeless(run) == timeless(left_alone)


def work_on(context: ForkServerContext, run: Run, *given: Any) -> int | None:
    """Have a process work on a run that is looked at; its exit code."""
    process = context.Process(target=train_looked_at, args=(str(run.folder), *given))
    process.start()
    process.join(60)
    return process.exitcode


def timeless(run: Run) -> dict[str, Any]:
    """The checkpoint and the looks, but for what time decides."""
    files = {path.name: path.read_bytes() for path in (run.folder / "checkpoint").iterdir()}
    card = json.loads(files.pop("card.json"))
    for part in ("hours", "date"):
        del card["training"][part]
    del card["title"]
    looks = [(each["images_shown"], each["distance"]) for each in run.lines("looks.jsonl")]
    return {**files, "card": card, "looks": looks}


def test_a_stale_status_is_never_taken_for_life(make_run: Callable[..., Run]) -> None:
    run = make_run("stale")
    for state in ("waiting", "preparing", "training", "finishing"):
        run.save_status(Status(state, "Training."))
        found, sentence = run.state()
        assert found == "interrupted"
        assert "resume" in sentence
    for state in ("finished", "stopped", "failed"):
        run.save_status(Status(state, "It ended."))
        assert run.state() == (state, "It ended.")
