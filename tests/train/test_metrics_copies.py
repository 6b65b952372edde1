"""Copies of training images are caught, mirrored or noisy; fresh images are not called copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from measuring import shapes

from train.metrics import FeatureNetwork, Originals

MIRROR = np.array([1, 1, 1, 1, -1, -1, -1, -1], np.float32)


def points(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)


def originals_of(features: np.ndarray) -> Originals:
    return Originals.of(features, features * MIRROR)


def nudged(features: np.ndarray, amount: float) -> np.ndarray:
    return features + amount * points(len(features), seed=99)


def test_images_of_one_kind_are_no_copies_of_each_other() -> None:
    originals = originals_of(points(1000, seed=1))
    assert originals.floor == pytest.approx(0.01, abs=0.001)
    assert originals.share_of_copies(points(2000, seed=2)) == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize("amount", [0, 0.05, 0.15], ids=["exact", "near", "noisy"])
@pytest.mark.parametrize("mirror", [1, MIRROR], ids=["plain", "mirrored"])
def test_copies_are_caught(amount: float, mirror: np.ndarray) -> None:
    real = points(500, seed=1)
    originals = originals_of(real)
    copies = nudged(real[:200] * mirror, amount)
    assert originals.share_of_copies(copies) > 0.95
    mixed = np.concatenate([copies, points(600, seed=2)])
    assert originals.share_of_copies(mixed) == pytest.approx(0.25, abs=0.02)


def test_what_is_near_depends_on_how_crowded_it_is() -> None:
    """Fresh images of a crowd lie nearer to others than copies of sparse ones: no plain limit."""
    crowd, sparse = 0.05 * points(400, seed=1) + 20, points(400, seed=2)
    originals = originals_of(np.concatenate([crowd, sparse]))
    fresh = 0.05 * points(300, seed=3) + 20
    copies = nudged(sparse, 0.1)
    to_crowd = np.linalg.norm(fresh[:, None] - crowd[None], axis=2).min(1)
    assert np.median(to_crowd) < np.median(np.linalg.norm(copies - sparse, axis=1))
    assert originals.share_of_copies(fresh) < 0.05
    assert originals.share_of_copies(copies) > 0.95


def test_near_duplicates_among_the_originals_do_not_hide_copies() -> None:
    real = points(500, seed=1)
    originals = originals_of(np.concatenate([real, nudged(real[:50], 0.01)]))
    assert originals.floor == pytest.approx(100 / 550, abs=0.02)  # both of each pair
    assert originals.share_of_copies(nudged(real[100:300], 0.1)) > 0.95
    assert originals.share_of_copies(points(1000, seed=2)) < 0.05


def test_an_image_that_is_there_many_times_can_be_copied_too() -> None:
    real = points(300, seed=1)
    originals = originals_of(np.concatenate([real, np.tile(real[:1], (6, 1))]))
    assert originals.share_of_copies(nudged(np.tile(real[:1], (20, 1)), 0.02)) == 1
    assert originals.share_of_copies(points(1000, seed=2)) < 0.05


def test_copies_of_pictures_are_caught_through_a_feature_network(features: FeatureNetwork) -> None:
    real = shapes(120, seed=1)
    originals = Originals.of(features(real), features(real.flip(3)))
    noise = torch.randint(-2, 3, real[:20].shape, generator=torch.Generator().manual_seed(0))
    noisy = (real[:20].int() + noise).clamp(0, 255).byte()
    copies = torch.cat([real[20:40], real[40:60].flip(3), noisy])
    assert originals.share_of_copies(features(copies)) > 0.9
    assert originals.share_of_copies(features(shapes(60, seed=2))) <= 0.1
