"""Blends begin and end at their parents; strips and animations show every step."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from studio.blend import MAX_STEPS, animation, blend, steps, strip
from studio.design import MAX_DEPTH, Design, DesignError, from_json
from studio.render import Renderer

FIRST = Design("colour", seed=1, truncation=0.7, directions=((0, 1.5),))
SECOND = Design("colour", seed=2, fingerprint="0123456789ab")


def difference(renderer: Renderer, one: Design, other: Design) -> float:
    return abs(renderer.pixels(one).astype(int) - renderer.pixels(other)).mean()


def test_the_ends_are_the_parents_themselves() -> None:
    assert blend(FIRST, SECOND, 0) is FIRST
    assert blend(FIRST, SECOND, 1) is SECOND
    between = steps(FIRST, SECOND, 5)
    assert (between[0], between[-1]) == (FIRST, SECOND)


def test_between_them_is_a_design_that_comes_back_the_same() -> None:
    for amount in (0.5, 1 / 3, 0.0001, 0.99999):
        between = blend(FIRST, SECOND, amount)
        assert between == Design("colour", blend=(FIRST, SECOND, round(amount, 4)))
        assert from_json(between.to_json()) == between


def test_steps_go_evenly() -> None:
    amounts = [each.blend[2] for each in steps(FIRST, SECOND, 5)[1:-1]]
    assert amounts == [0.25, 0.5, 0.75]
    assert len(steps(FIRST, SECOND)) == 9
    assert steps(FIRST, SECOND, 2) == [FIRST, SECOND]
    assert len(steps(FIRST, SECOND, MAX_STEPS)) == MAX_STEPS


@pytest.mark.parametrize("count", [-1, 0, 1, MAX_STEPS + 1, 10**9])
def test_the_number_of_steps_has_limits(count: int) -> None:
    with pytest.raises(DesignError, match=f"between 2 and {MAX_STEPS}"):
        steps(FIRST, SECOND, count)


def test_designs_of_two_generators_do_not_blend() -> None:
    for amount in (0, 0.5, 1):
        with pytest.raises(DesignError, match="same generator"):
            blend(FIRST, Design("grey"), amount)
    with pytest.raises(DesignError, match="same generator"):
        steps(FIRST, Design("grey"), 3)


def test_no_blend_is_made_that_could_not_be_opened_again() -> None:
    design = FIRST
    for _ in range(MAX_DEPTH):
        design = blend(design, SECOND, 0.5)
        assert from_json(design.to_json()) == design
    with pytest.raises(DesignError, match=f"more than {MAX_DEPTH} times"):
        blend(design, SECOND, 0.5)
    with pytest.raises(DesignError, match=f"more than {MAX_DEPTH} times"):
        blend(design, SECOND, 0.5, 0.1)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_amounts_have_limits(wrong: float) -> None:
    for amounts in ((wrong,), (wrong, 0.5), (0.5, wrong)):
        with pytest.raises(DesignError, match="between 0 and 1"):
            blend(FIRST, SECOND, *amounts)
    with pytest.raises(DesignError, match="between 0 and 1"):
        steps(FIRST, SECOND, 3, wrong)


def test_only_both_amounts_at_an_end_make_a_parent() -> None:
    assert blend(FIRST, SECOND, 0, 0) is FIRST
    assert blend(FIRST, SECOND, 1, 1.0) is SECOND
    for amounts in ((0, 1), (1, 0), (0, 0.5), (0.5, 1)):
        between = blend(FIRST, SECOND, *amounts)
        assert between.blend[:2] == (FIRST, SECOND) and between.amounts == amounts
        assert from_json(between.to_json()) == between
    assert blend(FIRST, SECOND, 0.5, 0.5) == blend(FIRST, SECOND, 0.5)


def test_steps_can_leave_the_surface_where_it_is() -> None:
    between = steps(FIRST, SECOND, 5, 0.0)
    assert between[0] is FIRST
    assert [each.amounts for each in between[1:]] == [(amount / 4, 0) for amount in range(1, 5)]


def test_pictures_go_from_one_parent_to_the_other(renderer: Renderer) -> None:
    between = steps(FIRST, SECOND, 9)
    assert len({renderer.pixels(each).tobytes() for each in between}) == 9
    away = [difference(renderer, FIRST, each) for each in between]
    towards = [difference(renderer, SECOND, each) for each in between]
    assert away[0] == towards[-1] == 0
    assert away[1] < away[4] < away[8]
    assert towards[7] < towards[4] < towards[0]
    near = difference(renderer, FIRST, blend(FIRST, SECOND, 0.001))
    assert near < 0.05 * away[8]


@pytest.mark.parametrize(("name", "size", "side"), [("colour", 40, 40), ("grey", 60, 56)])
def test_a_strip_shows_every_step_beside_the_last(
    renderer: Renderer, name: str, size: int, side: int
) -> None:
    between = steps(Design(name, seed=1), Design(name, seed=2), 5)
    image = strip(renderer, between, size)
    assert image.size == (5 * side, side)
    assert image.mode == renderer.image(between[0]).mode
    for index, design in enumerate(between):
        part = image.crop((index * side, 0, (index + 1) * side, side))
        np.testing.assert_array_equal(np.asarray(part), np.asarray(renderer.enlarged(design, size)))


def test_a_strip_at_the_generators_own_size_is_pixel_for_pixel(renderer: Renderer) -> None:
    between = steps(FIRST, SECOND, 3)
    assert strip(renderer, between, 0) == renderer.sheet(between)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_an_animation_goes_there_and_back_forever(renderer: Renderer, count: int) -> None:
    between = steps(FIRST, SECOND, count)
    with Image.open(io.BytesIO(animation(renderer, between, 32))) as gif:
        assert (gif.format, gif.size) == ("GIF", (32, 32))
        assert gif.n_frames == 2 * count - 2
        assert gif.info["loop"] == 0
        frames, durations = [], []
        for index in range(gif.n_frames):
            gif.seek(index)
            frames.append(np.asarray(gif.convert("RGB")).astype(int))
            durations.append(gif.info["duration"])
    there = [np.asarray(renderer.enlarged(each, 32)) for each in between]
    for frame, expected in zip(frames, there + there[-2:0:-1], strict=True):
        assert abs(frame - expected).mean() < 12  # a GIF has 256 colours
    expected = [600] + [60] * (count - 2) + [600] + [60] * (count - 2)
    assert durations == expected


def test_an_animation_of_a_grey_generator(renderer: Renderer) -> None:
    between = steps(Design("grey", seed=1), Design("grey", seed=2), 3)
    with Image.open(io.BytesIO(animation(renderer, between, 56))) as gif:
        assert (gif.n_frames, gif.size) == (4, (56, 56))
        pixels = np.asarray(gif.convert("RGB")).astype(int)
    expected = np.asarray(renderer.enlarged(between[0], 56))[..., None]
    assert abs(pixels - expected).max() <= 1
