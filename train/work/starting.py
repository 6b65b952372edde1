"""The weights that a run starts from, when it doesn't start from nothing."""

from __future__ import annotations

from collections.abc import Sequence

from studio.checkpoint import GENERATOR
from train.beginning.transfer import load_encoders, start_of
from train.engine.training import Training
from train.recipes.recipe import OF_CODES
from train.runs.run import START, STATE, Run, RunError


def check(run: Run) -> None:
    """Make sure that a run which is to start from weights doesn't begin without them.

    A run that learns codes looks at all photos with them each time that it begins or goes on.

    Raises:
        RunError: they are gone, and nothing that was saved takes their place.
    """
    wanted, folder = run.settings.start_from, run.folder / START
    saved = (run.folder / STATE).exists() and not set(run.recipe.teachers) & set(OF_CODES)
    if wanted and not (folder / GENERATOR).exists() and not saved:
        raise RunError(
            f"This run is to start from {wanted}, but the copy of its weights that was in {folder} "
            "is gone. Start a new run instead."
        )


def begin(run: Run, training: Training, names: Sequence[str]) -> None:
    """Have a training of categories ``names`` begin with the weights, if there are any.

    Raises:
        CheckpointError: they can't be read.
    """
    folder = run.folder / START
    weights = start_of(folder, training.average.network, names)
    training.start_from(*weights, load_encoders(folder))
