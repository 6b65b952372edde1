"""Measures that ask who is whose neighbour: precision, recall, density and coverage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from train.metrics.checks import MetricsError, check_features

K = 3  # the neighbour of precision and recall, as in their paper
WIDE_K = 5  # and of density and coverage, as in theirs
BLOCK = 1000


class Neighbours(NamedTuple):
    """What :func:`neighbours` finds."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbours(real: np.ndarray, fake: np.ndarray, k: int = K, wide_k: int = WIDE_K) -> Neighbours:
    """Precision and recall, density and coverage: how two sets of features overlap.

    Around each point of a set lies a ball that reaches to the point's k-th nearest neighbour in the
    set. All four depend on the counts.

    Improved precision and recall (Kynkäänniemi et al., 2019, with ``k``), both in 0..1: precision
    is the share of ``fake`` inside any ball of ``real``, recall the share of ``real`` inside any
    ball of ``fake``.

    Density and coverage (Naeem et al., 2020, with ``wide_k``): density is how many balls of
    ``real`` a point of ``fake`` lies in, over ``wide_k``; it is 1 on average for equal
    distributions, and above it where ``fake`` crowds where ``real`` is dense. Coverage, in 0..1, is
    the share of balls of ``real`` with a point of ``fake`` inside. A single outlier among ``real``
    or ``fake``, with its huge ball, weighs less in them.

    ``real`` and ``fake`` are features (N, D) and (M, D), both with more than k >= 1 rows. Sets that
    are too small for ``wide_k`` use the largest that they allow.

    Raises:
        MetricsError: the shapes do not fit, or a number is not finite.
    """
    if min(k, wide_k) < 1:
        raise MetricsError(f"k is at least 1, not {min(k, wide_k)}.")
    real, fake = check_features(real, fake, least=k + 1)
    wide_k = min(wide_k, len(real) - 1)
    middle = real.mean(0)  # less rounding
    real_points, fake_points = (torch.from_numpy(points - middle) for points in (real, fake))
    radii, wide = radii_of(real_points, (k, wide_k))
    (fake_radii,) = radii_of(fake_points, (k,))
    precise = torch.zeros(len(fake), dtype=torch.bool)
    crowd = torch.zeros(len(fake), dtype=torch.int64)
    recalled, covered = [], []
    for start in range(0, len(real), BLOCK):
        part = slice(start, start + BLOCK)
        distances = torch.cdist(real_points[part], fake_points)
        precise |= (distances <= radii[part, None]).any(0)
        recalled.append((distances <= fake_radii).any(1))
        inside = distances <= wide[part, None]
        crowd += inside.sum(0)
        covered.append(inside.any(1))
    return Neighbours(
        precision=precise.double().mean().item(),
        recall=torch.cat(recalled).double().mean().item(),
        density=(crowd.double().mean() / wide_k).item(),
        coverage=torch.cat(covered).double().mean().item(),
    )


def radii_of(points: Tensor, ks: tuple[int, ...]) -> Tensor:
    """The distance from each of ``points`` (N, D) to its k-th nearest other: (len(ks), N)."""
    found = []
    for block in points.split(BLOCK):
        # A point is its own nearest, so its k-th neighbour is the (k + 1)-th smallest.
        nearest = torch.cdist(block, points).topk(max(ks) + 1, largest=False).values
        found.append(nearest[:, list(ks)])
    return torch.cat(found).T
