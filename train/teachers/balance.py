"""Two losses that pull at one thing: how strongly each does, and a weight that balances them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from train.devices.distributed import Processes


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
