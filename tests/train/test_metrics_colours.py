"""The colour of a thing, in CIELAB, and what people call it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from train.metrics.colours import LEAST, NamedColours, dominant, lab

# Published: sRGB primaries and greys under D65.
KNOWN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (128, 128, 128): (53.59, 0.0, 0.0),
}
COLOURS = {"red": (200, 30, 40), "navy": (20, 25, 80), "white": (225, 225, 220)}


def thing(colour: tuple[int, int, int], size: int = 16, ground: int = 255) -> Tensor:
    """A square of a colour on a plain ground: uint8 (3, size, size)."""
    image = torch.full((3, size, size), ground, dtype=torch.uint8)
    quarter = size // 4
    inside = slice(quarter, size - quarter)
    image[:, inside, inside] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    return image


def noisy(colour: tuple[int, int, int], count: int, seed: int) -> Tensor:
    random = np.random.default_rng(seed)
    found = np.clip(np.array(colour) + random.integers(-12, 13, (count, 3)), 0, 255)
    return torch.stack([thing(tuple(each)) for each in found.tolist()])


@pytest.mark.parametrize("rgb", KNOWN)
def test_known_colours_have_their_published_values(rgb: tuple[int, int, int]) -> None:
    assert lab(np.array(rgb) / 255) == pytest.approx(KNOWN[rgb], abs=0.02)


@pytest.mark.parametrize("size", [16, 128])
def test_the_ground_is_not_the_colour(size: int) -> None:
    for colour in ((200, 30, 40), (20, 25, 80)):
        for ground in (255, 0):
            found = dominant(thing(colour, size, ground)[None])[0]
            assert found == pytest.approx(lab(np.array(colour) / 255), abs=1.0)


def test_a_print_does_not_change_the_colour_of_a_shirt() -> None:
    shirt = thing((20, 25, 80), 32)
    shirt[:, 12:18, 12:18] = 240
    assert dominant(shirt[None])[0] == pytest.approx(lab(np.array((20, 25, 80)) / 255), abs=1.0)


def test_an_empty_picture_has_the_colour_of_its_ground() -> None:
    assert dominant(torch.full((1, 3, 16, 16), 255, dtype=torch.uint8))[0, 0] == pytest.approx(100)


@pytest.fixture(scope="module")
def named() -> NamedColours:
    images = torch.cat([noisy(each, LEAST, 1) for each in COLOURS.values()])
    names = [name for name in COLOURS for _ in range(LEAST)]
    return NamedColours.of(dominant(images), names)


def test_colours_go_by_their_names(named: NamedColours) -> None:
    assert named.names == tuple(sorted(COLOURS))
    for name, colour in COLOURS.items():
        fresh = noisy(colour, 20, 2)
        assert named.share_right(fresh, [name] * 20) == 1.0
        assert named.share_right(fresh, [next(each for each in COLOURS if each != name)] * 20) == 0


def test_rare_names_are_left_out(named: NamedColours) -> None:
    images = torch.cat([noisy(each, LEAST, 1) for each in COLOURS.values()])
    names = ["red"] * LEAST + ["navy"] * LEAST + ["white"] * (LEAST - 1) + [""]
    assert NamedColours.of(dominant(images), names).names == ("navy", "red")
    with pytest.raises(ValueError, match=f"two with {LEAST} images"):
        NamedColours.of(dominant(images), ["red"] * len(images))
