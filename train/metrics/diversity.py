"""Whether generated images differ among themselves as much as real ones do."""

from __future__ import annotations

import numpy as np

SHIFTS = 32


def mean_distance(features: np.ndarray) -> float:
    """The mean Euclidean distance between two of ``features`` (N, D) in random order; N >= 2.

    Each is paired with its next :data:`SHIFTS` followers around the circle, which for up to
    ``SHIFTS + 1`` features is every pair, and for more is a sample that misses the mean of all by a
    few thousandths.
    """
    shifts = range(1, min(len(features), SHIFTS + 1))
    return float(
        np.mean(
            [
                np.linalg.norm(features - np.roll(features, shift, axis=0), axis=1).mean(
                    dtype=np.float64
                )
                for shift in shifts
            ]
        )
    )


def diversity(real: np.ndarray, fake: np.ndarray) -> float:
    """The mean distance between two of ``fake`` (M, D), over that between two of ``real`` (N, D).

    1 is as diverse as the real images, 0 is one image again and again; noise and artefacts can
    bring it above 1. 0 as well where all real images are the same one.
    """
    whole = mean_distance(real)
    return mean_distance(fake) / whole if whole else 0.0
