"""Means of the numbers that each step of a training gives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from train.devices.distributed import Processes


class Means:
    """Means of each step's numbers since they were last taken, kept on the device until then."""

    def __init__(self, names: Sequence[str], device: torch.device) -> None:
        self.names = tuple(names)
        self.sums = torch.zeros(len(self.names) + 1, device=device)

    def add(self, numbers: Tensor) -> None:
        """Count one step's numbers, in the order of their names."""
        self.sums[:-1] += numbers
        self.sums[-1] += 1

    def take(self, processes: Processes) -> dict[str, float]:
        """The means over all processes, by name, then start anew."""
        *sums, count = processes.average(self.sums.clone()).tolist()
        self.sums.zero_()
        return {name: value / max(count, 1) for name, value in zip(self.names, sums, strict=True)}
