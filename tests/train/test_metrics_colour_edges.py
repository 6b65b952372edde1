"""Plain statistics of colour and edges: right for what is painted, and in the right order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from measuring import blurred, shapes
from torch import Tensor
from torchvision.transforms.functional import rgb_to_grayscale

from train.metrics import MetricsError
from train.metrics.colour_edges import (
    HUES,
    NAMES,
    compare,
    hue_difference,
    hues,
    share_vivid,
    statistics,
)
from train.metrics.colours import lab

RED, GREEN, BLUE, GREY = (200, 20, 20), (20, 160, 20), (20, 20, 200), (90, 90, 90)


def squares(*colours: tuple[int, int, int], size: int = 64) -> Tensor:
    """One square of each colour in the middle of a light ground: uint8 (n, 3, size, size)."""
    images = torch.full((len(colours), 3, size, size), 240, dtype=torch.uint8)
    inside = slice(size // 4, size * 3 // 4)
    images[:, :, inside, inside] = torch.tensor(colours, dtype=torch.uint8)[:, :, None, None]
    return images


def of(found: np.ndarray, name: str) -> np.ndarray:
    return found[:, NAMES.index(name)]


def test_painted_squares_have_their_colours_and_outlines() -> None:
    found = statistics(squares(RED, BLUE, GREY))
    assert found.shape == (3, len(NAMES)) and np.isfinite(found).all()
    expected = lab(np.array([RED, BLUE, GREY]) / 255)
    for at, name in enumerate(("mean L", "mean a", "mean b")):
        assert of(found, name) == pytest.approx(expected[:, at], abs=0.01)
    assert of(found, "chroma") == pytest.approx(np.hypot(*expected.T[1:]), abs=0.01)
    assert of(found, "spread L") == pytest.approx(0, abs=0.01)
    assert of(found, "area") == pytest.approx(0.25)
    assert of(found, "centre x") == pytest.approx(0, abs=1e-6)
    assert of(found, "symmetry") == pytest.approx(1)
    light = [f"lightness {int(each // 12.5)}" for each in expected[:, 0]]
    assert [of(found, name)[at] for at, name in enumerate(light)] == pytest.approx([1, 1, 1])


def test_hues_are_counted_by_their_chroma() -> None:
    found = statistics(squares(RED, RED, BLUE, GREY))
    colours = lab(np.array([RED, BLUE]) / 255)
    chroma = np.hypot(*colours.T[1:])
    bins = (np.degrees(np.arctan2(colours[:, 2], colours[:, 1])) % 360 // 30).astype(int)
    expected = np.zeros(HUES + 1)
    expected[bins] = chroma * (2, 1) / (2 * chroma[0] + chroma[1])
    assert hues(found) == pytest.approx(expected, abs=1e-4)
    assert share_vivid(found) == 0.75
    assert hues(found[3:]).tolist() == [0.0] * HUES + [1.0]


def test_the_difference_of_hues() -> None:
    reds, blues, both, grey = (
        statistics(squares(*colours)) for colours in ((RED,), (BLUE,), (RED, BLUE), (GREY,))
    )
    assert hue_difference(reds, reds) == 0
    assert hue_difference(reds, blues) == pytest.approx(1)
    assert hue_difference(reds, grey) == pytest.approx(1)
    blue_chroma, red_chroma = (float(of(each, "chroma")[0]) for each in (blues, reds))
    share = blue_chroma / (blue_chroma + red_chroma)
    assert hue_difference(reds, both) == pytest.approx(share, abs=1e-4)


def test_gradients_know_their_orientation_and_scale() -> None:
    across = torch.full((1, 3, 64, 64), 240, dtype=torch.uint8)
    across[:, :, :, 32:] = 0  # one upright edge
    stripes = torch.full((1, 3, 64, 64), 240, dtype=torch.uint8)
    stripes[:, :, ::2] = 120  # too fine for a quarter of the size
    edge, fine = statistics(across), statistics(stripes)
    assert of(edge, "gradient towards 0 at 1/1") == pytest.approx(of(edge, "gradient at 1/1"))
    assert of(edge, "gradient towards 4 at 1/1") == pytest.approx(0, abs=1e-3)
    # 240 levels over two columns of 64, each with half of it
    assert of(edge, "gradient at 1/1") ** 2 == pytest.approx(240 / 255 / 64, rel=1e-4)
    assert of(fine, "gradient at 1/4") < of(edge, "gradient at 1/4") / 10


def test_a_picture_without_a_thing_and_a_grey_one_have_numbers() -> None:
    blank = torch.full((1, 3, 64, 64), 240, dtype=torch.uint8)
    found = statistics(blank)
    assert np.isfinite(found).all() and of(found, "area") == 0 and of(found, "chroma") == 0
    grey = squares(GREY)[:, :1]
    assert statistics(grey) == pytest.approx(statistics(grey.expand(-1, 3, -1, -1)))


def test_a_set_is_at_no_distance_from_itself() -> None:
    found = statistics(shapes(40, seed=1))
    same = compare(found, found, seed=0)
    assert same["frechet"] == pytest.approx(0, abs=1e-6 * same["floors"]["frechet"])
    assert same["hue_difference"] == 0 and same["vivid"] == same["floors"]["vivid"]
    assert (same["precision"], same["recall"]) == (1, 1)


def test_others_of_the_kind_are_nearer_than_blurred_or_greyed_ones() -> None:
    real, others = statistics(shapes(120, seed=1)), shapes(120, seed=2)

    def measured(images: Tensor) -> dict:
        return compare(real, statistics(images), seed=0)

    good, soft = measured(others), measured(blurred(others, 1.5))
    grey = measured(rgb_to_grayscale(others, 3))
    for worse in (soft, grey):
        assert worse["frechet"] > 1.5 * good["frechet"] and worse["kernel"] > good["kernel"]
        assert worse["floors"] == good["floors"]
    assert grey["vivid"] == 0 and good["vivid"] == pytest.approx(good["floors"]["vivid"], abs=0.1)
    assert grey["hue_difference"] == 1 and good["hue_difference"] < 0.2


def test_too_few_and_unsuitable_images_are_refused() -> None:
    found = statistics(squares(RED, GREEN, BLUE, GREY))
    with pytest.raises(MetricsError, match="8 real images and 4"):
        compare(found, found, seed=0)
    with pytest.raises(MetricsError, match="must be uint8"):
        statistics(squares(RED) / 255)
