"""A mapping from z to the styles of photos: a flow learnt by flow matching."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEPS = 8  # of Heun's method from z to a style; the last is Euler's
WAVES = 16  # by which a velocity is told the time
FASTEST = 200.0  # of them, in half turns from z to the style
MAX_GUIDANCE = 8.0
TOLD = 256  # values that carry the time, and a label or a text


class Flow(nn.Module):
    """Latents (n, dim), standard normal, to styles (n, dim) distributed as those of photos.

    A rectified flow (Liu et al., 2023; flow matching, Lipman et al., 2023): a network gives the
    velocity by which noise at time 0 moves to a style at time 1, and the way is gone in a fixed
    number of steps, so the mapping is a plain function, smooth in z, and can be gone back
    (:meth:`latents`). Values that carry much of a picture go ahead of those that carry little
    (:attr:`pace`), so the shape is known before its detail is drawn. Without a label or a text it
    draws anything: a share of all photos is shown so. What is told can be followed more closely
    than photos do (classifier-free guidance, Ho and Salimans, 2022): a small flow hedges between
    the photos that a point could lead to, and things are whole once it doesn't. It is small: styles
    have few values, and all that is hard about pictures is the decoder's.

    Args:
        dim: of latents and styles alike.
        width, blocks: of the residual network of the velocity.
        classes: of photos, told by an int64 label; 0 for none.
        words: length of the vector of a text, told instead; 0 for none.
        steps: from z to the style.
        guidance: how closely a label or a text is followed; 1 is as photos do.

    Raises:
        ValueError: the guidance is not within 0..:data:`MAX_GUIDANCE`.
    """

    mean: Tensor
    deviation: Tensor
    pace: Tensor
    waves: Tensor

    def __init__(
        self,
        dim: int,
        *,
        width: int = 384,
        blocks: int = 4,
        classes: int = 0,
        words: int = 0,
        steps: int = STEPS,
        guidance: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 <= guidance <= MAX_GUIDANCE:
            raise ValueError(f"A flow's guidance is between 0 and {MAX_GUIDANCE}, not {guidance}.")
        self.guidance = guidance
        self.dim, self.classes, self.words, self.steps = dim, classes, words, steps
        self.enter = nn.Linear(dim, width)
        self.time = nn.Sequential(nn.Linear(2 * WAVES, TOLD), nn.SiLU(), nn.Linear(TOLD, TOLD))
        self.embedding: nn.Module | None = None
        if classes:  # one more for any of them
            self.embedding = nn.Embedding(classes + 1, TOLD)
            nn.init.normal_(self.embedding.weight, 0, 0.3)
        elif words:
            self.embedding = nn.Sequential(
                nn.Linear(words, TOLD, bias=False), nn.SiLU(), nn.Linear(TOLD, TOLD)
            )
        self.blocks = nn.ModuleList(FlowBlock(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = silent(nn.Linear(TOLD, 2 * width))
        self.leave = silent(nn.Linear(width, dim))
        self.register_buffer("waves", torch.exp(torch.linspace(0, math.log(FASTEST), WAVES)))
        # Styles are learnt with a mean of 0 and a deviation of 1 in each value.
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        # How far behind the time each value is: below 1 it is ahead, as in a schedule that is
        # shifted (Esser et al., 2024), but for each value by its own.
        self.register_buffer("pace", torch.ones(dim))

    def forward(
        self, z: Tensor, condition: Tensor | None = None, guidance: float | None = None
    ) -> Tensor:
        """Styles (n, dim) of latents (n, dim), and of int64 labels (n,) or texts (n, words).

        ``guidance`` is how closely those are followed, where it is not to be :attr:`guidance`.
        """
        with torch.autocast(z.device.type, enabled=False):
            velocity = self._guided(condition, len(z), z.device, guidance)
            point = z.float()
            times = torch.linspace(0, 1, self.steps + 1, device=z.device).unbind()
            for step, (now, then) in enumerate(pairwise(times)):
                length = self.share(then) - self.share(now)
                here = velocity(point, now)
                ahead = point + length * here
                if step < self.steps - 1:
                    there = velocity(ahead, then)
                    ahead = point + length / 2 * (here + there)
                point = ahead
            return point * self.deviation + self.mean

    @property
    def known(self) -> bool:
        """Whether it was told where photos' styles lie; no style has exactly 0 and 1 there."""
        return bool(self.mean.any() or (self.deviation != 1).any())

    def forget(self) -> None:
        """Know nothing of where styles lie: they are to mean something else."""
        self.mean.zero_()
        self.deviation.fill_(1)
        self.pace.fill_(1)

    def latents(self, styles: Tensor, condition: Tensor | None = None, steps: int = 32) -> Tensor:
        """The latents (n, dim) that these styles (n, dim) are drawn from, nearly: the way back."""
        with torch.autocast(styles.device.type, enabled=False):
            velocity = self._guided(condition, len(styles), styles.device)
            point = (styles.float() - self.mean) / self.deviation
            times = torch.linspace(1, 0, steps + 1, device=styles.device).unbind()
            for now, then in pairwise(times):
                length = self.share(now) - self.share(then)
                here = velocity(point, now)
                there = velocity(point - length * here, then)
                point = point - length / 2 * (here + there)
            return point

    def _guided(
        self,
        condition: Tensor | None,
        count: int,
        device: torch.device,
        guidance: float | None = None,
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """The velocities of ``count`` points at one time (), with guidance towards a condition."""
        guidance = self.guidance if guidance is None else guidance
        told = self.told(condition, count, device)
        if told is None or condition is None or guidance == 1:
            return lambda points, time: self.velocity(points, time[None], told)
        both = torch.cat([self.told(None, count, device), told])  # type: ignore[list-item]

        def velocity(points: Tensor, time: Tensor) -> Tensor:
            free, asked = self.velocity(points.repeat(2, 1), time[None], both).chunk(2)
            return free + guidance * (asked - free)

        return velocity

    def share(self, time: Tensor) -> Tensor:
        """How much of each value is a style's and no longer noise, at times () or (n, 1) in 0..1.

        Returns (dim,) or (n, dim), from 0 at time 0 to 1 at time 1.
        """
        return time / (time + self.pace * (1 - time))

    def told(self, condition: Tensor | None, count: int, device: torch.device) -> Tensor | None:
        """What is told of each picture, (count, 256); None where nothing can be.

        Raises:
            ValueError: there is a condition, and the flow takes none.
        """
        if self.embedding is None:
            if condition is not None:
                raise ValueError("This generator takes no label or text.")
            return None
        if condition is None:
            condition = self.anything(count, device)
        return self.embedding(condition)

    def anything(self, count: int, device: torch.device) -> Tensor:
        """The condition (count,) or (count, words) of a picture of anything."""
        if self.classes:
            return torch.full((count,), self.classes, device=device)
        return torch.zeros(count, self.words, device=device)

    def velocity(self, points: Tensor, time: Tensor, told: Tensor | None) -> Tensor:
        """How points (n, dim) move at times (1,) or (n,) in 0..1, for each :meth:`share` gone."""
        angles = math.pi * time[:, None] * self.waves
        context = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        context = F.silu(context if told is None else context + told)
        maps = self.enter(points)
        for block in self.blocks:
            maps = block(maps, context)
        scale, shift = self.modulate(context).chunk(2, 1)
        return self.leave(self.norm(maps) * (1 + scale) + shift)


class FlowBlock(nn.Module):
    """Two dense layers that add to what comes in, modulated as in DiT (Peebles and Xie, 2023)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = silent(nn.Linear(TOLD, 3 * width))
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, maps: Tensor, context: Tensor) -> Tensor:
        shift, scale, gate = self.modulate(context).chunk(3, 1)
        inner = self.norm(maps) * (1 + scale) + shift
        return maps + gate * self.second(F.silu(self.first(inner)))


def silent(layer: nn.Linear) -> nn.Linear:
    """A layer that gives zeros until it has learnt something else."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
