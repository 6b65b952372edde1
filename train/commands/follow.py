"""``python -m train follow RUN``: follow a run on rented hardware, or send it again.

The page starts this too. Nothing is lost when it is interrupted: the rented machine goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from train.rented import hf_jobs
from train.rented.following import Follower
from train.rented.rental import Rented
from train.runs.run import CHECKPOINT, Run, RunError, locked

LEFT_RUNNING = """
The rented machine goes on without this computer: {url}
  to follow it again:   python -m train follow {run}
  to stop and save:     Stop on the page
  to end it at once:    python -m train follow {run} --cancel"""
NOTHING_STARTED = """
Nothing is rented yet. To send it after all: python -m train follow {run}"""


def main(arguments: Sequence[str]) -> int:
    """Follow to the end, or do what was asked instead."""
    parser = argparse.ArgumentParser(prog="python -m train follow", description=__doc__)
    parser.add_argument("run", type=Path)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--cancel", action="store_true", help="end the job at once")
    instead.add_argument(
        "--delete-there", action="store_true", help="delete its two repositories on Hugging Face"
    )
    options = parser.parse_args(arguments)
    run = Run.open(options.run)
    if not hf_jobs.is_sent(run):
        raise RunError(f"{run.folder} trains on this computer; there is nothing to follow.")
    if options.cancel:
        print("Cancelled." if hf_jobs.cancel(run) else "There is no job to cancel.")
        return 0
    if options.delete_there:
        print("Deleted:", ", ".join(hf_jobs.delete_there(run)) or "nothing was there.")
        return 0
    return follow(run)


def follow(run: Run) -> int:
    """Send and follow a run; 0 if it was trained to its end, 130 if it stopped before."""
    if run.is_alive:
        raise RunError(f"{run.title} is being followed already; the page shows it.")
    with locked(run):
        run.take_requests()  # those of an earlier process
        try:
            state = Follower(run, tell).follow()
        except KeyboardInterrupt:
            rented = Rented.of(run)
            words = LEFT_RUNNING if rented.is_open else NOTHING_STARTED
            print(words.format(url=rented.url or "(its number is not known)", run=run.folder))
            return 130
    if state == "finished":
        print(f"Done. The checkpoint is {run.folder / CHECKPOINT}")
    return {"finished": 0, "stopped": 130}.get(state, 1)


def tell(line: str) -> None:
    """Print a line that is to be seen at once."""
    print(line, flush=True)
