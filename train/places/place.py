"""What a page asks of the place where a run is trained, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from train.runs.run import Run


class Place(ABC):
    """One place. Its methods raise :class:`studio.errors.UserError` where something can't be."""

    @abstractmethod
    def begin(self, run: Run, flavor: str = "") -> None:
        """Have ``run`` trained, from its start or from where it stopped.

        ``flavor`` names the machine where there are several.
        """

    def ask(self, run: Run, what: str) -> None:
        """Ask a training to stop, save or draw samples: see :meth:`train.runs.run.Run.ask`."""
        run.ask(what)

    def waits(self, run: Run) -> bool:
        """Whether ``run`` waits for its turn although no process shows it."""
        return False

    def let_go(self, run: Run) -> None:  # noqa: B027
        """End what goes on there without a process here, before ``run`` is deleted."""
