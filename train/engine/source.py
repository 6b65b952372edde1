"""What teachers are given in each step: photos, and pictures drawn beside them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from studio.generators import Generator
from train.devices.hardware import Hardware
from train.engine.batches import Batches
from train.engine.mixing import mixed
from train.recipes import Recipe
from train.teachers.base import Batch, Teacher


class Source:
    """Makes batches of the photos of a training.

    Args:
        recipe: whether photos are mirrored, texts left away, and styles mixed.
        batches: the photos in their order.
        share: this process's rows of a batch.
        random: of the training; every process draws the same from it.
    """

    def __init__(
        self,
        recipe: Recipe,
        batches: Batches,
        share: slice,
        random: torch.Generator,
        hardware: Hardware,
    ) -> None:
        self.recipe, self.batches, self.share = recipe, batches, share
        self.random, self.hardware = random, hardware

    def take(
        self,
        generator: Generator,
        teachers: Iterable[Teacher],
        *,
        step: int,
        done: float,
        rate: float,
        shown: int,
    ) -> Batch:
        """The next photos, and as many pictures drawn as what those are of.

        Neither is made where none of the ``teachers`` looks at them. The rest is as
        :class:`train.teachers.base.Batch` has it.
        """
        teachers = list(teachers)
        rows, told = self.batches.take_rows()
        rows = rows[self.share]
        looked_at = rows if any(each.looks for each in teachers) else rows[:0]
        real = self.batches.photos(looked_at, generator.value_range)
        mirrored = self._mirrored()
        if mirrored is not None and len(real):
            real = torch.where(mirrored[:, None, None, None], real.flip(3), real)
        told = self._some_dropped(told)
        others = None if told is None else told.roll(1, 0)[self.share]
        told = None if told is None else told[self.share]
        drawn = real[:0]
        if any(each.JUDGES for each in teachers):
            with self.hardware.autocast():
                drawn = self._fakes(generator, told)
        return Batch(
            real,
            drawn,
            told,
            others,
            step=step,
            rows=rows,
            mirrored=mirrored,
            done=done,
            rate=rate,
            shown=shown,
        )

    def _mirrored(self) -> Tensor | None:
        """Which real images of this share are mirrored, bool (b,): half, if the recipe says so."""
        if not self.recipe.flip:
            return None
        device = self.hardware.device
        return torch.rand(self.batches.size, generator=self.random, device=device)[self.share] < 0.5

    def _some_dropped(self, told: Tensor | None) -> Tensor | None:
        """Conditions (batch, words), some of them zeros: no text, which is learnt as texts are.

        So a text's style can be told from what any design has, and be followed more closely than
        it was learnt (Ho and Salimans, 2022, do so with noise; here it is done in w).
        """
        if not self.recipe.caption_dropout or told is None or not told.is_floating_point():
            return told
        draws = torch.rand(self.batches.size, generator=self.random, device=told.device)
        return told * (draws >= self.recipe.caption_dropout)[:, None]

    def _fakes(self, generator: Generator, told: Tensor | None) -> Tensor:
        """This process's share of a batch drawn from fresh latents, some with two styles."""
        share = self.share
        styles = generator.map(self._latents(generator)[share], told)
        if self.recipe.style_mixing:
            others = generator.map(self._latents(generator)[share], told)
            draws = torch.rand((2, self.batches.size), generator=self.random, device=others.device)
            mixing = self.recipe.style_mixing
            both = generator.per_layer(styles), generator.per_layer(others)
            styles = mixed(*both, draws[:, share], mixing)
        return generator.draw(styles)

    def _latents(self, generator: Generator) -> Tensor:
        """Of a whole batch, (batch, latent_dim)."""
        size = self.batches.size, generator.latent_dim
        return torch.randn(size, generator=self.random, device=self.hardware.device)
