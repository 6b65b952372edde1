"""Latents: pinned numbers, and the arc between two."""

from __future__ import annotations

import numpy as np
import pytest

from studio.latents import of_seed, slerp

DIM = 8


def length(latent: np.ndarray) -> float:
    return float(np.linalg.norm(latent.astype(np.float64)))


# --- seeds -------------------------------------------------------------------------------------


def test_seeds_stand_for_the_same_latents_forever() -> None:
    # A change of NumPy's stream would change every design anyone has kept.
    pinned = {
        0: [0.125730217, -0.132104859, 0.640422642, 0.104900114, -0.535669386, 0.361595064],
        1: [0.345584184, 0.82161814, 0.330437064, -1.30315721, 0.905355871, 0.446374565],
        2**32 - 1: [-0.0272717625, 0.215353921, -0.666925251, -1.16504073, 0.702799141],
    }
    for seed, numbers in pinned.items():
        np.testing.assert_array_equal(of_seed(seed, len(numbers)), np.array(numbers, np.float32))


def test_a_latent_is_float32_standard_normal_of_any_length() -> None:
    many = np.concatenate([of_seed(seed, 512) for seed in range(40)])
    assert many.dtype == np.float32
    assert abs(many.mean()) < 0.03
    assert many.std() == pytest.approx(1, abs=0.03)
    assert of_seed(3, 1).shape == (1,)
    np.testing.assert_array_equal(of_seed(3, 100)[:10], of_seed(3, 10))


def test_a_kept_latent_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        of_seed(4, DIM)[0] = 9


# --- the arc -----------------------------------------------------------------------------------


def test_the_arc_starts_and_ends_at_its_ends() -> None:
    first, second = of_seed(0, 64), of_seed(1, 64)
    np.testing.assert_allclose(slerp(first, second, 0.0), first, atol=1e-6)
    np.testing.assert_allclose(slerp(first, second, 1.0), second, atol=1e-6)
    assert slerp(first, second, 0.3).dtype == np.float32


def test_the_length_goes_evenly_from_one_end_to_the_other() -> None:
    first, second = of_seed(0, 64), 2 * of_seed(1, 64)
    for amount in (0.1, 0.5, 0.8):
        expected = (1 - amount) * length(first) + amount * length(second)
        assert length(slerp(first, second, amount)) == pytest.approx(expected, rel=1e-5)


def test_the_angle_goes_evenly_too() -> None:
    first, second = np.array([3, 0, 0], np.float32), np.array([0, 3, 0], np.float32)
    for amount in (0.25, 0.5, 0.9):
        angle = amount * np.pi / 2
        expected = 3 * np.array([np.cos(angle), np.sin(angle), 0])
        np.testing.assert_allclose(slerp(first, second, amount), expected, atol=1e-6)


def test_a_straight_line_would_have_left_the_sphere() -> None:
    first, second = of_seed(0, 128), of_seed(1, 128)
    assert length((first + second) / 2) < 0.85 * length(slerp(first, second, 0.5))


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(
    "second",
    [
        np.array([0, 0, 0], np.float32),
        np.array([1, 2, 2], np.float32),
        np.array([2, 4, 4], np.float32),
        np.array([-1, -2, -2], np.float32),
        np.array([1, 2, 2.00001], np.float32),
        np.array([1e-9, 0, 0], np.float32),
    ],
    ids=["zero", "itself", "same direction", "opposite", "nearly itself", "tiny"],
)
def test_where_there_is_no_arc_the_line_is_taken(second: np.ndarray, amount: float) -> None:
    first = np.array([1, 2, 2], np.float32)
    for one, other in ((first, second), (second, first)):
        found = slerp(one, other, amount)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, (1 - amount) * one + amount * other, atol=1e-4)
