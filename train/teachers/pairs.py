"""How far pictures are from the very photos that they are to be, in pixels and in features.

Unlike :mod:`train.teachers.feature_distance`, which compares many with many, each picture has its
photo here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from train.devices.distributed import Processes

STAGES, CHANNELS = range(4), (16, 24, 40, 112)  # of the frozen network's maps that are compared
# Lightness, red against green, and yellow against blue: in red, green and blue most of a difference
# is one of lightness, and few bright things among many dark ones come back dull.
OPPONENTS = ((0.33, 0.34, 0.33), (1.0, -1.0, 0.0), (0.6, 0.6, -1.2))
# At which parts of their size pixels are compared, and what each counts: shapes and colours first.
SHRUNK = ((1, 1.0), (2, 1.0), (4, 1.0), (8, 2.0))
LEAST_SPREAD = 0.1
# Sides of crops, by parts of the picture's, and how much larger or smaller whole pictures may be.
CROPS = (0.44, 0.585)
SCALES = (1.0, 17 / 16, 9 / 8)
MARGIN = 1 / 32  # of a whole picture's side that falls away at one side or the other
CROPPED = 0.5  # of the steps


def pixel_difference(pictures: Tensor, photos: Tensor, sharp: Tensor | None = None) -> Tensor:
    """The mean absolute difference of pictures and photos (b, 1 or 3, s, s), a scalar.

    In opponent colours, at four sizes. The finest counts for those that are ``sharp`` (b,) alone.
    """
    apart = pictures - photos
    if apart.shape[1] == 3:
        apart = torch.einsum("oc,bcij->boij", apart.new_tensor(OPPONENTS), apart)
    total = apart.new_zeros(len(apart))
    for factor, weight in SHRUNK:
        here = F.avg_pool2d(apart, factor) if factor > 1 else apart
        each = here.abs().mean((1, 2, 3))
        if factor == 1 and sharp is not None:
            each = each * sharp
        total = total + weight * each
    return total.mean()


def feature_difference(
    maps: Sequence[Tensor], of_photos: Sequence[Tensor], processes: Processes | None = None
) -> Tensor:
    """How far maps of pictures are from those of their photos, a scalar.

    The mean absolute difference of each channel by its deviation in the photos, summed over the
    maps (b, channels, h, w). Deviations are those of the whole batch of several processes.
    """
    processes = processes or Processes()
    far = []
    for mine, real in zip(maps, of_photos, strict=True):
        moments = torch.stack([real.mean((0, 2, 3)), real.square().mean((0, 2, 3))])
        mean, square = processes.average(moments)
        spread = (square - mean.square()).clamp_min(0).sqrt() + LEAST_SPREAD
        far.append(((mine - real).abs().mean((0, 2, 3)) / spread).mean())
    return torch.stack(far).sum()


class View:
    """One way of looking at a batch: a crop at its own size, or all of it at about half of it.

    Both are resampled at a rate that changes, and begin at any pixel, so that no lattice of the
    frozen network's strides stays in one place, where a fixed pattern could hide from it.

    Args:
        size: of the pictures.
        random: draws it, the same on every process.
    """

    def __init__(self, size: int, random: torch.Generator) -> None:
        draws = torch.rand(4, generator=random, device=random.device).tolist()
        self.half = size // 2
        self.whole = draws[0] >= CROPPED
        if self.whole:
            self.side = size - round(size * MARGIN)
            self.target = round(self.half * SCALES[int(draws[1] * len(SCALES))])
        else:
            low, high = CROPS
            self.side = round(size * (low + (high - low) * draws[1]))
            self.target = self.half
        room = size - self.side + 1
        self.top, self.left = int(draws[2] * room), int(draws[3] * room)

    def __call__(self, pictures: Tensor, sharp: Tensor | None) -> Tensor:
        """What is seen of pictures (b, C, s, s). Those that are not ``sharp`` are never cropped."""
        rows = slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)
        seen = pictures[:, :, rows[0], rows[1]]
        if self.side != self.target:
            seen = F.interpolate(
                seen, size=self.target, mode="bilinear", align_corners=False, antialias=True
            )
        if self.whole or sharp is None:
            return seen
        return torch.where(sharp[:, None, None, None], seen, F.avg_pool2d(pictures, 2))
