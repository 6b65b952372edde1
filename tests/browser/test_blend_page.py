"""Blend: choose two designs, slide between them, keep and download what lies there."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from visiting import BLEND, Visitor

from studio import blend, design
from studio.render import Renderer

AMOUNT = ".at-amount"
SURFACE = ".at-surface"
APART = ".at-apart"
STEPS = ".at-strip .at-thumb"


def state(visitor: Visitor) -> dict[str, Any]:
    return visitor.module("store.js", "({ state }) => state.blend")


def heading(visitor: Visitor) -> str:
    return visitor.find(".at-choose-heading").inner_text().lower()


def shows(visitor: Visitor, values: dict[str, Any], selector: str = BLEND) -> None:
    """Wait until a canvas shows a design exactly as the page paints it."""
    visitor.wait(
        """async ([selector, design]) => {
            const root = window.gradio_config.root;
            const { paint, urgentTile } = await import(`${root}/studio-page/tiles.js`);
            const canvas = document.querySelector(selector);
            const second = document.createElement("canvas");
            second.width = second.height = canvas.width;
            paint(second, await urgentTile(design), design.generator);
            return canvas.width > 0 && lookOf(second) === lookOf(canvas);
        }""",
        [selector, values],
    )


def choose_two(visitor: Visitor, first: int, second: int) -> list[dict[str, Any]]:
    """Open Blend and choose two designs of the wall, by their place."""
    visitor.tab("Blend")
    wall = visitor.find(".at-from-wall .at-thumb")
    wall.nth(first).click()
    wall.nth(second).click()
    found = state(visitor)
    assert (found["first"]["seed"], found["second"]["seed"]) == (first, second)
    return [found["first"], found["second"]]


def test_two_designs_are_chosen_from_everywhere(visitor: Visitor) -> None:
    visitor.find(".at-slider .at-thumb").first.click()
    kept = visitor.design()
    visitor.keep()
    visitor.tab("Blend")
    visitor.until(lambda: state(visitor)["first"] == kept)  # what was on the easel
    assert heading(visitor) == "choose the first design"

    visitor.find(".at-from-wall .at-thumb").nth(6).click()
    wall = {"generator": "colour", "seed": 6}
    assert state(visitor)["first"] == wall
    assert heading(visitor) == "choose the second design"
    visitor.design_number(".at-blend .at-seed", "4294967296")
    visitor.notice("A design number is a whole number from 0 to 4,294,967,295.")
    assert heading(visitor) == "choose the second design"
    visitor.design_number(".at-blend .at-seed", "123")
    assert state(visitor)["second"] == {"generator": "colour", "seed": 123}
    shows(visitor, wall, '[data-side="first"] canvas')
    shows(visitor, {"generator": "colour", "seed": 123}, '[data-side="second"] canvas')

    visitor.find('[data-side="second"]').click()
    assert heading(visitor) == "choose the second design"
    visitor.find(".at-from-kept .at-thumb").click()
    assert state(visitor)["second"] == kept
    shows(visitor, kept, '[data-side="second"] canvas')
    shows(visitor, {"generator": "colour", "seed": 0, "blend": [wall, kept, 0.5]})


def test_the_slider_and_the_strip(visitor: Visitor, studio_renderer: Renderer) -> None:
    first, second = choose_two(visitor, 3, 9)
    shows(visitor, {"generator": "colour", "seed": 0, "blend": [first, second, 0.5]})
    middle = visitor.look(BLEND)
    pressed = visitor.find(f"{STEPS}[aria-pressed=true]")
    assert visitor.find(STEPS).count() == 9
    assert pressed.get_attribute("aria-label") == "Step 5 of 9"
    with visitor.hold(AMOUNT) as move:
        move(0.7)
        moved = visitor.sees_other_than(middle, BLEND)
        move(0.9)
        visitor.sees_other_than(moved, BLEND)
    assert pressed.get_attribute("aria-label") == "Step 8 of 9"

    visitor.find(STEPS).nth(2).click()
    assert visitor.find(AMOUNT).input_value() == "0.25"
    between = {"generator": "colour", "seed": 0, "blend": [first, second, 0.25]}
    shows(visitor, between)
    expected = blend.blend(design.from_dict(first), design.from_dict(second), 0.25)
    assert np.array_equal(visitor.pixels(between)[..., :3], studio_renderer.pixels(expected))
    # The ends are the two designs themselves.
    visitor.find(STEPS).nth(0).click()
    shows(visitor, first)
    visitor.find(STEPS).nth(8).click()
    shows(visitor, second)
    assert visitor.thumbs(".at-strip")[0] == first
    assert visitor.thumbs(".at-strip")[8] == second


def test_a_blend_is_kept_and_opened(visitor: Visitor) -> None:
    first, second = choose_two(visitor, 1, 2)
    visitor.find(".at-blend .at-keep").click()
    visitor.find(".at-shelf .at-thumb").wait_for()
    expected = {"generator": "colour", "seed": 0, "blend": [first, second, 0.5]}
    assert visitor.thumbs(".at-shelf") == [expected]
    visitor.find(".at-swap").click()
    assert state(visitor) == {"first": second, "second": first, "amount": 0.5, "surface": None}
    visitor.find(STEPS).nth(1).click()
    visitor.find(".at-swap").click()
    assert state(visitor) == {"first": first, "second": second, "amount": 0.875, "surface": None}
    assert visitor.find(AMOUNT).input_value() in ("0.875", "0.88")

    visitor.find(".at-open").click()
    visitor.find("#explore").wait_for()
    assert visitor.design()["blend"] == [first, second, 0.875]
    visitor.drawn()
    # It has sliders as any design has, and no number.
    visitor.find(".at-slider .at-thumb").first.click()
    assert visitor.design()["directions"] == [[0, -3]]
    visitor.drawn()
    assert visitor.find(".at-explore .at-seed").input_value() == ""


def test_the_newest_two_kept_are_blended(visitor: Visitor) -> None:
    visitor.keep()
    visitor.choose("grey")
    visitor.drawn()
    visitor.keep()
    visitor.find(".at-shelf .at-blend-two").click()
    visitor.notice("Keep two designs of one generator to blend them.")
    visitor.find(".at-wall .at-thumb").nth(3).click()
    visitor.drawn()
    visitor.keep()
    visitor.find(".at-shelf .at-blend-two").click()
    visitor.find(".at-blend").wait_for()
    visitor.wait("() => document.querySelector('.at-blend .at-generator').value === 'grey'")
    assert [state(visitor)[side]["seed"] for side in ("first", "second")] == [0, 3]
    # Another generator for one side takes the other along.
    visitor.find(".at-blend .at-generator").select_option("colour")
    found = state(visitor)
    assert found["first"]["generator"] == found["second"]["generator"] == "colour"
    assert {each["generator"] for each in visitor.thumbs(".at-from-wall")} == {"colour"}
    shows(visitor, {"generator": "colour", "seed": 0, "blend": [*list(found.values())[:2], 0.5]})
    assert visitor.find(".at-blend .at-error").is_hidden()


def test_the_strip_and_the_animation_are_downloaded(
    visitor: Visitor, studio_renderer: Renderer
) -> None:
    pair = [design.from_dict(each) for each in choose_two(visitor, 4, 5)]
    with visitor.page.expect_download() as download:
        visitor.find(".at-save-strip").click()
    assert download.value.suggested_filename == "blend.png"
    with Image.open(download.value.path()) as image:
        expected = blend.strip(studio_renderer, blend.steps(*pair), 512)
        assert np.array_equal(np.array(image), np.array(expected))
    with visitor.page.expect_download() as download:
        visitor.find(".at-save-animation").click()
        visitor.notice("Preparing the animation…")
    assert download.value.suggested_filename == "blend.gif"
    with Image.open(download.value.path()) as image:
        assert image.format == "GIF" and image.n_frames == 48


def test_shape_and_surface_are_mixed_apart(visitor: Visitor, studio_renderer: Renderer) -> None:
    visitor.tab("Blend")
    visitor.find(".at-blend .at-generator").select_option("styled")
    visitor.find('[data-side="first"]').click()
    first, second = choose_two(visitor, 3, 9)
    visitor.find(APART).get_by_text("Mix shape and surface apart").click()
    assert visitor.find(SURFACE).input_value() == "0.5"
    together = {"generator": "styled", "seed": 0, "blend": [first, second, 0.5]}
    shows(visitor, together)  # nothing changes before a slider does
    look = visitor.look(BLEND)
    with visitor.hold(SURFACE) as move:
        move(0.2)
        visitor.sees_other_than(look, BLEND)
        move(0)
    apart = {**together, "blend": [first, second, 0.5, 0]}
    shows(visitor, apart)
    expected = studio_renderer.pixels(design.from_dict(apart))
    assert np.array_equal(visitor.pixels(apart)[..., :3], expected)
    # The strip leaves the surface where it is, and so does its picture.
    steps = [each.to_dict() for each in blend.steps(*map(design.from_dict, (first, second)), 9, 0)]
    visitor.until(lambda: visitor.thumbs(".at-strip") == steps)
    with visitor.page.expect_download() as download:
        visitor.find(".at-save-strip").click()
    with Image.open(download.value.path()) as image:
        strip = blend.strip(studio_renderer, [design.from_dict(each) for each in steps], 512)
        assert np.array_equal(np.array(image), np.array(strip))
    with visitor.hold(AMOUNT) as move:
        move(1)
    shows(visitor, {**together, "blend": [first, second, 1, 0]})

    visitor.find(".at-swap").click()
    shows(visitor, {**together, "blend": [second, first, 0, 1]})
    visitor.find(".at-open").click()
    assert visitor.design() == {**together, "blend": [second, first, 0, 1]}
    visitor.drawn()
    visitor.tab("Blend")
    visitor.find(APART).get_by_text("Mix shape and surface together").click()
    shows(visitor, second)
    assert visitor.find(SURFACE).is_hidden()


def test_a_generator_without_layers_has_one_slider(visitor: Visitor) -> None:
    visitor.tab("Blend")
    generator = visitor.find(".at-blend .at-generator")
    assert visitor.find(APART).is_hidden() and visitor.find(SURFACE).is_hidden()
    actions = visitor.find(".at-blend .at-actions")
    place = actions.evaluate("(each) => each.getBoundingClientRect().top + scrollY")
    generator.select_option("styled")
    visitor.find(APART).click()
    visitor.find(SURFACE).wait_for()
    moved = actions.evaluate("(each) => each.getBoundingClientRect().top + scrollY")
    assert abs(moved - place) < 1  # nothing jumps
    generator.select_option("grey")
    visitor.find(APART).wait_for(state="hidden")
    assert visitor.find(SURFACE).is_hidden()
    assert state(visitor)["surface"] is None
    assert visitor.find(".at-blend .at-error").is_hidden()
