"""Training on rented hardware, followed from here: see :mod:`train.rented.hf_jobs`."""

from __future__ import annotations

from train.places.place import Place
from train.rented import hf_jobs
from train.runs.run import Run


class Rented(Place):
    """A machine of Hugging Face Jobs."""

    def begin(self, run: Run, flavor: str = "") -> None:
        """Send ``run`` and follow it, on the machine that it had before unless told otherwise.

        Raises:
            UserError: nobody is logged in, or it is being trained or followed already.
        """
        hf_jobs.start(run, flavor or run.settings.rent.get("flavor", ""))

    def let_go(self, run: Run) -> None:
        """Cancel the job of a run that nobody follows: else it would go on, and cost."""
        if not run.is_alive:
            hf_jobs.cancel(run)
