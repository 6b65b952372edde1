"""The real images of a training, batch by batch, in an order that a resumed training repeats."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.generators import Generator
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
        aside: of each image, bool (N,), whether it is never taken; None for none.
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
        aside: Tensor | None = None,
    ) -> None:
        self.images, self.condition = hardware.place_images(images), condition
        self.size, self.seed, self.hardware = size, seed, hardware
        labelled = condition is not None and not condition.is_floating_point()
        self.balanced = balanced and labelled
        self.rows = None if aside is None else (~aside).nonzero()[:, 0]
        self.epoch = self.position = 0
        self._order: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        """How many images are taken in an epoch."""
        return len(self.images) if self.rows is None else len(self.rows)

    def take(self, share: slice, value_range: tuple[float, float]) -> tuple[Tensor, Tensor | None]:
        """The next batch's rows ``share``, in ``value_range``, then move on.

        What is told of them is that of the whole batch: others' may be asked about, too.
        """
        rows, told = self.take_rows()
        return self.photos(rows[share], value_range), told

    def take_rows(self) -> tuple[Tensor, Tensor | None]:
        """Which images the next batch holds, int64 (size,), and what is told of them; move on."""
        # After a change of batch in the middle of an epoch, the last batch may reach back a little.
        start = min(self.position, len(self) - self.size)
        chosen = self._indices()[start : start + self.size]
        told = None if self.condition is None else self.condition[chosen].to(self.hardware.device)
        self.position += self.size
        if self.position + self.size > len(self):
            self.epoch += 1
            self.position = 0
        return chosen, told

    def photos(self, rows: Tensor, value_range: tuple[float, float]) -> Tensor:
        """The images of some rows, float32 (n, C, S, S) in ``value_range``."""
        batch = self.images[rows.to(self.images.device)].to(self.hardware.device)
        return self.hardware.lay_out(from_uint8(batch, value_range))

    def _indices(self) -> Tensor:
        """Of all images that are taken, in this epoch's order."""
        if self._order is None or self._order[0] != self.epoch:
            # From seed and epoch alone, so a resumed run needs no stored order.
            random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            if self.condition is not None and self.balanced:
                labels = self.condition if self.rows is None else self.condition[self.rows]
                weights = 1.0 / labels.bincount()[labels]
                order = weights.multinomial(len(self), True, generator=random)
            else:
                order = torch.randperm(len(self), generator=random)
            self._order = self.epoch, order if self.rows is None else self.rows[order]
        return self._order[1]


def checked(generator: Generator, condition: Tensor | None) -> Tensor | None:
    """The images' condition, if the generator takes one and this is it.

    Raises:
        ValueError: it takes another.
    """
    if generator.words:
        vectors = condition is not None and condition.shape[1:] == (generator.words,)
        if not vectors:
            raise ValueError(f"This recipe needs a text's {generator.words} values for each image.")
        return condition
    if not generator.classes:
        return None
    if condition is None or condition.dim() != 1 or int(condition.max()) >= generator.classes:
        raise ValueError(f"This recipe needs a label below {generator.classes} for each image.")
    return condition
