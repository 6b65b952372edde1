"""What can be measured on the pictures of a run, compared with its photos.

Pictures are compared coarsely, 16x16 pixels, where two photos of one thing are near and a copy is
much nearer still.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 16  # pixels of a coarse picture
POOL = 16_000  # photos in which copies are looked for; more are sampled
QUERIES = 500  # photos whose nearest other photo is looked up
GROUP = 64  # pictures among which twins are looked for
LEAST_DISTANCE = 0.5  # grey levels; a set of equal photos has no distances to divide by

# A copy is much nearer to one photo than to the next one, or nearer than 99 of 100 photos are to
# any other and less than 0.4 of the usual (of 16 photos, no 99 of 100 can be told). How much
# nearer than to the next, the photos say: at most 2 of 100 would pass as copies of another.
# Handbags, garments and Fashion-MNIST all come to the upper limit; copies with noise reach 0.1.
# The lower limit is for photos among which some are nearly the same.
COPY_QUANTILE, COPY_LIMIT = 0.01, 0.4
COPY_RATIO_QUANTILE, COPY_RATIO_LIMITS = 0.02, (0.3, 0.6)
TWIN = 0.25  # of the usual distance to the nearest other; healthy runs have up to 0.1 of twins


class PictureSignals:
    """Measures pictures against photos, whose own distances are measured once.

    Args:
        images: the photos, uint8 (N, C, S, S) with N >= 2. Of more than 16,000 a random 16,000
            are used, so memory is bounded, and a copy of one of the others goes unseen.
        seed: chooses them.

    Raises:
        ValueError: the images are too few or of another type or shape.
    """

    def __init__(self, images: Tensor, *, seed: int = 0) -> None:
        _check(images, "photos")
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        self._shape = images.shape[1:]
        self._photos = _coarse(images[order[:POOL].to(images.device)])
        some = self._photos[:QUERIES]
        distances = _nearest(some, self._photos, among_themselves=True)
        nearest, next_nearest = distances[:, 0], distances[:, -1].clamp(min=LEAST_DISTANCE)
        self._variety = max(_mean_distance(some), LEAST_DISTANCE)
        self._nearness = max(nearest.median().item(), LEAST_DISTANCE)
        self._copy = min(nearest.quantile(COPY_QUANTILE).item(), COPY_LIMIT * self._nearness)
        ratio = (nearest / next_nearest).quantile(COPY_RATIO_QUANTILE)
        self._copy_ratio = ratio.clamp(*COPY_RATIO_LIMITS).item()

    def __call__(self, samples: Tensor) -> dict[str, float]:
        """Signals of ``samples``, uint8 (M, C, S, S) with M >= 2; 64 or more measure well.

        "variety" is the mean distance of two pictures, of two photos being 1; "twins" the share of
        pictures that have a near twin among 64 (among fewer for few photos); "nearness" the median
        distance to the nearest photo, of a photo to the nearest other one being 1; "copies" the
        share of pictures that are nearly a photo or its mirror image.

        Raises:
            ValueError: the samples are too few or of another type or shape.
        """
        _check(samples, "samples")
        if samples.shape[1:] != self._shape:
            wanted = "x".join(str(side) for side in self._shape)
            raise ValueError(f"The samples must be {wanted}, not {tuple(samples.shape[1:])}.")
        pictures = _coarse(samples).to(self._photos.device)
        distances = _nearest(pictures, self._photos)
        nearest, next_nearest = distances[:, 0], distances[:, -1]
        copies = (nearest < self._copy_ratio * next_nearest) & (nearest < self._nearness)
        copies |= nearest < self._copy
        return {
            "variety": _mean_distance(pictures) / self._variety,
            "twins": self._twins(pictures),
            "nearness": nearest.median().item() / self._nearness,
            "copies": copies.double().mean().item(),
        }

    def _twins(self, pictures: Tensor) -> float:
        # Even a perfect generator of 16 photos draws twins: fewer are compared where N is small.
        photos = self._photos
        group = min(GROUP, max(len(photos) // 4, 4), len(photos), len(pictures))
        usual = max(_to_nearest_in_group(photos, group).median().item(), LEAST_DISTANCE)
        return (_to_nearest_in_group(pictures, group) < TWIN * usual).double().mean().item()


def _coarse(images: Tensor, block: int = 1000) -> Tensor:
    """uint8 (N, C, S, S) to float32 (N, C, side, side), area averages in grey levels."""
    side = min(SIDE, images.shape[-1])
    return torch.cat([F.adaptive_avg_pool2d(some.float(), side) for some in images.split(block)])


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Root mean square differences in grey levels, (len(a), len(b))."""
    return torch.cdist(a.flatten(1), b.flatten(1)) / math.sqrt(a[0].numel())


def _nearest(pictures: Tensor, photos: Tensor, *, among_themselves: bool = False) -> Tensor:
    """Distances to the nearest photo or its mirror image and to the next one: (N, 1 or 2).

    ``among_themselves`` says that the pictures are the first of the photos, each to be compared
    with the others only.
    """
    distances = _distances(pictures, photos)
    distances = torch.minimum(distances, _distances(pictures.flip(3), photos))
    if among_themselves:
        distances.fill_diagonal_(math.inf)
    return distances.topk(min(2, len(photos) - among_themselves), largest=False).values


def _to_nearest_in_group(pictures: Tensor, size: int) -> Tensor:
    """Each picture's distance to the nearest other one in its group of ``size`` in a row."""
    groups = pictures[:QUERIES].split(size)
    found = []
    for group in groups if len(groups[-1]) == size else groups[:-1]:
        found.append(_distances(group, group).fill_diagonal_(math.inf).amin(1))
    return torch.cat(found)


def _mean_distance(pictures: Tensor) -> float:
    some = pictures[:QUERIES]
    return _distances(some, some).sum().item() / (len(some) * (len(some) - 1))


def _check(images: Tensor, what: str) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[2] != images.shape[3]:
        found = f"{images.dtype} of shape {tuple(images.shape)}"
        raise ValueError(f"The {what} must be uint8 (N, C, S, S), not {found}.")
    if len(images) < 2:
        raise ValueError(f"A run's health needs at least two {what}.")
