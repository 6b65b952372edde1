"""What a generator can learn from, whatever it is: the part of a training that is exchanged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from studio.generators import Generator
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine.encoders import Encoders
from train.recipes import Recipe
from train.teachers.codes import Codes


@dataclass(frozen=True)
class Setup:
    """What a training has that its teachers need.

    Args:
        recipe: the settings.
        generator: the one that learns. Its parts may be used in lessons, and it is in its place
            only when :meth:`Teacher.prepare` is called; before, it is asked for its form.
        images: all photos, uint8 (N, C, S, S).
        condition: of each, int64 labels (N,) or texts as vectors (N, words), or None.
        batch: how many pictures a step draws, over all processes.
        share: this process's rows of them.
        random: of the training; every process draws the same from it.
        seed: of the training.
        feature_weights: a file of weights for what sees pictures; None for this computer's.
        encoders, codes: of a coded generator; None of others.
        sharp: of each photo, bool (N,), whether it shows more than one of half the size would;
            None where all do.
        aside: of each photo, bool (N,), whether it is kept to be watched; None for none.
    """

    recipe: Recipe
    generator: Generator
    images: Tensor
    condition: Tensor | None
    batch: int
    share: slice
    hardware: Hardware
    processes: Processes
    random: torch.Generator
    seed: int
    feature_weights: str | None = None
    encoders: Encoders | None = None
    codes: Codes | None = None
    sharp: Tensor | None = None
    aside: Tensor | None = None

    def optimiser(self, parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Adam:
        """Adam as the recipe has it, at a rate of its own."""
        recipe = self.recipe
        if recipe.weight_decay:
            return torch.optim.AdamW(
                list(parameters), rate, recipe.betas, fused=True, weight_decay=recipe.weight_decay
            )
        return torch.optim.Adam(list(parameters), rate, recipe.betas, fused=True)

    def descend(
        self, optimiser: torch.optim.Optimizer, learning: Iterable[nn.Parameter], loss: Tensor
    ) -> None:
        """One step down a loss, by the gradients of the whole batch."""
        learning = list(learning)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.processes.average_gradients(learning)
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(learning, self.recipe.clip)
        optimiser.step()


@dataclass(frozen=True)
class Batch:
    """This process's share of one step's pictures.

    Args:
        real: photos (b, C, S, S) in the generator's range; none where no teacher looks at them.
        drawn: as many pictures, which gradients flow through; none where no teacher judges them.
        told: what each is of, (b,) or (b, words), or None.
        others: what the photo before each in the whole batch is of; likewise.
        step: how many steps went before.
        rows: which photos they are, int64 (b,), on the CPU.
        mirrored: which of them are mirrored, bool (b,); None where none ever is.
        done: the share of the training that is over, 0..1.
        rate: the share of the full learning rate in this step.
        shown: how many images were shown, those of the whole batch too.
    """

    real: Tensor
    drawn: Tensor
    told: Tensor | None
    others: Tensor | None
    step: int
    rows: Tensor
    mirrored: Tensor | None
    done: float
    rate: float
    shown: int


class Teacher(ABC):
    """Gives lessons to a generator, and may learn itself as it goes.

    A training calls, in this order: :meth:`begin` once; :meth:`prepare` once a process, before the
    first lesson or :meth:`load_state_dict`; then for each step :meth:`lesson` and, after the
    generator has followed it, :meth:`settle`; :meth:`adapt` now and then.
    """

    # The numbers that each step gives for curves, in order.
    NUMBERS: ClassVar[tuple[str, ...]]
    # Whether it judges pictures that are drawn at random.
    JUDGES: ClassVar[bool] = True

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    @property
    def looks(self) -> bool:
        """Whether it looks at the photos of each batch."""
        return True

    @property
    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """Those that learn, by name."""

    def begin(self) -> None:  # noqa: B027
        """Give its networks their first weights, after the generator got its own."""

    def prepare(  # noqa: B027
        self, folder: Path | None, on_photos: Callable[[int, int], None]
    ) -> None:
        """Look at the photos before the first step, if need be.

        Args:
            folder: where to keep what is found, so that nobody looks twice; None for nowhere.
            on_photos: is called with how many were looked at so far, and of how many.

        Raises:
            UserError: what it takes can't be had here.
        """

    @abstractmethod
    def lesson(self, batch: Batch) -> Tensor:
        """What the generator is to descend: a scalar, differentiable in what was drawn."""

    @abstractmethod
    def settle(self, batch: Batch) -> Tensor:
        """Learn from the batch, after the generator did; :attr:`NUMBERS` as one tensor."""

    def adapt(self, numbers: Mapping[str, float], shown: int) -> None:  # noqa: B027
        """Change what is to follow the curves, given means over the ``shown`` images before."""

    def watched(self, generator: Generator) -> Tensor | None:
        """What shows a person how far it is, uint8 (n, C, S, S), by the averaged generator.

        None where that is what the generator draws.
        """
        return None

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that a later process needs to go on exactly here, as tensors and plain values."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken; rates are the recipe's of now."""


def with_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Have every weight of an optimiser learn at ``rate``."""
    for group in optimiser.param_groups:
        group["lr"] = rate
