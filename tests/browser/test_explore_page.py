"""Explore: pick a generator, drag its sliders, take steps back, and see the right pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Route
from visiting import EASEL, FIRST_SLIDER, SAVES_DATA, Visitor

from studio import design
from studio.render import Renderer

GENERATORS = ["colour", "grey", "markup"]
EVERYTHING: dict[str, Any] = {
    "generator": "colour",
    "seed": 4294967295,
    "truncation": 1.25,
    "directions": [[0, 2.35], [3, -0.05]],
    "dimensions": [[7, -3]],
    "variations": [[11, 0.3]],
}
GREY: dict[str, Any] = {"generator": "grey", "seed": 5, "directions": [[1, -1.5]]}
BLEND: dict[str, Any] = {
    "generator": "colour",
    "seed": 0,
    "blend": [EVERYTHING, {"generator": "colour", "seed": 3}, 0.3333],
}
WALL_LOOKS = "[...document.querySelectorAll('.at-wall canvas')].map(lookOf).join()"


def settle(visitor: Visitor, values: dict[str, Any]) -> None:
    visitor.module("store.js", "({ settle }, design) => settle(design)", values)


def check_generator(visitor: Visitor, renderer: Renderer, name: str) -> None:
    """Picker, wall and sliders are those of a generator, and so is the picture."""
    opened = renderer.open(name)
    fresh = {"generator": name, "seed": 0}
    if name == "grey":
        fresh["truncation"] = 0.8
    assert visitor.design() == fresh
    visitor.find(".at-picker-button strong").get_by_text(opened.checkpoint.title).wait_for()
    sliders = visitor.find(".at-sliders input")
    visitor.until(lambda: sliders.count() == len(opened.directions.names))
    for index, (low, high) in enumerate(opened.directions.names):
        assert sliders.nth(index).get_attribute("aria-label") == (
            f"{low} to {high}" if high else low
        )
    assert visitor.thumbs(".at-wall") == [{**fresh, "seed": seed} for seed in range(24)]
    visitor.drawn()
    assert np.array_equal(visitor.pixels()[..., :3], rgb(renderer, fresh))


def rgb(renderer: Renderer, values: dict[str, Any]) -> np.ndarray:
    """What the renderer draws, as the browser shows it: grey as three equal channels."""
    pixels = renderer.pixels(design.from_dict(values))
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def test_every_generator_is_picked_with_the_mouse(
    visitor: Visitor, studio_renderer: Renderer
) -> None:
    check_generator(visitor, studio_renderer, "colour")
    for name in (*GENERATORS[1:], "colour"):
        picture, wall = visitor.look(), visitor.page.evaluate(WALL_LOOKS)
        visitor.choose(name)
        visitor.sees_other_than(picture)
        visitor.wait(f"(wall) => {WALL_LOOKS} !== wall", wall)
        check_generator(visitor, studio_renderer, name)
        limits = visitor.find(".at-limits")
        assert limits.is_visible() == (name != "colour")
        if name == "grey":
            assert limits.inner_text() == "Learnt from nothing at all."
            assert "60,000 photos" in visitor.find(".at-picker-button small").inner_text()
            assert visitor.find("#at-adventure").input_value() == "0.8"
        # Titles and descriptions are text, whatever they hold.
        assert visitor.find(".at-picker img").count() == 0
    visitor.find(".at-undo").click()
    check_generator(visitor, studio_renderer, "markup")


def test_a_generator_is_picked_with_the_keyboard(
    visitor: Visitor, studio_renderer: Renderer
) -> None:
    keyboard = visitor.page.keyboard
    visitor.find(".at-picker-button").focus()
    keyboard.press("Enter")
    visitor.wait("() => document.activeElement.dataset.name === 'colour'")
    keyboard.press("Escape")
    visitor.wait("() => document.activeElement.matches('.at-picker-button')")
    assert visitor.find(".at-picker-list").is_hidden()
    keyboard.press("Enter")
    keyboard.press("ArrowDown")
    visitor.wait("() => document.activeElement.dataset.name === 'grey'")
    keyboard.press("Enter")
    visitor.wait("() => document.activeElement.matches('.at-picker-button')")
    check_generator(visitor, studio_renderer, "grey")


def test_the_picture_follows_the_hand_and_undo_takes_it_back(visitor: Visitor) -> None:
    undo, redo = visitor.find(".at-undo"), visitor.find(".at-redo")
    before, look = visitor.design(), visitor.look()
    assert undo.is_disabled() and redo.is_disabled()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.7)
        dragged = visitor.sees_other_than(look)
        move(0.9)
        visitor.sees_other_than(dragged)
        assert undo.is_disabled()  # it is no step yet
    released = visitor.drawn()
    value = float(visitor.find(FIRST_SLIDER).input_value())
    assert 2 < value < 3
    assert visitor.design() == {**before, "directions": [[0, value]]}

    undo.click()
    visitor.sees(look)
    assert visitor.design() == before
    assert visitor.find(FIRST_SLIDER).input_value() == "0"
    assert undo.is_disabled()  # the whole drag was one step
    redo.click()
    visitor.sees(released)
    assert redo.is_disabled()
    visitor.page.keyboard.press("Control+z")
    visitor.sees(look)
    visitor.page.keyboard.press("Control+Shift+Z")
    visitor.sees(released)
    # In another tab the same keys do not change what can't be seen.
    visitor.tab("Collection")
    visitor.page.keyboard.press("Control+z")
    visitor.tab("Explore")
    visitor.sees(released)
    # A reload keeps the easel, and starts a new history.
    visitor.reload()
    visitor.sees(released)
    assert visitor.find(FIRST_SLIDER).input_value() == str(value)
    assert undo.is_disabled()


def test_the_ends_the_middle_and_reset(visitor: Visitor) -> None:
    start, look = visitor.design(), visitor.look()
    row = visitor.find(".at-slider").nth(1)
    row.locator(".at-thumb").nth(1).click()
    assert visitor.design() == {**start, "directions": [[1, 3]]}
    assert row.locator("input").input_value() == "3"
    visitor.sees_other_than(look)
    row.locator(".at-thumb").nth(0).click()
    assert visitor.design() == {**start, "directions": [[1, -3]]}
    low = visitor.drawn()
    # On the thumb, which stands at the left end now: a click elsewhere would move it first.
    row.locator("input").dblclick(position={"x": 9, "y": 12})
    assert visitor.design() == start
    assert row.locator("input").input_value() == "0"
    visitor.sees(look)
    visitor.find(".at-undo").click()
    visitor.sees(low)

    visitor.find(".at-slider .at-thumb").first.click()
    assert visitor.design() == {**start, "directions": [[0, -3], [1, -3]]}
    visitor.find(".at-reset").click()
    visitor.sees(look)
    assert visitor.design() == start
    assert visitor.find(".at-reset").is_disabled()


def test_the_page_shows_what_the_renderer_draws(
    visitor: Visitor, studio_renderer: Renderer
) -> None:
    for values in (EVERYTHING, GREY, BLEND):
        settle(visitor, values)
        visitor.drawn()
        expected = rgb(studio_renderer, values)
        native = visitor.pixels()
        assert np.array_equal(native[..., :3], expected) and (native[..., 3] == 255).all()
        # And enlarged on the easel, in the generator's manner.
        shown = visitor.canvas(EASEL)
        assert (shown[..., 3] == 255).all()
        side = len(shown)
        if values is GREY:
            nearest = ((np.arange(side) + 0.5) * len(expected) / side).astype(int)
            assert np.array_equal(shown[..., :3], expected[nearest][:, nearest])
        else:
            enlarged = studio_renderer.enlarged(design.from_dict(values), side)
            difference = np.abs(shown[..., :3].astype(int) - np.asarray(enlarged).astype(int))
            assert difference.max() <= 2  # the two round in different places


def test_surprises_the_wall_and_relatives(visitor: Visitor) -> None:
    start, look = visitor.design(), visitor.look()
    visitor.find(".at-slider .at-thumb").first.click()
    visitor.find(".at-surprise").click()
    surprise = visitor.design()
    assert surprise == {"generator": "colour", "seed": surprise["seed"]}
    assert surprise["seed"] != 0
    visitor.drawn()

    wall = visitor.find(".at-wall .at-thumb")
    wall.nth(4).click()
    assert visitor.design() == {**start, "seed": 4}
    wall_look = visitor.drawn()
    pressed = visitor.find(".at-wall .at-thumb[aria-pressed=true]")
    assert pressed.count() == 1 and pressed.get_attribute("aria-label") == "Design 5"
    visitor.find(".at-more").click()
    assert [each["seed"] for each in visitor.thumbs(".at-wall")] == list(range(24, 48))
    assert pressed.count() == 0
    wall.nth(0).click()
    assert visitor.design() == {**start, "seed": 24}

    visitor.wait(
        """() => [...document.querySelectorAll(".at-relatives .at-thumb")]
            .every(({ design }) => design?.seed === 24 && design.variations.length === 1)"""
    )
    relatives = visitor.thumbs(".at-relatives")
    assert len(relatives) == 8
    visitor.drawn()
    visitor.find(".at-relatives .at-thumb").nth(2).click()
    assert visitor.design() == relatives[2]
    visitor.drawn()
    for expected in ({**start, "seed": 24}, {**start, "seed": 4}):
        visitor.find(".at-undo").click()
        assert visitor.design() == expected
    visitor.sees(wall_look)
    for _ in range(3):
        visitor.find(".at-undo").click()
    visitor.sees(look)


def test_numbers_fine_controls_and_adventure(visitor: Visitor) -> None:
    visitor.find(".at-advanced summary").click()
    number = ".at-explore .at-seed"
    visitor.design_number(number, "4294967295")
    start = {"generator": "colour", "seed": 4294967295}
    assert visitor.design() == start
    look = visitor.drawn()
    for wrong in ("-1", "1.5", "4294967296", ""):
        visitor.page.evaluate("document.querySelector('.at-notice')?.remove()")
        visitor.design_number(number, wrong)
        visitor.notice("A design number is a whole number from 0 to 4,294,967,295.")
        assert visitor.design() == start
        assert visitor.find(number).input_value() == "4294967295"

    fine = visitor.find(".at-fine input")
    assert fine.count() == 8
    assert "8 fine controls" in visitor.find(".at-fine-hint").inner_text()
    with visitor.hold(fine.nth(2)) as move:
        move(0.8)
        visitor.sees_other_than(look)
    shifted = visitor.drawn()  # as the studio draws it, now that the hand rests
    [[index, value]] = visitor.design()["dimensions"]
    assert index == 2 and 1.5 < value < 2
    with visitor.hold("#at-adventure", 2 / 3) as move:
        move(0.1)
        visitor.sees_other_than(shifted)
    truncation = visitor.design()["truncation"]
    assert 0.1 < truncation < 0.2
    visitor.find(".at-undo").click()
    visitor.sees(shifted)
    assert visitor.find("#at-adventure").input_value() == "1"
    visitor.find(".at-undo").click()
    visitor.sees(look)


def test_nothing_queues_while_the_hand_moves(make_visitor: Callable[..., Visitor]) -> None:
    """However slow the answers, one drawing is under way, and after it only the newest wish."""
    held: list[Route] = []
    visitor = make_visitor(new=True)
    visitor.context.add_init_script(SAVES_DATA)  # so that the studio draws
    visitor.open()
    visitor.all_drawn()
    visitor.page.route("**/run/sheet", lambda route: held.append(route))
    visitor.page.evaluate(
        "addEventListener('input', () => (window.inputs = (window.inputs ?? 0) + 1))"
    )
    look = visitor.look()
    with visitor.hold(FIRST_SLIDER) as move:
        for step in range(60):
            move(0.5 + step / 130)
        visitor.until(lambda: len(held) > 0)
        assert visitor.page.evaluate("window.inputs") > 40
        [[_, last]] = visitor.design()["directions"]
        assert last == float(visitor.find(FIRST_SLIDER).input_value())
        assert len(held) == 1
        assert visitor.look() == look
        held[0].continue_()
        visitor.until(lambda: len(held) > 1)
        visitor.sees_other_than(look)
        assert held[1].request.post_data_json["data"][0][0]["directions"] == [[0, last]]
        held[1].continue_()
        visitor.drawn()
        assert len(held) == 2
    visitor.page.unroute("**/run/sheet")

    # Nor do relatives, however fast steps follow each other, as with a key that is held.
    visitor.all_drawn()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    with visitor.page.expect_response("**/run/variations"):
        visitor.module(
            "store.js",
            """({ settle, state }) => {
                for (let seed = 1; seed <= 30; seed++) settle({ ...state.design, seed });
            }""",
        )
    assert sum(url.endswith("/variations") for url in asked) == 1
    assert visitor.design()["seed"] == 30
    visitor.drawn()


def test_nothing_can_be_done_before_there_is_a_design(
    make_visitor: Callable[..., Visitor],
) -> None:
    visitor = make_visitor()
    held: list[Route] = []
    visitor.page.route("**/run/generators", lambda route: held.append(route))
    visitor.page.goto(visitor.url)
    visitor.until(lambda: len(held) > 0)
    for control in (".at-surprise", ".at-wall .at-thumb >> nth=0", "#at-adventure"):
        assert visitor.find(control).evaluate("(each) => each.closest('[inert]') !== null")
    held[0].fulfill(json={"data": [[]]})
    visitor.find(".at-explore .at-error").get_by_text("no generators here yet").wait_for()
    visitor.page.reload()
    visitor.until(lambda: len(held) > 1)
    visitor.watch.allow("ERR_FAILED")
    held[1].abort()
    visitor.find(".at-explore .at-error").get_by_text("does not answer").wait_for()
