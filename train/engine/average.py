"""The average of the generator's weights that a training keeps, and the pictures drawn with it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from studio.generators import Generator
from studio.generators.base import to_uint8
from train.devices.hardware import Hardware
from train.engine.batches import Batches
from train.recipes import Recipe

# Batches of fresh latents from which the averaged generator's batch norm statistics are taken.
BATCH_NORM_BATCHES = 8


def followed(recipe: Recipe, batch: int, images_shown: int) -> float:
    """By what share an average comes nearer to weights in one step, after ``images_shown``.

    Quickly while few images were shown (as in StyleGAN2-ADA, Karras et al., 2020).
    """
    half_life = min(recipe.ema_kimg * 1000, max(images_shown * recipe.ema_rampup, 1e-8))
    return 1 - 0.5 ** (batch / half_life)


class Average:
    """The exponential moving average (EMA) of a generator's weights; what designers get.

    Args:
        generator: as it begins.
        recipe: how slowly the average follows, and how many samples a grid has.
        batches: the real images, of which the drawn ones take the proportions of classes.
        hardware: where and in which precision to draw.
        seed: decides every latent.

    Attributes:
        network: the generator with the averaged weights; its batch norm statistics are none's.
        fixed_latents: (rows * columns, latent_dim), of the sample grid.
        fixed_condition: of the sample grid, (rows * columns, …): a class for each column in turn,
            or the text of a real image; None where there is no condition.
    """

    def __init__(
        self, generator: Generator, recipe: Recipe, batches: Batches, hardware: Hardware, seed: int
    ) -> None:
        self.network = hardware.place(copy.deepcopy(generator)).requires_grad_(False)
        self.recipe, self.batches, self.hardware, self.seed = recipe, batches, hardware, seed
        self.fixed_latents = self._latents(math.prod(recipe.sample_grid), self._random(1))
        self.fixed_condition = self._columns(recipe.sample_grid)

    @torch.no_grad()
    def update(self, generator: Generator, images_shown: int) -> None:
        """Follow ``generator`` after one more batch, quickly while few images were shown."""
        weight = followed(self.recipe, self.batches.size, images_shown)
        torch._foreach_lerp_(list(self.network.parameters()), list(generator.parameters()), weight)

    def generator(self, batches: int = BATCH_NORM_BATCHES) -> Generator:
        """The averaged generator in evaluation mode, its batch norm statistics taken afresh.

        The average of running statistics belongs to no weights that ever were, so they are
        measured on the averaged weights instead, on some ``batches`` of latents that are the same
        each time: fewer are quicker and as good for a look.
        """
        generator = copy.deepcopy(self.network)
        random = self._random(2)
        size = self.batches.size
        latents = [self._latents(size, random) for _ in range(batches)]
        told = self._condition(size * batches, use=2, balanced=self.batches.balanced)
        drawing = Drawing(generator, latents, told.split(size) if told is not None else None)
        with self.hardware.autocast():
            update_bn(range(batches), drawing)
        return generator.eval()

    @torch.no_grad()
    def samples(self, generator: Generator | None = None) -> Tensor:
        """Pictures of the fixed latents: uint8 (rows * columns, C, S, S).

        ``generator`` is :meth:`generator`'s, to spare making it again.
        """
        generator = generator or self.generator()
        return to_uint8(generator(self.fixed_latents, self.fixed_condition), generator.value_range)

    @torch.no_grad()
    def draw(self, generator: Generator, count: int) -> Tensor:
        """``count`` pictures of latents that are the same each time: uint8 (count, C, S, S).

        Their classes are as frequent as those of the real images, or their texts are real ones'.
        """
        latents = self._latents(count, self._random(3)).split(self.batches.size)
        drawn = self._condition(count, use=3)
        told: Sequence[Tensor | None] = [None] * len(latents)
        if drawn is not None:
            told = drawn.split(self.batches.size)
        with self.hardware.autocast():
            pictures = [generator(*each) for each in zip(latents, told, strict=True)]
        return torch.cat([to_uint8(each, generator.value_range) for each in pictures])

    def _random(self, use: int) -> torch.Generator:
        """A stream of its own for each use, so that looking at a training does not change it."""
        return torch.Generator(self.hardware.device).manual_seed(self.seed + use)

    def _latents(self, count: int, random: torch.Generator) -> Tensor:
        size = (count, self.network.latent_dim)
        return torch.randn(size, generator=random, device=self.hardware.device)

    def _condition(self, count: int, *, use: int, balanced: bool = False) -> Tensor | None:
        """Conditions (count, …) of random real images, or all classes equally; None without any."""
        if self.batches.condition is None:
            return None
        random = torch.Generator().manual_seed(self.seed + use)
        if balanced:
            drawn = torch.randint(self.network.classes, (count,), generator=random)
        else:
            chosen = torch.randint(len(self.batches.condition), (count,), generator=random)
            drawn = self.batches.condition[chosen]
        return drawn.to(self.hardware.device)

    def _columns(self, grid: tuple[int, int]) -> Tensor | None:
        rows, columns = grid
        if self.network.words:
            texts = self._condition(columns, use=4)
            return None if texts is None else texts.repeat(rows, 1)
        if not self.network.classes:
            return None
        labels = torch.arange(columns, device=self.hardware.device) % self.network.classes
        return labels.repeat(rows)


class Drawing(nn.Module):
    """A generator as a module from the number of a batch to its pictures."""

    def __init__(
        self, generator: Generator, latents: Sequence[Tensor], told: Sequence[Tensor] | None
    ) -> None:
        super().__init__()
        self.generator, self.latents, self.told = generator, latents, told

    def forward(self, index: int) -> Tensor:
        told = None if self.told is None else self.told[index]
        return self.generator(self.latents[index], told)
