"""How long a training lasts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.engine.training import Training


@dataclass(frozen=True)
class Length:
    """Until ``images`` were shown or ``seconds`` are spent training, whichever comes first."""

    images: float
    seconds: float = math.inf

    @classmethod
    def of(
        cls,
        training: Training,
        *,
        epochs: int | None = None,
        kimg: float | None = None,
        minutes: float | None = None,
    ) -> Length:
        """From what a person asked for; the recipe's own length where nothing was asked."""
        recipe, batch = training.recipe, training.batch
        epoch = training.steps_per_epoch * batch
        seconds = math.inf if minutes is None else minutes * 60
        if kimg is not None:
            images = kimg * 1000
        elif epochs is not None:
            images = epochs * epoch
        elif minutes is not None:
            images = math.inf
        elif recipe.epochs is not None:
            images = recipe.epochs * epoch
        else:
            images = (recipe.steps or 0) * batch
        return cls(images, seconds)

    def share(self, images: float, seconds: float) -> float:
        """How much of it is done, in 0..1."""
        done = max(
            images / self.images if self.images else 1.0,
            seconds / self.seconds if self.seconds else 1.0,
        )
        return min(done, 1.0)
