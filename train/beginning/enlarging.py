"""Giving a trained generator a level of twice the pixels, without a game against a discriminator.

A game for the new level alone was lost each time it was tried on a CPU (docs/experiments.md). So
photos teach a network what they show at twice the size (:mod:`train.beginning.restoring`), and what
that makes of the generator's own pictures teaches the new level (distillation: Hinton et al.,
2015): the generator then draws it by itself, in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from studio.generators import Generator, build
from studio.generators.style import StyleGenerator
from train import discriminators
from train.beginning.restoring import Restorer, difference
from train.beginning.transfer import take_over
from train.metrics.drawing import truncation

BATCH = 16
RATE = 4e-3
LEAST_PSI = 0.5  # styles to learn from are truncated by this to 1: designs are of all of these
NORM_BATCHES = 64
MOST_LEVELS = 8
LEAST_WIDTH = 8


def enlarged(generator: Generator, width: int, seed: int = 0) -> StyleGenerator:
    """A generator that draws the same at twice the size, its last level of ``width`` maps yet new.

    The new level adds nothing to the enlarged picture; ``seed`` decides what it begins with.

    Raises:
        ValueError: it has no levels, is as large as can be, draws by words, or not in -1..1.
    """
    if not isinstance(generator, StyleGenerator):
        raise ValueError(f"a generator of kind “{generator.kind}” has no levels to add one to")
    if generator.words:
        raise ValueError("it draws by words")
    if generator.value_range != (-1.0, 1.0):
        raise ValueError(f"its pictures end in {generator.output}, not in tanh")
    if len(generator.widths) >= MOST_LEVELS:
        raise ValueError(f"{generator.image_size} pixels are as large as it can be")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        result = build({**generator.config, "widths": [*generator.widths, width]})
    assert isinstance(result, StyleGenerator)
    take_over(result, generator.state_dict())
    return result.requires_grad_(False).eval()


def learn_last_level(
    generator: StyleGenerator,
    restorer: Restorer,
    pictures: int,
    *,
    seed: int = 0,
    on_pictures: Callable[[int], None] = lambda count: None,
) -> None:
    """Teach the last level to draw what the restorer makes of the pictures of the one before.

    All else in the generator stays as it is, so its styles and small pictures are those of before.

    Args:
        generator: as :func:`enlarged` gives it; changed in place, left in evaluation mode.
        restorer: for as many channels.
        pictures: to learn from, in batches of 16.
        seed: decides which they are.
        on_pictures: is called with the number of each batch.
    """
    random = torch.Generator().manual_seed(seed)
    level = generator.levels[-1].requires_grad_(True).train()
    optimiser = torch.optim.Adam(level.parameters(), RATE, (0.9, 0.99))
    steps = -(-pictures // BATCH)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, total_iters=steps)
    styles = Styles(generator, random)
    for _ in range(steps):
        small, large = generator.previews(styles.take())[-2:]
        with torch.no_grad():
            wanted = restorer(small).clamp(-1, 1)
        optimiser.zero_grad(set_to_none=True)
        difference(large, wanted).backward()
        optimiser.step()
        falling.step()
        on_pictures(BATCH)
    level.requires_grad_(False)
    update_bn((styles.take() for _ in range(NORM_BATCHES)), LastLevel(generator))
    generator.eval()


def enlarged_discriminator(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], seed: int = 0
) -> tuple[dict[str, Any], nn.Module]:
    """A DCGAN discriminator for twice the size, with a new layer in front, and its configuration.

    It has seen none of the large pictures, but a training that goes on against it starts with what
    it knew of the small ones.
    """
    widths = list(config["widths"])
    larger = {**config, "widths": [max(LEAST_WIDTH, widths[0] // 2), *widths]}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        result = discriminators.build(larger)
    take_over(result, weights)
    return larger, result.eval()


class Styles:
    """Styles of random latents, of all categories alike, truncated more or less."""

    def __init__(self, generator: StyleGenerator, random: torch.Generator) -> None:
        self.generator, self.random = generator, random
        self.centred = truncation(generator, 0.0)

    @torch.no_grad()
    def take(self) -> Tensor:
        """Some (16, style_layers, style_dim)."""
        latents = torch.randn(BATCH, self.generator.latent_dim, generator=self.random)
        labels = None
        if self.generator.classes:
            labels = torch.randint(self.generator.classes, (BATCH,), generator=self.random)
        psi = LEAST_PSI + (1 - LEAST_PSI) * torch.rand(BATCH, 1, generator=self.random)
        styles = self.generator.per_layer(self.generator.map(latents, labels))
        return torch.lerp(self.centred(latents, labels), styles, psi[:, None])


class LastLevel(nn.Module):
    """A generator of whose parts only the last level is known, to measure its batch norm alone."""

    def __init__(self, generator: StyleGenerator) -> None:
        super().__init__()
        self.level = generator.levels[-1]
        self.draw = generator.previews

    def forward(self, styles: Tensor) -> None:
        self.draw(styles)
