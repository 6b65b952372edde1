"""How far two sets of features are apart: the Fréchet distance and the kernel distance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from train.metrics.checks import check_features

# As the published KID is commonly computed.
SUBSETS = 100
SUBSET_SIZE = 1000
BLOCK = 1000


class KernelDistance(NamedTuple):
    """The mean over the subsets, and the standard deviation from subset to subset."""

    mean: float
    deviation: float


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet distance of the Gaussians fitted to two sets of features.

    Heusel et al., 2017: |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). Few images make
    it too large: compare distances of equal counts only. ``a`` and ``b`` are (N, D) and
    (M, D) with N, M >= 2, which may differ and be less than D.

    Raises:
        MetricsError: the shapes do not fit, or a number is not finite.
    """
    a, b = check_features(a, b, least=2)
    a, b = a - a.mean(0), b - a.mean(0)  # less rounding
    # With C = X^T X, the trace of the root is the sum of the singular values of X_a X_b^T. That
    # needs no root of a (rank-deficient) matrix: nothing turns complex, and no digits are lost.
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = np.square(a.mean(0) - b.mean(0)).sum() - 2 * cross
    distance += np.square(root_a).sum() + np.square(root_b).sum()
    return max(float(distance), 0.0)


def kernel_distance(
    a: np.ndarray,
    b: np.ndarray,
    *,
    subsets: int = SUBSETS,
    size: int = SUBSET_SIZE,
    seed: int = 0,
) -> KernelDistance:
    """The squared maximum mean discrepancy under the kernel (x.y / D + 1)^3, as of the KID.

    Bińkowski et al., 2018: the unbiased estimate, averaged over random subsets of ``size`` features
    of each set, or of half the smaller set where that is less. Being unbiased it does not grow when
    there are few images; around zero it is noise, and may be below. ``a`` and ``b`` are (N, D) and
    (M, D) with N, M >= 4; ``seed`` chooses the subsets.

    Raises:
        MetricsError: the shapes do not fit, or a number is not finite.
    """
    a, b = check_features(a, b, least=4)
    size = min(size, len(a) // 2, len(b) // 2)
    random = np.random.default_rng(seed)
    chosen_a, chosen_b = (_indicators(len(x), size, subsets, random) for x in (a, b))
    pairs = size * (size - 1)
    within = _kernel_sums(a, a, chosen_a, chosen_a) - _diagonal_sums(a, chosen_a)
    within += _kernel_sums(b, b, chosen_b, chosen_b) - _diagonal_sums(b, chosen_b)
    found = within / pairs - 2 * _kernel_sums(a, b, chosen_a, chosen_b) / size**2
    return KernelDistance(float(found.mean()), float(found.std()))


def _covariance_root(x: np.ndarray) -> np.ndarray:
    """A matrix R of at most D rows with R^T R the covariance of ``x``."""
    root = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    return np.asarray(np.linalg.qr(root, mode="r")) if len(root) > root.shape[1] else root


def _indicators(count: int, size: int, subsets: int, random: np.random.Generator) -> Tensor:
    """Which of ``count`` rows are in which subset: float64 (count, subsets) of zeros and ones."""
    chosen = np.zeros((count, subsets))
    for column in chosen.T:
        column[random.choice(count, size, replace=False)] = 1
    return torch.from_numpy(chosen)


def _kernel_sums(a: np.ndarray, b: np.ndarray, chosen_a: Tensor, chosen_b: Tensor) -> np.ndarray:
    """For each subset the sum of the kernel over all its pairs: (subsets,).

    Every kernel value is computed once, however many subsets it is in: with the indicators s and t
    of a subset, its sum is s^T K t.
    """
    rows, columns = (torch.from_numpy(np.float32(x)) for x in (a, b))
    total = torch.zeros(chosen_a.shape[1], dtype=torch.float64)
    for block, chosen in zip(rows.split(BLOCK), chosen_a.split(BLOCK), strict=True):
        kernel = (block @ columns.T / a.shape[1] + 1).double() ** 3
        total += (chosen * (kernel @ chosen_b)).sum(0)
    return total.numpy()


def _diagonal_sums(x: np.ndarray, chosen: Tensor) -> np.ndarray:
    """For each subset the sum of the kernel of its rows with themselves: (subsets,)."""
    kernel = (np.square(x).sum(1) / x.shape[1] + 1) ** 3
    return kernel @ chosen.numpy()
