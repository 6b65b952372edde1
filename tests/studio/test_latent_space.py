"""How a latent z is put together from a design, in order; and pixels that must never change."""

from __future__ import annotations

import numpy as np
import pytest

from studio.design import Design, DesignError
from studio.latents import of_seed, slerp
from studio.spaces import LatentSpace

DIM = 8
DIRECTIONS = np.eye(DIM, dtype=np.float32)[[2, 5]]
SLIDERS = {"directions": ((0, 2.0), (1, -1.5)), "dimensions": ((5, 0.5), (7, 3.0))}
OFFSET = np.array([0, 0, 2.0, 0, 0, -1.0, 0, 3.0], np.float32)


def of_design(design: Design, directions: np.ndarray) -> np.ndarray:
    return LatentSpace(DIM, directions).of_design(design)


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
        ({"label": 0}, "has no categories"),
        ({"blend": (Design("a", label=2), Design("a"), 0.5)}, "has no categories"),
        ({"blend": (Design("a"), Design("a"), 0.5, 0.6)}, "can't be blended apart"),
    ],
)
def test_what_the_generator_lacks_is_refused(sliders: dict, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        of_design(Design("a", **sliders), DIRECTIONS)
