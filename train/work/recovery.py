"""How a training that broke can go on from its last save: which settings change, and why.

Each function returns the changed settings and a sentence for whoever watches the run.
"""

from __future__ import annotations

from typing import Any

from train.runs.run import RunError
from train.runs.settings import Settings

SMALLEST_BATCH = 4


def at_half_the_rate(settings: Settings) -> tuple[dict[str, Any], str]:
    """After numbers that are not finite: learn at half the rate, once.

    Raises:
        RunError: the rate was halved before.
    """
    if settings.rate_lowered:
        raise RunError(
            "The training broke twice: its numbers grew beyond all bounds, also at half the "
            "learning rate. Start anew with a lower rate, or from a trained generator."
        )
    recipe = settings.recipe
    rate, rate_d = recipe["learning_rate"] / 2, recipe.get("learning_rate_d")
    changes = {"learning_rate": rate, "learning_rate_d": rate_d and rate_d / 2}
    return {"rate_lowered": True, "recipe": {**recipe, **changes}}, (
        "The numbers grew beyond all bounds, so the training went back to its last save and "
        f"goes on at half the learning rate, {rate:g}."
    )


def with_half_the_batch(settings: Settings, images: int, device: str) -> tuple[dict[str, Any], str]:
    """After running out of memory on ``device``: look at half as many of the ``images`` at once.

    Raises:
        RunError: the batch is as small as it can be.
    """
    recipe = settings.recipe
    batch = min(recipe["batch"], images) // 2
    if batch < SMALLEST_BATCH:
        raise too_little_memory(device)
    return {"recipe": {**recipe, "batch": batch}}, (
        f"{device} ran out of memory, so each step now looks at {batch} photos, half as many as "
        "before. The training goes on from its last save."
    )


def too_little_memory(device: str) -> RunError:
    """What to say where a smaller batch is no way out."""
    return RunError(
        f"{device} has too little memory for this training. Choose a smaller batch or smaller "
        "pictures, or close other programs that use it."
    )
