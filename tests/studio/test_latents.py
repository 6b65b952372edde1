"""Latents: pinned numbers, the arc between two, and the order in which a design builds one."""

from __future__ import annotations

import numpy as np
import pytest

from studio.design import Design, DesignError
from studio.latents import of_design, of_seed, slerp

DIM = 8
DIRECTIONS = np.eye(DIM, dtype=np.float32)[[2, 5]]
SLIDERS = {"directions": ((0, 2.0), (1, -1.5)), "dimensions": ((5, 0.5), (7, 3.0))}
OFFSET = np.array([0, 0, 2.0, 0, 0, -1.0, 0, 3.0], np.float32)


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


# --- designs -----------------------------------------------------------------------------------


def test_a_plain_design_is_its_seed() -> None:
    np.testing.assert_array_equal(of_design(Design("a", seed=5), DIRECTIONS), of_seed(5, DIM))


def test_truncation_scales_and_zero_is_the_average() -> None:
    half = of_design(Design("a", seed=5, truncation=0.5), DIRECTIONS)
    np.testing.assert_allclose(half, 0.5 * of_seed(5, DIM), rtol=1e-6)
    np.testing.assert_array_equal(of_design(Design("a", 5, 0.0), DIRECTIONS), np.zeros(DIM))


def test_sliders_add_their_steps_along_their_directions() -> None:
    found = of_design(Design("a", 5, **SLIDERS), DIRECTIONS)
    np.testing.assert_allclose(found, of_seed(5, DIM) + OFFSET, atol=1e-6)
    assert found.dtype == np.float32


def test_sliders_come_after_truncation() -> None:
    found = of_design(Design("a", 5, 0.25, **SLIDERS), DIRECTIONS)
    np.testing.assert_allclose(found, 0.25 * of_seed(5, DIM) + OFFSET, atol=1e-6)


def test_variations_come_first_and_in_order() -> None:
    steps = ((8, 0.3), (9, 0.6))
    expected = slerp(slerp(of_seed(5, DIM), of_seed(8, DIM), 0.3), of_seed(9, DIM), 0.6)
    found = of_design(Design("a", 5, 0.5, **SLIDERS, variations=steps), DIRECTIONS)
    np.testing.assert_allclose(found, 0.5 * expected + OFFSET, atol=1e-6)
    turned = of_design(Design("a", 5, 0.5, **SLIDERS, variations=steps[::-1]), DIRECTIONS)
    assert np.abs(found - turned).max() > 0.01


def test_a_blend_takes_the_place_of_the_seed() -> None:
    first, second = Design("a", 1, 0.5, **SLIDERS), Design("a", 2, variations=((4, 0.2),))
    parents = (of_design(first, DIRECTIONS), of_design(second, DIRECTIONS))
    both = Design("a", 77, 0.8, **SLIDERS, variations=((8, 0.3),), blend=(first, second, 0.4))
    expected = 0.8 * slerp(slerp(*parents, 0.4), of_seed(8, DIM), 0.3) + OFFSET
    np.testing.assert_allclose(of_design(both, DIRECTIONS), expected, atol=1e-6)
    other_seed = Design("a", 78, blend=(first, second, 0.4))
    np.testing.assert_allclose(of_design(other_seed, DIRECTIONS), slerp(*parents, 0.4), atol=1e-6)


def test_drawing_a_design_changes_no_kept_latent() -> None:
    before = of_seed(5, DIM).copy()
    of_design(Design("a", 5, **SLIDERS), DIRECTIONS)
    np.testing.assert_array_equal(of_seed(5, DIM), before)
    assert DIRECTIONS.sum() == 2


@pytest.mark.parametrize(
    ("sliders", "message"),
    [
        ({"directions": ((2, 1.0),)}, "has 2 sliders"),
        ({"dimensions": ((8, 1.0),)}, "has 8 fine controls, not 9"),
        ({"blend": (Design("a", directions=((9, 1.0),)), Design("a"), 0.5)}, "has 2 sliders"),
    ],
)
def test_a_slider_the_generator_lacks_is_refused(sliders: dict, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        of_design(Design("a", **sliders), DIRECTIONS)
