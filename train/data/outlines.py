"""Which photos of cut-out things have clean outlines: a mask that tore them is learnt with them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Distance of a pixel from the white ground (0..1) above which it belongs to the thing.
FOREGROUND = 0.06
# Parts narrower than this share of the picture are counted as shreds, gaps likewise.
NARROW = 1 / 18
BLOCK = 256
LEAST_DEVIATION = 1e-6
# No single fault, however bad, or virtue decides alone: in standard deviations.
LEAST_SCORE, MOST_SCORE = -2.0, 4.0


def cleanest(images: Tensor, labels: Tensor | None, share: float) -> Tensor:
    """Positions of the ``share`` (0..1) of images with the cleanest outlines, in order: int64 (n,).

    Args:
        images: uint8 (N, C, S, S), of things on a white ground.
        labels: int64 (N,); of each category that share is taken, as dresses are not torn for being
            less square than shirts. None where there are no categories.
    """
    faults = outline_faults(images)
    labels = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
    kept = []
    for label in labels.unique():
        own = (labels == label).nonzero().flatten()
        some = faults[own]
        spread = some.std(0, correction=0).clamp(min=LEAST_DEVIATION)
        score = ((some - some.mean(0)) / spread).clamp(LEAST_SCORE, MOST_SCORE).sum(1)
        count = max(1, round(share * len(own)))
        kept.append(own[score.argsort(stable=True)[:count]])
    return torch.cat(kept).sort().values


def outline_faults(images: Tensor) -> Tensor:
    """Faults of outlines of uint8 images (N, C, S, S), each the larger the worse: float (N, 4).

    They are shreds that stick out, gaps and bites, both as shares of the thing's area; the
    outline's length, 1 for a square; and how much of it is not mirrored on its other side.
    """
    return torch.cat([_faults(some) for some in images.split(BLOCK)])


def _faults(images: Tensor) -> Tensor:
    mask = ((1 - images.float() / 255).amax(1, keepdim=True) > FOREGROUND).float()
    side = max(3, round(images.shape[-1] * NARROW) // 2 * 2 + 1)
    area = _area(mask).clamp(min=1)
    wide = _grown(_shrunk(mask, side), side)
    filled = _shrunk(_grown(mask, side), side)
    edges = (mask[..., 1:] - mask[..., :-1]).abs().sum((1, 2, 3))
    edges = edges + (mask[..., 1:, :] - mask[..., :-1, :]).abs().sum((1, 2, 3))
    return torch.stack(
        [
            _area((mask - wide).clamp(min=0)) / area,
            _area((filled - mask).clamp(min=0)) / area,
            edges / (4 * area.sqrt()),
            1 - _symmetry(mask, area),
        ],
        1,
    )


def _symmetry(mask: Tensor, area: Tensor) -> Tensor:
    """How much of each thing lies on its mirror image about its own middle, 0..1: (n,)."""
    size = mask.shape[-1]
    middle = (mask * torch.arange(size)).sum((1, 2, 3)) / area
    shifts = ((size - 1) / 2 - middle).round().long()
    columns = (torch.arange(size)[None] - shifts[:, None]) % size
    centred = mask.gather(3, columns[:, None, None].expand_as(mask))
    both = centred + centred.flip(3)
    return _area((both == 2).float()) / _area((both > 0).float()).clamp(min=1)


def _area(mask: Tensor) -> Tensor:
    return mask.sum((1, 2, 3))


def _grown(mask: Tensor, side: int) -> Tensor:
    return F.max_pool2d(mask, side, 1, side // 2)


def _shrunk(mask: Tensor, side: int) -> Tensor:
    return -_grown(-mask, side)
