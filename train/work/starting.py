"""The weights that a run starts from, when it doesn't start from nothing."""

from __future__ import annotations

from collections.abc import Sequence

from studio.checkpoint import GENERATOR
from train.beginning.transfer import start_of
from train.engine.training import Training
from train.runs.run import START, STATE, Run, RunError


def check(run: Run) -> None:
    """Make sure that a run which is to start from weights doesn't begin without them.

    Raises:
        RunError: they are gone, and nothing was saved yet.
    """
    wanted, folder = run.settings.start_from, run.folder / START
    if wanted and not (folder / GENERATOR).exists() and not (run.folder / STATE).exists():
        raise RunError(
            f"This run is to start from {wanted}, but the copy of its weights that was in {folder} "
            "is gone. Start a new run instead."
        )


def begin(run: Run, training: Training, names: Sequence[str]) -> None:
    """Have a training of categories ``names`` begin with the weights, if there are any.

    Raises:
        CheckpointError: they can't be read.
    """
    training.start_from(*start_of(run.folder / START, training.average.network, names))
