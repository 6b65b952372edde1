"""Finds copies of the same picture among many: saved again, compressed harder, or resized.

Pictures are compared as sketches of 32 x 32 pixels. Two show the same picture when they differ
little everywhere, absolutely and beside their own contrast: white products on white differ little
from each other in pixels, though much for how little there is to see.

The limits were chosen by measuring. Of 2,375 handbags, 6,491 garments and 11,954 mixed products on
white, near-duplicates removed before, they call 0, 2 and 7 copies, and all nine are second photos
of the same thing. Of copies made on purpose they find 99% or more at JPEG quality 30 or at half the
size, 79 to 98% at quality 10, 76 to 86% at 64 pixels and quality 50, and none when mirrored. Wider
limits would find more, but also take bags for copies that differ in a small print only.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio.photos import shortened, turned

SKETCH = 32
# Root mean square difference in grey levels, 0..255.
MAX_DIFFERENCE = 5.0
# The same as a share of the contrast, which is the root mean square distance from the median
# colour, for a picture on a plain background mostly its background.
MAX_SHARE_OF_CONTRAST = 0.15
# Difference of any of the 8 x 8 parts in any colour channel, in grey levels.
MAX_PART_DIFFERENCE = 12.0
PARTS = 8
# A mirrored picture is another picture, even if its product is nearly symmetric: it is not a copy
# when the mirrored one fits this many times as well.
MIRROR = 2.0
# Sketches forget the proportions, which a copy keeps but for the rounding to whole pixels.
MAX_LOG_ASPECT = 0.03
# Numbers that stand for a sketch in the search. Distances between them are never longer than those
# between the sketches, so nothing is missed.
SEARCHED = 32
BLOCK = 128
# Only this many of the pictures that may be the same are looked at closely, the nearest first: a
# bound on the work for sets made to have many.
TRIED = 16


def sketch(flat: Image.Image, turn: Image.Transpose | None) -> np.ndarray:
    """A flat picture, and what turns it upright, as uint8 (SKETCH, SKETCH, 3).

    The filter is bilinear over the area: of Pillow's, it changes least when a picture was resized
    before.
    """
    small = shortened(flat, SKETCH).resize((SKETCH, SKETCH), Image.Resampling.BILINEAR)
    return np.asarray(turned(small, turn).convert("RGB"))


def originals(sketches: np.ndarray, aspects: np.ndarray, order: np.ndarray) -> np.ndarray:
    """For each picture the index of the one that it is a copy of, or its own: int64 (N,).

    Pictures are taken in the ``order`` given, a permutation of their indices; each is compared with
    those before it that aren't copies themselves. Memory beyond the sketches is a few hundred bytes
    for each picture.

    Args:
        sketches: uint8 (N, SKETCH, SKETCH, 3) as of :func:`sketch`.
        aspects: width / height of each picture, float (N,).
        order: int (N,).
    """
    if not len(sketches):
        return np.empty(0, np.int64)
    points, limits = _points(sketches), _limits(sketches)
    squares = (points**2).sum(1, keepdims=True)
    most = limits[:, None] ** 2 * sketches[:1].size
    rounding = 1e-5 * float(squares.max())
    ones = np.ones_like(squares)
    # |a - b|² - most(a) as one product of matrices: the search is bound by passes over memory.
    left = np.hstack([points, squares - most, ones])
    right = np.hstack([-2 * points, ones, squares])
    result = np.arange(len(sketches))
    first = np.empty(0, np.int64)  # those so far that are no copies
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        pool = np.concatenate([first, block])
        excess = left[block] @ right[pool].T
        excess[:, len(first) :][np.triu_indices(len(block))] = np.inf  # only those before it
        close = excess <= rounding
        for row in np.flatnonzero(close.any(1)):
            one = block[row]
            near = np.flatnonzero(close[row])
            distances = excess[row, near] + most[one]
            others = pool[near]
            good = (result[others] == others) & (distances <= most[others, 0] + rounding)
            others = others[good][np.argsort(distances[good], kind="stable")[:TRIED]]
            found = others[_same(one, others, sketches, aspects, limits)]
            if len(found):
                result[one] = found[0]
        first = np.concatenate([first, block[result[block] == block]])
    return result


def _same(
    one: int, others: np.ndarray, sketches: np.ndarray, aspects: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """Which of the others (n,) show the same picture as one: bool (n,)."""
    difference = sketches[others].astype(np.float32) - sketches[one]
    mirrored = sketches[others, :, ::-1].astype(np.float32) - sketches[one]
    distance, mirror_distance = (np.sqrt((d**2).mean((1, 2, 3))) for d in (difference, mirrored))
    return (
        (distance <= np.minimum(limits[one], limits[others]))
        & (np.abs(_parts(difference)).max((1, 2, 3), initial=0) <= MAX_PART_DIFFERENCE)
        & (distance <= MIRROR * mirror_distance)
        & (np.abs(np.log(aspects[others] / aspects[one])) <= MAX_LOG_ASPECT)
    )


def _parts(images: np.ndarray) -> np.ndarray:
    """The means of 8 x 8 parts: float32 (n, 8, 8, 3)."""
    side = SKETCH // PARTS
    return images.reshape(-1, PARTS, side, PARTS, side, 3).mean((2, 4), dtype=np.float32)


def _limits(sketches: np.ndarray) -> np.ndarray:
    """How far from each picture a copy may be, as root mean square: float32 (N,)."""
    contrasts = np.empty(len(sketches), np.float32)
    for start in range(0, len(sketches), BLOCK):
        block = sketches[start : start + BLOCK].reshape(-1, SKETCH * SKETCH, 3).astype(np.float32)
        middle = np.median(block, 1, keepdims=True)
        contrasts[start : start + BLOCK] = np.sqrt(((block - middle) ** 2).mean((1, 2)))
    return np.minimum(MAX_DIFFERENCE, MAX_SHARE_OF_CONTRAST * contrasts)


def _points(sketches: np.ndarray) -> np.ndarray:
    """Sketches as a few numbers each: float32 (N, SEARCHED), no farther apart than they are.

    Means of the parts times the root of their pixels, then principal components: both are
    orthogonal projections, which shorten distances or keep them.
    """
    parts = np.empty((len(sketches), PARTS * PARTS * 3), np.float32)
    for start in range(0, len(sketches), BLOCK):
        means = _parts(sketches[start : start + BLOCK])
        parts[start : start + BLOCK] = means.reshape(len(means), -1) * (SKETCH // PARTS)
    parts -= parts.mean(0)
    _, axes = np.linalg.eigh(parts.T @ parts)
    return parts @ axes[:, -SEARCHED:]
