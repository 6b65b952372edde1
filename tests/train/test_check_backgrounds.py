"""Photos whose background is unlike the rest, and the names of colours."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import encode, fill
from product_photos import GREY, NAVY, WHITE, noisy, photos, product

from train.data.backgrounds import colour_name, odd_ones
from train.data.check import check


def odd(path) -> dict[str, str]:
    return dict(check(path, minimum=1).odd)


@pytest.mark.parametrize(
    ("ground", "reason"),
    [
        (NAVY, "it is on dark blue; most are on white"),
        (GREY, "it is on grey; most are on white"),
        ((0, 0, 0), "it is on black; most are on white"),
        ((215, 215, 215), "it is on light grey; most are on white"),
    ],
)
def test_another_colour_is_odd(tmp_path, ground, reason):
    photos(tmp_path)
    fill(tmp_path, {"odd.png": encode(product(50, ground=ground))})
    report = check(tmp_path)
    assert report.odd == (("odd.png", reason),)
    assert report.leave_out == ()  # a person decides
    assert report.examples() == ["odd.png"]
    text = (
        "1 photo has a background unlike the rest. Look at it and decide whether to leave it out."
    )
    assert ("note", text) in report.sentences


def test_a_busy_photo_is_odd_and_a_white_one_on_grey(tmp_path):
    photos(tmp_path, ground=GREY)
    fill(tmp_path, {"busy.png": encode(noisy(1)), "white.png": encode(product(50))})
    report = check(tmp_path)
    assert dict(report.odd) == {
        "busy.png": "its background isn't plain, or it fills the photo; most are on grey",
        "white.png": "it is on white; most are on grey",
    }
    assert any(text.startswith("2 photos have a background") for _, text in report.sentences)


def test_the_same_colour_but_darker(tmp_path):
    photos(tmp_path, ground=(170, 170, 170))
    fill(tmp_path, {"dark.png": encode(product(50, ground=(110, 110, 110)))})
    assert odd(tmp_path) == {"dark.png": "it is on a darker grey; most are on grey"}


@pytest.mark.parametrize("ground", [WHITE, GREY, NAVY])
def test_nearly_the_same_colour_is_not_odd(tmp_path, ground):
    for number in range(30):
        shade = tuple(max(0, part - number % 10) for part in ground)
        fill(tmp_path, {f"{number}.png": encode(product(number, ground=shade))})
    assert odd(tmp_path) == {}


def test_daylight_that_varies_makes_the_check_milder(tmp_path):
    for number in range(60):
        shade = (180 + number,) * 3
        fill(tmp_path, {f"{number:02d}.png": encode(product(number, ground=shade))})
    assert odd(tmp_path) == {}
    fill(tmp_path, {"navy.png": encode(product(70, ground=NAVY))})
    assert list(odd(tmp_path)) == ["navy.png"]


def test_without_a_majority_nobody_is_odd(tmp_path):
    photos(tmp_path, 11)
    photos(tmp_path, 9, start=20, ground=NAVY)
    assert odd(tmp_path) == {}


def test_among_busy_photos_nobody_is_odd(tmp_path):
    fill(tmp_path, {f"{n}.png": encode(noisy(n)) for n in range(20)})
    fill(tmp_path, {"plain.png": encode(product(50))})
    assert odd(tmp_path) == {}


def test_a_product_that_touches_two_sides_is_not_odd(tmp_path):
    photos(tmp_path)
    image = product(50)
    image.paste((120, 40, 40), (30, 0, 66, 96))
    assert odd(fill(tmp_path, {"trousers.png": encode(image)})) == {}


def test_no_photos_at_all():
    assert odd_ones(np.empty((0, 32, 32, 3), np.uint8)) == []


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((255, 255, 255), "white"),
        ((242, 240, 246), "white"),
        ((225, 225, 222), "light grey"),
        ((128, 128, 128), "grey"),
        ((70, 70, 70), "dark grey"),
        ((10, 10, 12), "black"),
        ((200, 30, 30), "red"),
        ((30, 160, 60), "green"),
        ((20, 30, 90), "dark blue"),
        ((190, 210, 250), "light blue"),
        ((225, 205, 170), "beige"),
        ((120, 80, 40), "brown"),
        ((255, 105, 180), "pink"),
    ],
)
def test_colour_names(colour, name):
    assert colour_name(np.array(colour, np.float32)) == name
