"""A critic of pictures that are to be photos: heads on the maps of a frozen network.

A projected discriminator (Sauer et al., 2021) with the hinge loss. What it judges has a photo that
it should be, so it is told of no category; nothing but what the frozen network sees holds it back.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from train.teachers.losses import discriminator_hinge, generator_hinge

WIDTH = 64
SLOPE = 0.2
SLOW = 0.02  # of the statistics by which maps are normalised
RATE, BETAS = 4e-4, (0.0, 0.99)


class MapCritic(nn.Module):
    """Maps (b, channels, h, w) of a frozen network, each to logits of its places (b, 1, h, w)."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(each, affine=False, momentum=SLOW) for each in channels
        )
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(each, WIDTH, 3, padding=1),
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(WIDTH, 1, 1),
            )
            for each in channels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return [
            head(norm(each)).float()
            for head, norm, each in zip(self.heads, self.norms, maps, strict=True)
        ]


def blame(critic: nn.Module, maps: Sequence[Tensor], weights: Sequence[float] = ()) -> Tensor:
    """How much pictures look drawn to a critic: the generator's hinge loss, a scalar.

    Gradients reach the maps, but not the critic.

    Args:
        maps: of the pictures.
        weights: what each map counts; 1 where there are none.
    """
    critic.eval().requires_grad_(False)
    logits = critic(maps)
    critic.train().requires_grad_(True)
    return weighted([generator_hinge(each) for each in logits], weights)


def critic_loss(
    critic: nn.Module,
    real: Sequence[Tensor],
    drawn: Sequence[Tensor],
    weights: Sequence[float] = (),
) -> Tensor:
    """How badly a critic tells drawn pictures from real ones: its hinge loss, a scalar.

    Gradients reach the critic, but not the pictures; ``weights`` are as in :func:`blame`.
    """
    count = len(real[0])
    both = [torch.cat([a, b.detach()]) for a, b in zip(real, drawn, strict=True)]
    losses = [discriminator_hinge(each[:count], each[count:]) for each in critic(both)]
    return weighted(losses, weights)


def weighted(losses: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The sum of some losses, each by its weight, or by 1 where there are none."""
    whole = torch.stack(list(losses))
    return (whole * whole.new_tensor(weights)).sum() if weights else whole.sum()
