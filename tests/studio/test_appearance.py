"""Traits of made pictures: each measured trait tells apart the two that its words tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.appearance import TRAITS, measure

SIZE = 32
Y, X = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
WHITE = (255, 255, 255)


def picture(mask: np.ndarray, colour: object = (90, 90, 90), ground: object = WHITE) -> np.ndarray:
    """A thing of one colour, or of colours (H, W, 3), on a plain ground: uint8 (3, H, W)."""
    pixels = np.where(mask[..., None], np.broadcast_to(colour, (SIZE, SIZE, 3)), ground)
    return pixels.astype(np.uint8).transpose(2, 0, 1)


def box(half_width: float, half_height: float, x: float = 0, y: float = 0) -> np.ndarray:
    return (abs(X - x) < half_width) & (abs(Y - y) < half_height)


SQUARE = box(9, 9)
STRIPES = np.where((np.arange(SIZE) // 2 % 2)[:, None, None], 150, 30) * np.ones(3)
CHECKS = np.where(((np.arange(SIZE)[:, None] + np.arange(SIZE)) // 2 % 2)[..., None], 150, 30)
DISTANCE = np.hypot(X, Y)
PAIRS = {
    ("Dark", "Light"): (picture(SQUARE, (30, 30, 30)), picture(SQUARE, (200, 200, 200))),
    ("Cool", "Warm"): (picture(SQUARE, (40, 60, 200)), picture(SQUARE, (200, 60, 40))),
    ("Green", "Pink"): (picture(SQUARE, (60, 180, 60)), picture(SQUARE, (220, 90, 160))),
    ("Muted", "Vivid"): (picture(SQUARE, (120, 110, 100)), picture(SQUARE, (230, 20, 120))),
    ("Plain", "Patterned"): (picture(SQUARE), picture(SQUARE, STRIPES)),
    ("Small", "Large"): (picture(box(5, 5)), picture(box(11, 11))),
    ("Narrow", "Wide"): (picture(box(4, 10)), picture(box(10, 4))),
    ("Short", "Tall"): (picture(box(10, 4)), picture(box(4, 10))),
    ("Fuller below", "Fuller above"): (picture(box(9, 5, y=7)), picture(box(9, 5, y=-7))),
    ("Open", "Closed"): (
        picture((DISTANCE > 8) & (DISTANCE < 13)),
        picture(DISTANCE < 13),
    ),
    ("Rounded", "Boxy"): (picture(DISTANCE < 10), picture(SQUARE)),
    ("Leaning left", "Leaning right"): (picture(box(5, 9, x=-6)), picture(box(5, 9, x=6))),
}


def traits(*images: np.ndarray) -> list[dict[tuple[str, str], float]]:
    rows = measure(torch.from_numpy(np.stack(images))).tolist()
    return [dict(zip((trait.ends for trait in TRAITS), row, strict=True)) for row in rows]


def test_every_trait_is_tested_here() -> None:
    assert {trait.ends for trait in TRAITS} == set(PAIRS)


@pytest.mark.parametrize("ends", PAIRS, ids="-".join)
def test_a_trait_orders_pictures_as_its_words_do(ends: tuple[str, str]) -> None:
    low, high = traits(*PAIRS[ends])
    assert low[ends] < high[ends] - 0.02


@pytest.mark.parametrize("surface", [STRIPES, STRIPES.transpose(1, 0, 2), CHECKS])
def test_stripes_either_way_and_checks_are_patterns(surface: np.ndarray) -> None:
    plain, patterned = traits(picture(SQUARE), picture(SQUARE, surface))
    assert plain["Plain", "Patterned"] == pytest.approx(0, abs=1e-6)
    assert patterned["Plain", "Patterned"] > 0.1


def test_colour_says_nothing_about_shape_and_shape_nothing_about_colour() -> None:
    shapes = [("Small", "Large"), ("Narrow", "Wide"), ("Short", "Tall"), ("Open", "Closed")]
    colours = [("Dark", "Light"), ("Cool", "Warm"), ("Green", "Pink"), ("Muted", "Vivid")]
    red, blue = traits(picture(SQUARE, (200, 30, 30)), picture(SQUARE, (30, 30, 200)))
    for trait in shapes:
        assert red[trait] == pytest.approx(blue[trait], abs=1e-6)
    wide, tall = traits(picture(box(10, 4), (200, 30, 90)), picture(box(4, 10), (200, 30, 90)))
    for trait in colours:
        assert wide[trait] == pytest.approx(tall[trait], abs=1e-6)


def test_width_and_height_do_not_depend_on_the_place() -> None:
    centred, aside = traits(picture(box(5, 7)), picture(box(5, 7, x=-8, y=6)))
    for trait in (("Narrow", "Wide"), ("Short", "Tall"), ("Small", "Large")):
        assert aside[trait] == pytest.approx(centred[trait], rel=1e-4)


def test_measures_have_the_values_they_stand_for() -> None:
    (found,) = traits(picture(box(8, 8), (255, 0, 51)))
    assert found["Dark", "Light"] == pytest.approx(0.4)
    assert found["Cool", "Warm"] == pytest.approx(0.8)
    assert found["Green", "Pink"] == pytest.approx(0.6)
    assert found["Muted", "Vivid"] == pytest.approx(1.0)
    assert found["Small", "Large"] == pytest.approx(0.25)
    assert found["Open", "Closed"] == pytest.approx(0.5)
    assert found["Rounded", "Boxy"] == pytest.approx(1.0)
    for ends in (("Fuller below", "Fuller above"), ("Leaning left", "Leaning right")):
        assert found[ends] == pytest.approx(0, abs=1e-6)
    assert found["Narrow", "Wide"] == pytest.approx(found["Short", "Tall"])
    assert found["Narrow", "Wide"] == pytest.approx(0.5 / 3**0.5, rel=0.05)


def test_the_ground_may_be_of_any_colour() -> None:
    on_white, on_black = (
        measure(torch.from_numpy(picture(SQUARE, (130, 20, 60), ground))[None])
        for ground in (WHITE, (0, 0, 0))
    )
    torch.testing.assert_close(on_white, on_black)


def test_a_thing_that_covers_one_corner_does_not_become_the_ground() -> None:
    image = picture(SQUARE)
    image[:, :6, :6] = 0
    clean, covered = traits(picture(SQUARE), image)
    assert covered["Small", "Large"] == pytest.approx(
        clean["Small", "Large"] + 36 / SIZE**2, abs=1e-6
    )


def test_grey_pictures_are_measured_as_grey_ones_in_colour() -> None:
    image = torch.from_numpy(PAIRS["Open", "Closed"][0])[None]
    torch.testing.assert_close(measure(image[:, :1]), measure(image))


def test_an_empty_picture_measures_without_trouble() -> None:
    nothing = measure(torch.full((2, 3, SIZE, SIZE), 77, dtype=torch.uint8))
    assert nothing.isfinite().all()
    assert nothing[0].tolist() == nothing[1].tolist()
    assert nothing.shape == (2, len(TRAITS))


def test_each_picture_is_measured_on_its_own() -> None:
    images = torch.from_numpy(np.stack([image for pair in PAIRS.values() for image in pair]))
    one_by_one = torch.cat([measure(image[None]) for image in images])
    torch.testing.assert_close(measure(images), one_by_one)
