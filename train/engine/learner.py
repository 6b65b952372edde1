"""A network that learns beside a generator: its own optimiser and average."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine.average import followed
from train.recipes import Recipe


class Learner:
    """A network, its optimiser, and the exponential moving average (EMA) of its weights.

    Args:
        network: as it begins.
        recipe: what optimiser it has, how slowly the average follows.
        batch: images in a step, over all processes.
        rate: the full learning rate; the recipe's unless given.
        betas: of Adam; the recipe's unless given.

    Attributes:
        average: in evaluation mode. Statistics of norms are averages like the weights: the newest
            ones would be those of other weights.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        hardware: Hardware,
        processes: Processes,
        *,
        batch: int,
        rate: float | None = None,
        betas: tuple[float, float] | None = None,
    ) -> None:
        self.network = hardware.place(processes.synchronise(network))
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.recipe, self.processes, self.batch = recipe, processes, batch
        self.rate = recipe.learning_rate if rate is None else rate
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), self.rate, betas or recipe.betas, fused=True
        )

    def take_over(self, weights: Mapping[str, Tensor]) -> None:
        """Begin with trained weights."""
        for each in (self.network, self.average):
            each.load_state_dict(weights)

    def descend(self, loss: Tensor, share: float, images_shown: int) -> None:
        """One step down a loss of its own, see :meth:`step`."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.step(share, images_shown)

    def step(self, share: float, images_shown: int) -> None:
        """Follow the gradients that are there, at a ``share`` of the full rate, and forget them."""
        parameters: list[Tensor] = list(self.network.parameters())
        self.processes.average_gradients(self.network.parameters())
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(parameters, self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * share
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        weight = followed(self.recipe, self.batch, images_shown)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), parameters, weight)
            for mine, its in zip(self.average.buffers(), self.network.buffers(), strict=True):
                if mine.is_floating_point():
                    mine.lerp_(its, weight)
                else:  # a count
                    mine.copy_(its)

    def state_dict(self) -> dict[str, Any]:
        """Weights, average and optimiser."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken; each step sets the rate."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
