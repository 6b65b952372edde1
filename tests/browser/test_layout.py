"""Phones, the dark look, and a keyboard instead of a mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from visiting import BLEND, EASEL, PHONE, Visitor

DARK = "document.body.classList.contains('dark')"


def test_nothing_sticks_out_on_a_phone(make_visitor: Callable[..., Visitor]) -> None:
    phone = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    visitor = make_visitor(**phone).open()
    visitor.keep()
    for name, seen in (("Explore", EASEL), ("Blend", BLEND), ("Collection", ".at-kept-card")):
        visitor.tab(name)
        visitor.find(seen).wait_for()
        visitor.wait("() => scrollY === 0")
        box = visitor.find(seen).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
        assert box["width"] >= 150
        if name == "Explore":  # the picture comes first: all of it is on the first screen
            assert box["y"] + box["height"] <= PHONE["height"]
        nothing_sticks_out(visitor)
    visitor.tab("Explore")
    visitor.find(".at-advanced summary").click()
    nothing_sticks_out(visitor)
    nothing_is_behind_the_shelf(visitor)
    look = visitor.look()
    with visitor.hold(".at-sliders input >> nth=0") as move:
        move(0.9)
    visitor.sees_other_than(look)


def nothing_sticks_out(visitor: Visitor) -> None:
    """No horizontal scrolling, nothing cut off: Gradio's frame hides what is too wide."""
    assert visitor.page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    beyond = visitor.page.evaluate(
        """(width) => {
            const scrolls = (each) => each && (
                ["auto", "scroll"].includes(getComputedStyle(each).overflowX)
                || scrolls(each.parentElement));
            return [...document.querySelectorAll("[class^=at-], [class^=at-] *, [role=tab]")]
                .filter((each) => each.checkVisibility({ visibilityProperty: true }))
                .filter((each) => {
                    const { left, right } = each.getBoundingClientRect();
                    return (left < 0 || right > width) && !scrolls(each.parentElement);
                })
                .map((each) => each.outerHTML.slice(0, 80));
        }""",
        PHONE["width"],
    )
    assert beyond == []


def nothing_is_behind_the_shelf(visitor: Visitor) -> None:
    """At the end of Explore, all of it can be seen."""
    visitor.page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight)")
    shelf = visitor.find(".at-shelf").bounding_box()
    for each in (".at-fine label", ".at-more"):
        last = visitor.find(each).last.bounding_box()
        assert last["y"] + last["height"] <= shelf["y"]


def test_the_look_is_the_systems_until_one_is_chosen(
    make_visitor: Callable[..., Visitor],
) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    visitor = make_visitor(color_scheme="dark").open()
    assert visitor.page.evaluate(DARK)
    dark = visitor.page.evaluate(paper)
    visitor.find(".at-look").click()
    assert not visitor.page.evaluate(DARK)
    light = visitor.page.evaluate(paper)
    assert light != dark
    visitor.reload()
    assert not visitor.page.evaluate(DARK)
    assert visitor.page.evaluate(paper) == light
    visitor.page.emulate_media(color_scheme="light")
    visitor.find(".at-look").click()
    visitor.reload()
    assert visitor.page.evaluate(DARK)
    assert visitor.page.evaluate(paper) == dark


def reach(visitor: Visitor, selector: str) -> None:
    """Press Tab until the focus is on what matches a selector, and on the screen."""
    for _ in range(120):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("(s) => document.activeElement.matches(s)", selector):
            focused = visitor.page.evaluate(
                """() => {
                    const { x, y, width, height } = document.activeElement.getBoundingClientRect();
                    const top = document.elementFromPoint(x + width / 2, y + height / 2);
                    return document.activeElement.contains(top);
                }"""
            )
            assert focused, f"{selector} has the focus, but something covers it."
            return
    pytest.fail(f"Tab never reaches {selector}.")


def test_everything_is_reached_with_the_keyboard(visitor: Visitor) -> None:
    press = visitor.page.keyboard.press
    start, look = visitor.design(), visitor.look()
    reach(visitor, "[role=tab]")
    reach(visitor, ".at-picker-button")
    reach(visitor, ".at-wall .at-thumb")
    for key, seed in (("ArrowRight", 1), ("ArrowDown", 5), ("ArrowLeft", 4), ("ArrowUp", 0)):
        press(key)
        label = visitor.page.evaluate("document.activeElement.ariaLabel")
        assert label == f"Design {seed + 1}"
    press("ArrowDown")
    press("Enter")
    assert visitor.design() == {**start, "seed": 4}
    visitor.sees_other_than(look)
    reach(visitor, ".at-undo")
    press("Enter")
    assert visitor.design() == start
    visitor.sees(look)
    reach(visitor, ".at-relatives .at-thumb")
    reach(visitor, ".at-sliders input")
    press("ArrowRight")
    press("ArrowRight")
    assert visitor.design() == {**start, "directions": [[0, 0.1]]}
    visitor.drawn()
    reach(visitor, "#at-adventure")
    press("ArrowLeft")
    assert visitor.design()["truncation"] == 0.99
    press("Control+z")
    assert visitor.design() == {**start, "directions": [[0, 0.1]]}
    reach(visitor, ".at-advanced summary")
    press("Enter")
    reach(visitor, ".at-explore .at-seed")
    reach(visitor, ".at-fine label:last-child input")
    press("ArrowLeft")
    assert visitor.design()["dimensions"] == [[7, -0.05]]
    visitor.drawn()
    nothing_is_behind_the_shelf(visitor)
