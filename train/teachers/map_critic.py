"""A critic of pictures that are to be photos: heads on the maps of a frozen network.

A projected discriminator (Sauer et al., 2021) with the hinge loss. What it judges has a photo that
it should be, so it is told of no category; nothing but what the frozen network sees holds it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

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
