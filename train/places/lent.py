"""Training in slices, on a Space that lends its GPU for a minute at a time (ZeroGPU).

There a function decorated with ``spaces.GPU`` runs in a forked process that has a GPU for the time
it was declared with. A training is worked on by such a function until its time is nearly up, saves,
and goes on exactly there in the next slice; the watching page asks for one slice after another, so
a training rests while nobody watches. CUDA must not be touched in the process of the page, and
``spaces`` must be imported before torch: ``app.py`` does that first of all.

Not run for real: no ZeroGPU Space was at hand. The tests run the same code with a stand-in for
``spaces``, whose function also works in a process of its own, on the CPU. What a visitor's quota
allows, and that ``spaces`` forwards it, was only read in its source (version 0.51).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import torch

from studio.errors import UserError
from train.places.machine import has_zero_gpu
from train.places.place import Place
from train.runs.finding import locked
from train.runs.run import Run, RunError

SECONDS = "STUDIO_ZERO_GPU_SECONDS"
USUAL_SECONDS = 60
# Of a slice, for getting ready and saving; what is not saved when the time is up is lost.
RESERVE = 0.3
PAUSED = "paused"  # a file in the run's folder: somebody asked it to stop
LOOK_AGAIN = 0.5  # seconds
# What optimisers and sheets of samples import takes seconds. A slice's process is forked from the
# page's, so it need not spend them if that has done so.
IMPORTED_EARLY = ("torch._dynamo", "torchvision.utils")
READY = "Waiting for its turn on the GPU; it goes on while this page is open."


def allowed_seconds() -> float:
    """How long one slice may take.

    Raises:
        UserError: the setting is not a number from 10 to 3600.
    """
    text = os.environ.get(SECONDS, str(USUAL_SECONDS))
    with suppress(ValueError):
        if 10 <= float(text) <= 3600:
            return float(text)
    raise UserError(f"${SECONDS} is a number of seconds from 10 to 3600, not {text!r}.")


@cache
def prepare(device: str = "cuda") -> Callable[[str], str]:
    """The function that trains a run's folder for one slice, registered with ``spaces``.

    It must be made before the page is served. What it returns is "" or a sentence that says what
    went wrong: no other error would keep its words on the way out of that process.

    Raises:
        UserError: this is not a Space that lends its GPU.
    """
    if not has_zero_gpu():
        raise UserError("Slices of a GPU are only to be had on a Space with ZeroGPU.")
    import spaces

    for name in IMPORTED_EARLY:
        import_module(name)
    seconds = allowed_seconds()
    lent = spaces.GPU(duration=round(seconds))(work_on)
    return lambda folder: lent(folder, seconds * (1 - RESERVE), device)


def work_on(folder: str, seconds: float, device: str) -> str:
    """Train a run for some seconds and save; "" or what went wrong."""
    from train.work.worker import Options, work

    # Threads of OpenMP do not survive a fork, and waiting for them would never end.
    torch.set_num_threads(1)
    try:
        run = Run.open(Path(folder))
        with locked(run):
            run.take_requests()
            if work(run, Options.of(run, device=device, slice_seconds=seconds)) == "stopped":
                rest(run) if (run.folder / PAUSED).exists() else line_up(run)
    except UserError as error:
        return str(error)
    return ""


def line_up(run: Run) -> None:
    """Have ``run`` wait for its next slice."""
    run.change_status(state="waiting", sentence=READY)


class Lent(Place):
    """A GPU that is lent in slices. It must be made before the page is served.

    Raises:
        UserError: this is not a Space that lends its GPU.
    """

    def __init__(self) -> None:
        prepare()

    def begin(self, run: Run, flavor: str = "") -> None:
        """Start or resume ``run``: from now on it waits for its slices."""
        (run.folder / PAUSED).unlink(missing_ok=True)
        line_up(run)

    def ask(self, run: Run, what: str) -> None:
        """As :meth:`train.runs.run.Run.ask`; a training may also be stopped between two slices."""
        if what == "stop":
            (run.folder / PAUSED).touch()
            if not run.is_alive:
                rest(run)
                return
        run.ask(what)

    def waits(self, run: Run) -> bool:
        """Whether ``run`` waits for its next slice; no process does that waiting."""
        return run.status().state == "waiting" and not (run.folder / PAUSED).exists()

    def slice_of(self, run: Run) -> None:
        """Train ``run`` for one slice, if it waits for one; or wait for one that is under way.

        Raises:
            RunError: it went wrong; the run's status says so, too.
        """
        if run.is_alive:  # another page asked first
            end = time.monotonic() + allowed_seconds()
            while run.is_alive and time.monotonic() < end:
                time.sleep(LOOK_AGAIN)
        elif self.waits(run) and (sentence := prepare()(str(run.folder))):
            raise RunError(sentence)


def rest(run: Run) -> None:
    """Say that it stopped, as somebody asked."""
    run.change_status(state="stopped", sentence="Stopped and saved. Resume to go on where it was.")
