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
from train.batches import Batches
from train.hardware import Hardware
from train.recipes import Recipe

# Batches of fresh latents from which the averaged generator's batch norm statistics are taken.
BATCH_NORM_BATCHES = 8


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
        fixed_labels: int64 (rows * columns,), a class for each column in turn; None without any.
    """

    def __init__(
        self, generator: Generator, recipe: Recipe, batches: Batches, hardware: Hardware, seed: int
    ) -> None:
        self.network = hardware.place(copy.deepcopy(generator)).requires_grad_(False)
        self.recipe, self.batches, self.hardware, self.seed = recipe, batches, hardware, seed
        self.fixed_latents = self._latents(math.prod(recipe.sample_grid), self._random(1))
        self.fixed_labels = self._columns(recipe.sample_grid)

    @torch.no_grad()
    def update(self, generator: Generator, images_shown: int) -> None:
        """Follow ``generator`` after one more batch, quickly while few images were shown."""
        half_life = min(
            self.recipe.ema_kimg * 1000, max(images_shown * self.recipe.ema_rampup, 1e-8)
        )
        weight = 1 - 0.5 ** (self.batches.size / half_life)
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
        labels = self._labels(size * batches, use=2, balanced=self.batches.balanced)
        drawing = Drawing(generator, latents, labels.split(size) if labels is not None else None)
        with self.hardware.autocast():
            update_bn(range(batches), drawing)
        return generator.eval()

    @torch.no_grad()
    def samples(self, generator: Generator | None = None) -> Tensor:
        """Pictures of the fixed latents: uint8 (rows * columns, C, S, S).

        ``generator`` is :meth:`generator`'s, to spare making it again.
        """
        generator = generator or self.generator()
        return to_uint8(generator(self.fixed_latents, self.fixed_labels), generator.value_range)

    @torch.no_grad()
    def draw(self, generator: Generator, count: int) -> Tensor:
        """``count`` pictures of latents that are the same each time: uint8 (count, C, S, S).

        Their classes are as frequent as those of the real images.
        """
        latents = self._latents(count, self._random(3)).split(self.batches.size)
        drawn = self._labels(count, use=3)
        labels: Sequence[Tensor | None] = [None] * len(latents)
        if drawn is not None:
            labels = drawn.split(self.batches.size)
        with self.hardware.autocast():
            pictures = [generator(*each) for each in zip(latents, labels, strict=True)]
        return torch.cat([to_uint8(each, generator.value_range) for each in pictures])

    def _random(self, use: int) -> torch.Generator:
        """A stream of its own for each use, so that looking at a training does not change it."""
        return torch.Generator(self.hardware.device).manual_seed(self.seed + use)

    def _latents(self, count: int, random: torch.Generator) -> Tensor:
        size = (count, self.network.latent_dim)
        return torch.randn(size, generator=random, device=self.hardware.device)

    def _labels(self, count: int, *, use: int, balanced: bool = False) -> Tensor | None:
        """Classes (count,) as frequent as the real images', or all equally; None without any."""
        if self.batches.labels is None:
            return None
        random = torch.Generator().manual_seed(self.seed + use)
        if balanced:
            drawn = torch.randint(self.network.classes, (count,), generator=random)
        else:
            chosen = torch.randint(len(self.batches.labels), (count,), generator=random)
            drawn = self.batches.labels[chosen]
        return drawn.to(self.hardware.device)

    def _columns(self, grid: tuple[int, int]) -> Tensor | None:
        if not self.network.classes:
            return None
        rows, columns = grid
        labels = torch.arange(columns, device=self.hardware.device) % self.network.classes
        return labels.repeat(rows)


class Drawing(nn.Module):
    """A generator as a module from the number of a batch to its pictures."""

    def __init__(
        self, generator: Generator, latents: Sequence[Tensor], labels: Sequence[Tensor] | None
    ) -> None:
        super().__init__()
        self.generator, self.latents, self.labels = generator, latents, labels

    def forward(self, index: int) -> Tensor:
        labels = None if self.labels is None else self.labels[index]
        return self.generator(self.latents[index], labels)
