"""Precision, recall, density and coverage on sets whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from train.metrics import MetricsError
from train.metrics.neighbours import BLOCK, neighbours

RANDOM = np.random.default_rng(0)


def test_equal_sets_have_all_of_everything() -> None:
    real = RANDOM.standard_normal((60, 8))
    found = neighbours(real, real)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)
    # Each point lies in its own ball, and on average in those of its five nearest.
    assert found.density == pytest.approx(6 / 5)


def test_equal_distributions_have_a_density_of_about_one() -> None:
    found = neighbours(RANDOM.standard_normal((500, 4)), RANDOM.standard_normal((500, 4)))
    assert found.density == pytest.approx(1, abs=0.1)
    assert min(found.precision, found.recall, found.coverage) > 0.9


def test_a_collapsed_generator_is_precise_and_covers_nothing() -> None:
    real = RANDOM.standard_normal((200, 4))
    found = neighbours(real, real[7] + 1e-3 * RANDOM.standard_normal((200, 4)))
    assert found.precision == 1.0 and found.density > 1
    assert found.recall <= 0.01 and found.coverage < 0.2


def test_a_generator_of_too_much_has_recall_without_precision() -> None:
    found = neighbours(RANDOM.standard_normal((200, 2)), RANDOM.uniform(-40, 40, (200, 2)))
    assert found.precision < 0.1 and found.density < 0.1
    assert found.recall > 0.9


def test_a_shifted_set_has_nothing() -> None:
    real = RANDOM.standard_normal((60, 8))
    assert neighbours(real, real + 100) == (0, 0, 0, 0)


def test_a_half_right_generator_has_half_of_both() -> None:
    here, there, nowhere = (RANDOM.standard_normal((50, 3)) + shift for shift in (0, 100, -100))
    found = neighbours(np.concatenate([here, there]), np.concatenate([here, nowhere]))
    assert (found.precision, found.recall, found.coverage) == (0.5, 0.5, 0.5)


def test_one_outlier_fools_precision_more_than_density() -> None:
    real = RANDOM.standard_normal((100, 2))
    outlying = np.concatenate([real, [[60.0, 0]]])
    fake = RANDOM.standard_normal((100, 2)) + [30, 0]
    assert neighbours(real, fake).precision == 0
    found = neighbours(outlying, fake)
    assert found.precision == 1 and found.density == pytest.approx(1 / 5)
    assert found.coverage == pytest.approx(1 / 101)


def test_a_ball_reaches_to_the_kth_neighbour() -> None:
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # radii for k=1: 1, 1, 2, 4; for k=2: 3, 2, 3, 6
    fake = np.array([[-2.0], [5.0], [12.0], [50.0]])
    one, two = neighbours(real, fake, k=1, wide_k=1), neighbours(real, fake, k=2, wide_k=2)
    assert (one.precision, two.precision) == (0.25, 0.75)
    # 5 lies in the balls of 3 and 7 for k=1; for k=2, -2 in one, 5 in two, 12 in one.
    assert (one.density, two.density) == (2 / 4, (1 + 2 + 1) / (2 * 4))
    assert (one.coverage, two.coverage) == (0.5, 0.75)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = RANDOM.standard_normal((2, 90, 6))
    whole = neighbours(real, fake)
    monkeypatch.setattr("train.metrics.neighbours.BLOCK", 7)
    assert neighbours(real, fake) == whole
    assert BLOCK > 90 and 0 < whole.recall < 1 and 0 < whole.coverage < 1


def test_too_few_points_and_no_neighbour_are_refused() -> None:
    with pytest.raises(MetricsError, match="N, M >= 4"):
        neighbours(np.zeros((3, 2)), np.zeros((9, 2)))
    with pytest.raises(MetricsError, match="at least 1"):
        neighbours(np.zeros((9, 2)), np.zeros((9, 2)), k=0)
    with pytest.raises(MetricsError, match="finite"):
        neighbours(np.zeros((9, 2)), np.full((9, 2), np.nan))
