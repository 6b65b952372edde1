"""Means of the numbers that each step of a training gives."""

from __future__ import annotations

import torch
from torch import Tensor

from train.devices.distributed import Processes

# Both losses, the discriminator's mean probability of being real for real and for drawn images, and
# the mean sign of its logits on real ones (-1..1), which tells how sure it is of them.
NUMBERS = ("loss_g", "loss_d", "real_score", "fake_score", "real_sign")


class Means:
    """Means of each step's numbers since they were last taken, kept on the device until then."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(len(NUMBERS) + 1, device=device)

    def add(self, numbers: Tensor) -> None:
        """Count one step's numbers, in the order of :data:`NUMBERS`."""
        self.sums[:-1] += numbers
        self.sums[-1] += 1

    def take(self, processes: Processes) -> dict[str, float]:
        """The means over all processes, then start anew; scores are probabilities of real."""
        *sums, count = processes.average(self.sums.clone()).tolist()
        self.sums.zero_()
        return {name: value / max(count, 1) for name, value in zip(NUMBERS, sums, strict=True)}
