"""Fréchet distance, precision and recall: known answers and a sane order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from measuring import blurred, shapes
from torch import Tensor

from train import metrics
from train.metrics import FeatureNetwork, MetricsError, frechet_distance, precision_recall

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
    ids=["blur", "noise", "missing mode"],
)
def test_distance_grows_with_what_is_wrong(
    features: FeatureNetwork, real: Tensor, real_features: np.ndarray, spoil, steps
) -> None:
    found = [frechet_distance(real_features, features(spoil(real, step))) for step in steps]
    assert 0 < found[0] < found[1] < found[2]


# --- precision and recall ----------------------------------------------------------------------


def test_equal_sets_have_full_precision_and_recall(real_features: np.ndarray) -> None:
    assert precision_recall(real_features, real_features) == (1.0, 1.0)


def test_a_collapsed_generator_has_precision_without_recall() -> None:
    real = np.random.default_rng(0).standard_normal((200, 4))
    fake = real[7] + 1e-3 * np.random.default_rng(1).standard_normal((200, 4))
    precision, recall = precision_recall(real, fake)
    assert precision == 1.0
    assert recall <= 0.01


def test_a_generator_of_too_much_has_recall_without_precision() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((200, 2)), rng.uniform(-40, 40, (200, 2))
    precision, recall = precision_recall(real, fake)
    assert precision < 0.1
    assert recall > 0.9


def test_a_shifted_set_has_neither() -> None:
    real = np.random.default_rng(0).standard_normal((60, 8))
    assert precision_recall(real, real + 100) == (0.0, 0.0)


def test_a_half_right_generator_has_half_of_both() -> None:
    rng = np.random.default_rng(0)
    here, there, nowhere = (rng.standard_normal((50, 3)) + shift for shift in (0, 100, -100))
    real, fake = np.concatenate([here, there]), np.concatenate([here, nowhere])
    assert precision_recall(real, fake) == (0.5, 0.5)


def test_a_ball_reaches_to_the_kth_neighbour() -> None:
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # radii for k=1: 1, 1, 2, 4; for k=2: 3, 2, 3, 6
    fake = np.array([[-2.0], [5.0], [12.0], [50.0]])
    assert precision_recall(real, fake, k=1)[0] == 0.25
    assert precision_recall(real, fake, k=2)[0] == 0.75


def test_blocks_change_nothing() -> None:
    rng = np.random.default_rng(0)
    points, centres = (torch.from_numpy(rng.standard_normal((50, 6))) for _ in range(2))
    whole = metrics._share_inside(points, centres, 3)
    assert metrics._share_inside(points, centres, 3, block=7) == whole
    assert 0 < whole < 1


def test_precision_recall_refuses_too_few_points_and_no_neighbour() -> None:
    with pytest.raises(MetricsError):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)), k=3)
    with pytest.raises(MetricsError, match="at least 1"):
        precision_recall(np.zeros((9, 2)), np.zeros((9, 2)), k=0)
