"""The real images of a training, batch by batch, in an order that a resumed training repeats."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.generators.base import from_uint8
from train.hardware import Hardware


class Batches:
    """Passes over the images, each in a new random order; what is left over waits for the next.

    Args:
        images: uint8 (N, C, S, S).
        labels: int64 (N,), or None.
        size: images in a batch.
        seed: decides every order.
        balanced: draw every class equally often, instead of every image once (Cui et al., 2019,
            discuss what that does for small classes).
        hardware: where the batches are needed.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor | None,
        *,
        size: int,
        seed: int,
        balanced: bool,
        hardware: Hardware,
    ) -> None:
        self.images, self.labels = hardware.place_images(images), labels
        self.size, self.seed, self.hardware = size, seed, hardware
        self.balanced = balanced and labels is not None
        self.epoch = self.position = 0
        self._order: tuple[int, Tensor] | None = None

    def take(self, share: slice, value_range: tuple[float, float]) -> tuple[Tensor, Tensor | None]:
        """The next batch's rows ``share``, in ``value_range``, and their labels; then move on."""
        # After a change of batch in the middle of an epoch, the last batch may reach back a little.
        start = min(self.position, len(self.images) - self.size)
        chosen = self._indices()[start : start + self.size][share]
        batch = self.images[chosen.to(self.images.device)].to(self.hardware.device)
        labels = None if self.labels is None else self.labels[chosen].to(self.hardware.device)
        self.position += self.size
        if self.position + self.size > len(self.images):
            self.epoch += 1
            self.position = 0
        return self.hardware.lay_out(from_uint8(batch, value_range)), labels

    def _indices(self) -> Tensor:
        """Of all images in this epoch's order."""
        if self._order is None or self._order[0] != self.epoch:
            # From seed and epoch alone, so a resumed run needs no stored order.
            random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            if self.balanced:
                weights = 1.0 / self.labels.bincount()[self.labels]
                order = weights.multinomial(len(self.images), True, generator=random)
            else:
                order = torch.randperm(len(self.images), generator=random)
            self._order = self.epoch, order
        return self._order[1]
