"""``python -m train queue RUN DEVICE…``: go on with a run when a device is free.

The page starts this. It waits before anything heavy is imported.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from train.runs.finding import find, line_up, locked
from train.runs.interruption import interruptions
from train.runs.queue import turn
from train.runs.run import Run

FIRST = "Waiting for the training before it to end."
LATER = "Waiting in line; {} other {} first."


def main(arguments: Sequence[str]) -> int:
    """Wait for a device, then train to the end or until asked to stop."""
    parser = argparse.ArgumentParser(prog="python -m train queue", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("devices", nargs="+", metavar="DEVICE", help="cpu, cuda:0, cuda:1 …")
    options = parser.parse_args(arguments)
    run = Run.open(options.run)
    with locked(run), interruptions() as interrupted:
        run.take_requests()  # those of an earlier process

        def waiting(ahead: int) -> bool:
            say(run, LATER.format(ahead, "is" if ahead == 1 else "are") if ahead else FIRST)
            return "stop" not in run.take_requests() and not interrupted()

        def ahead() -> int:
            return ahead_of(run, options.devices)

        with turn(run.folder.parent, options.devices, ahead, waiting) as device:
            if device is None:
                run.change_status(**STOPPED)
                return 0
            run.change_status(**STARTING)
            from train.work.worker import Options, work

            work(run, Options.of(run, device=device), interrupted)
    return 0


STARTING = {"state": "preparing", "sentence": "Starting."}
STOPPED = {"state": "stopped", "sentence": "Taken out of the line before it started."}


def ahead_of(run: Run, devices: Sequence[str]) -> int:
    """How many runs beside this one have waited for longer, for one of the same devices."""
    line = line_up(find(run.folder.parent))
    names = [each.id for each in line]
    before = line[: names.index(run.id)] if run.id in names else line
    wanted = [each.status().devices for each in before]
    return sum(each is None or not set(devices).isdisjoint(each) for each in wanted)


def say(run: Run, sentence: str) -> None:
    """Tell that it waits, if that is not known already."""
    status = run.status()
    if (status.state, status.sentence) != ("waiting", sentence):
        run.change_status(state="waiting", sentence=sentence)
