"""Following a run on rented hardware from a shell."""

from __future__ import annotations

from train.rented.following import Follower
from train.rented.rental import Rented
from train.runs.finding import locked
from train.runs.run import CHECKPOINT, Run, RunError

LEFT_RUNNING = """
The rented machine goes on without this computer: {url}
  to follow it again:   python -m train follow {run}
  to stop and save:     Stop on the page
  to end it at once:    python -m train follow {run} --cancel"""
NOTHING_STARTED = """
Nothing is rented yet. To send it after all: python -m train follow {run}"""


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
