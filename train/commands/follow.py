"""``python -m train follow RUN``: follow a run on rented hardware, or send it again.

The page starts this too. Nothing is lost when it is interrupted: the rented machine goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from train.rented import hf_jobs
from train.rented.shell import follow
from train.runs.run import Run, RunError


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
