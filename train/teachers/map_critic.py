"""A critic of pictures that are to be photos: heads on the maps of a frozen network.

A projected discriminator (Sauer et al., 2021) with the hinge loss. What it judges has a photo that
it should be, so it is told of no category; nothing but what the frozen network sees holds it back.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from train.devices.distributed import Processes

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


class Balance:
    """A weight by which one loss pulls at something as strongly as a share of another one.

    As the adaptive weight of VQGAN (Esser et al., 2021), measured now and then and followed slowly.

    Args:
        share: of the other's pull.
        begin: the weight before anything was measured.
        inertia: how much of the weight before stays at each measure, 0..1.
    """

    def __init__(self, share: float, begin: float, inertia: float = 0.8) -> None:
        self.share, self.weight, self.inertia = share, begin, inertia

    def measure(self, wanted: float, found: float) -> None:
        """Take in how strongly the other loss pulls, and how strongly this one does."""
        now = self.share * wanted / max(found, 1e-12)
        self.weight = self.inertia * self.weight + (1 - self.inertia) * now


def pulls(
    losses: Sequence[Tensor], at: Tensor, processes: Processes, rows: slice = slice(None)
) -> list[float]:
    """The lengths of the losses' gradients at some ``rows`` of a tensor; the graphs are kept.

    They are those of the whole batch, of all processes.
    """
    squares = [
        torch.autograd.grad(each, at, retain_graph=True)[0][rows].float().square().sum()
        for each in losses
    ]
    return processes.average(torch.stack(squares)).sqrt().tolist()
