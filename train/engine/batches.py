"""The real images of a training, batch by batch, in an order that a resumed training repeats."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.generators.base import from_uint8
from train.devices.hardware import Hardware


class Batches:
    """Passes over the images, each in a new random order; what is left over waits for the next.

    Args:
        images: uint8 (N, C, S, S).
        condition: of each image, int64 labels (N,) or vectors (N, words), or None.
        size: images in a batch.
        seed: decides every order.
        balanced: draw every class equally often, instead of every image once (Cui et al., 2019,
            discuss what that does for small classes); only where there are labels.
        hardware: where the batches are needed.
    """

    def __init__(
        self,
        images: Tensor,
        condition: Tensor | None,
        *,
        size: int,
        seed: int,
        balanced: bool,
        hardware: Hardware,
    ) -> None:
        self.images, self.condition = hardware.place_images(images), condition
        self.size, self.seed, self.hardware = size, seed, hardware
        labelled = condition is not None and not condition.is_floating_point()
        self.balanced = balanced and labelled
        self.epoch = self.position = 0
        self._order: tuple[int, Tensor] | None = None

    def take(self, share: slice, value_range: tuple[float, float]) -> tuple[Tensor, Tensor | None]:
        """The next batch's rows ``share``, in ``value_range``, then move on.

        What is told of them is that of the whole batch: others' may be asked about, too.
        """
        # After a change of batch in the middle of an epoch, the last batch may reach back a little.
        start = min(self.position, len(self.images) - self.size)
        chosen = self._indices()[start : start + self.size]
        own = chosen[share].to(self.images.device)
        batch = self.images[own].to(self.hardware.device)
        told = None if self.condition is None else self.condition[chosen].to(self.hardware.device)
        self.position += self.size
        if self.position + self.size > len(self.images):
            self.epoch += 1
            self.position = 0
        return self.hardware.lay_out(from_uint8(batch, value_range)), told

    def _indices(self) -> Tensor:
        """Of all images in this epoch's order."""
        if self._order is None or self._order[0] != self.epoch:
            # From seed and epoch alone, so a resumed run needs no stored order.
            random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            if self.condition is not None and self.balanced:
                weights = 1.0 / self.condition.bincount()[self.condition]
                order = weights.multinomial(len(self.images), True, generator=random)
            else:
                order = torch.randperm(len(self.images), generator=random)
            self._order = self.epoch, order
        return self._order[1]
