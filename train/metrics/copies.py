"""Whether generated images are training images over again, or mirrored.

An image is judged by how near it lies to its nearest training image, *in units of how far that
training image lies from other training images*. The plain distance would mistake: where training
images crowd, a good new image lies as near to one of them as a bad copy does where they are sparse,
so the plain 1st percentile both accuses generators that draw what is typical and lets copies of
unusual images pass. Of copies of handbags with noise of 4 levels of 255 in every pixel, the plain
distance finds 17 in a hundred and the relative one 56 on mobilenetv2_100 features, both accusing
one real image in a hundred; with noise of 8 levels it is 4 and 10.

Real images that were never trained on tell what is normal, and each real image is one to all the
others: its own relative distance, measured with itself left out on every side, is what a fresh real
image would get. What lies below the 1st percentile of those is called a copy, so that of an honest
generator one image in a hundred is, at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# A training image's distance from its third nearest other is the unit: two near-duplicates of it
# in the data, as retailers' photos have, change nothing.
K = 3
PERCENTILE = 0.01
# Where more than one in a hundred real images has a near-duplicate, that percentile would be the
# distance of those, and blind. Nearer than half the usual is a copy however many there are; the
# share of real images says then how many there are.
LEAST_LIMIT = 0.5
# An image that is in the data four times has a unit of zero, in which nothing could be near.
LEAST_UNIT = 0.1
BLOCK = 500


@dataclass(frozen=True)
class Originals:
    """The images in which copies are looked for, and what is normal among them.

    Attributes:
        features: of the images, float32 (N, D).
        flipped: of the images mirrored left to right, (N, D). A mirrored copy is a copy, and a
            training that mirrors its images has seen both.
        units: how far each image lies from its K-th nearest other, (N,).
        limit: the relative distance below which an image is a copy.
        floor: the share of the real images themselves that are nearer than that to another, which
            is about 1 % unless there are near-duplicates.
    """

    features: np.ndarray
    flipped: np.ndarray
    units: np.ndarray
    limit: float
    floor: float

    @classmethod
    def of(cls, features: np.ndarray, flipped: np.ndarray) -> Originals:
        """Find what is normal among N >= 4 images, from their ``features`` and ``flipped``."""
        k = min(K, len(features) - 2)
        distances, others = _nearest(features, features, flipped, k + 1, own=True)
        least = LEAST_UNIT * np.median(distances[:, k - 1])
        nearest = others[:, 0]
        # A fresh image would not be among its nearest image's neighbours, and so it is not here.
        among = (others[nearest, :k] == np.arange(len(features))[:, None]).any(1)
        units = np.where(among, distances[nearest, k], distances[nearest, k - 1])
        relative = _ratios(distances[:, 0], np.maximum(units, least))
        limit = max(float(np.quantile(relative, PERCENTILE)), LEAST_LIMIT)
        own_units = np.maximum(distances[:, k - 1], least)
        return cls(features, flipped, own_units, limit, float((relative < limit).mean()))

    def relative_distances(self, fake: np.ndarray) -> np.ndarray:
        """How near each of ``fake`` (M, D) is to its nearest image, in that image's units: (M,)."""
        distances, images = _nearest(fake, self.features, self.flipped, 1)
        return _ratios(distances[:, 0], self.units[images[:, 0]])

    def share_of_copies(self, fake: np.ndarray) -> float:
        """The share of ``fake`` (M, D) that are copies; compare it with :attr:`floor`."""
        return float((self.relative_distances(fake) < self.limit).mean())


def _nearest(
    points: np.ndarray, features: np.ndarray, flipped: np.ndarray, k: int, *, own: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The distances to the ``k`` nearest images, mirrored or not, and which they are: (N, k) twice.

    With ``own``, the points are the images themselves, and none is its own neighbour. Nor is its
    mirror image: a handbag is nearly its own, and a fresh image's is not in the data.
    """
    middle = features.mean(0)  # less rounding
    rows, plain, mirrored = (torch.from_numpy(x - middle) for x in (points, features, flipped))
    found: list[tuple[Tensor, Tensor]] = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        distances = torch.minimum(torch.cdist(block, plain), torch.cdist(block, mirrored))
        if own:
            at = torch.arange(len(block))
            distances[at, start + at] = torch.inf
        found.append(distances.topk(k, largest=False))
    values, indices = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
    return values, indices


def _ratios(distances: np.ndarray, units: np.ndarray) -> np.ndarray:
    return distances / np.maximum(units, np.finfo(np.float32).tiny)
