"""Fréchet and kernel distance, and diversity: known answers and a sane order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from measuring import blurred, shapes
from torch import Tensor

from train.metrics import (
    FeatureNetwork,
    MetricsError,
    distances,
    frechet_distance,
    kernel_distance,
)
from train.metrics.diversity import diversity, mean_distance

# --- the Fréchet distance ----------------------------------------------------------------------


def gaussian(mean: np.ndarray, covariance: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Points whose mean and covariance are exactly the given ones."""
    points = np.random.default_rng(seed).standard_normal((count, len(mean)))
    points -= points.mean(0)
    white = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_distance_of_a_set_from_itself_is_zero(real_features: np.ndarray) -> None:
    scale = np.var(real_features.astype(np.float64), axis=0).sum()
    assert scale > 0
    assert frechet_distance(real_features, real_features) <= 1e-9 * scale
    assert frechet_distance(real_features, real_features[::-1]) <= 1e-9 * scale


def test_distance_matches_the_closed_form_of_diagonal_gaussians() -> None:
    mean_a, mean_b = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.5])
    std_a, std_b = np.array([1.0, 3.0, 0.2]), np.array([2.0, 0.5, 0.2])
    a = gaussian(mean_a, np.diag(std_a**2), 50, seed=0)
    b = gaussian(mean_b, np.diag(std_b**2), 80, seed=1)
    expected = ((mean_a - mean_b) ** 2).sum() + ((std_a - std_b) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_distance_matches_the_closed_form_of_correlated_gaussians() -> None:
    first, second = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    product = first @ second  # 2 x 2: tr(P^(1/2)) = (tr P + 2 det(P)^(1/2))^(1/2)
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(first) + np.trace(second) - 2 * root
    zero = np.zeros(2)
    a, b = gaussian(zero, first, 30, seed=0), gaussian(zero, second, 40, seed=1)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_distance_with_fewer_images_than_dimensions() -> None:
    rng = np.random.default_rng(0)
    a, b = np.zeros((5, 40)), np.zeros((7, 40))
    a[:, :20], b[:, 20:] = rng.normal(3, 1, (5, 20)), rng.normal(0, 2, (7, 20))
    # Covariances in orthogonal subspaces have no common part: the root's trace is zero.
    expected = np.square(a.mean(0) - b.mean(0)).sum() + a.var(0, ddof=1).sum()
    expected += b.var(0, ddof=1).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a, a + 1) == pytest.approx(40, rel=1e-9)
    # Dimensions in which nothing varies change nothing, whichever side of N = D they lead to.
    narrow, shifted = rng.normal(0, 1, (30, 6)), rng.normal(1, 2, (30, 6))
    wide, wide_shifted = (np.pad(x, ((0, 0), (0, 60))) for x in (narrow, shifted))
    assert frechet_distance(wide, wide_shifted) == pytest.approx(frechet_distance(narrow, shifted))


def test_distance_keeps_its_digits_far_from_the_origin() -> None:
    a = gaussian(np.full(3, 1e6), np.eye(3), 50, seed=0)
    assert frechet_distance(a, a + 0.01) == pytest.approx(3e-4, rel=1e-4)


def test_distance_refuses_what_it_cannot_compare() -> None:
    good = np.zeros((4, 3))
    for bad in (np.zeros((4, 2)), np.zeros((1, 3)), np.zeros(3), np.full((4, 3), np.nan)):
        with pytest.raises(MetricsError):
            frechet_distance(good, bad)


# --- the kernel distance -----------------------------------------------------------------------


def plain_estimate(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased squared discrepancy of two equally large sets, as its paper writes it."""
    n, dim = a.shape
    aa, bb, ab = ((x @ y.T / dim + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within = (aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / (n * (n - 1))
    return within - 2 * ab.mean()


def test_kernel_distance_is_the_mean_of_plain_estimates_over_its_subsets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    a, b = random.standard_normal((12, 4)), random.standard_normal((10, 4)) + 0.5
    choices = np.random.default_rng(7)
    rows_a = [choices.choice(12, 5, replace=False) for _ in range(6)]
    rows_b = [choices.choice(10, 5, replace=False) for _ in range(6)]
    each = [plain_estimate(a[i], b[j]) for i, j in zip(rows_a, rows_b, strict=True)]
    found = kernel_distance(a, b, subsets=6, seed=7)
    assert found.mean == pytest.approx(np.mean(each), rel=1e-4)
    assert found.deviation == pytest.approx(np.std(each), rel=1e-4)
    monkeypatch.setattr(distances, "BLOCK", 5)
    assert kernel_distance(a, b, subsets=6, seed=7).mean == pytest.approx(found.mean, rel=1e-6)


def test_kernel_distance_of_equal_distributions_is_about_zero_however_few_there_are() -> None:
    random = np.random.default_rng(0)
    for count in (40, 400):
        a, b = random.standard_normal((2, count, 8))
        found = kernel_distance(a, b)
        assert abs(found.mean) < found.deviation + 0.02
    assert kernel_distance(a, 2 * b).mean > 0.5


def test_kernel_distance_refuses_what_it_cannot_compare() -> None:
    good = np.zeros((9, 3))
    for bad in (np.zeros((9, 2)), np.zeros((3, 3)), np.full((9, 3), np.inf)):
        with pytest.raises(MetricsError):
            kernel_distance(good, bad)


# --- both --------------------------------------------------------------------------------------


def noisy(images: Tensor, amount: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + amount * noise).clamp(0, 255).byte()


def lopsided(images: Tensor, share: float) -> Tensor:
    """The same count with a share of the bars replaced by discs."""
    images = images.clone()
    swapped = round(share * len(images) / 2)
    images[1 : 2 * swapped : 2] = shapes(swapped, seed=9, kinds=("disc",))
    return images


@pytest.mark.parametrize(
    ("spoil", "steps"),
    [(blurred, (0.6, 1.2, 2.4)), (noisy, (4, 16, 64)), (lopsided, (0.25, 0.5, 1.0))],
    ids=["blur", "noise", "missing class"],
)
def test_distances_grow_with_what_is_wrong(
    features: FeatureNetwork, real: Tensor, real_features: np.ndarray, spoil, steps
) -> None:
    spoilt = [features(spoil(real, step)) for step in steps]
    found = [frechet_distance(real_features, each) for each in spoilt]
    assert 0 < found[0] < found[1] < found[2]
    found = [kernel_distance(real_features, each).mean for each in (real_features, *spoilt)]
    assert found == sorted(found) and found[0] < found[-1]


# --- diversity ---------------------------------------------------------------------------------


def test_diversity_counts_the_distances_of_pairs() -> None:
    real = np.array([[0.0, 0], [3, 4], [0, 4]])  # sides 5, 4 and 3
    assert mean_distance(real) == pytest.approx(4)
    assert diversity(real, 2 * real + 7) == pytest.approx(2)
    assert diversity(real, real[[0, 0, 0, 0]]) == 0
    assert diversity(real[[1, 1]], real) == 0


def test_diversity_of_many_is_nearly_that_of_all_pairs() -> None:
    points = np.random.default_rng(0).standard_normal((400, 5))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert mean_distance(points) == pytest.approx(distances.sum() / (400 * 399), rel=0.02)
