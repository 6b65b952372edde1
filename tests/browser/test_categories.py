"""A generator of several categories: one is chosen, and everything on the page is of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from visiting import BLEND, FIRST_SLIDER, PHONE, Visitor

from studio import design
from studio.render import Renderer

CHIPS = ".at-category"
PRESSED = f"{CHIPS}[aria-pressed=true]"
START: dict[str, Any] = {"generator": "styled", "seed": 0, "label": 0}


@pytest.fixture
def visitor(make_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor who has chosen the generator with categories."""
    result = make_visitor().open()
    assert result.find(".at-categories").is_hidden() and result.find(CHIPS).count() == 0
    result.choose("styled")
    result.find(CHIPS).nth(2).wait_for()
    result.wait("() => document.querySelector('.at-slider')")
    result.drawn()
    return result


def choose(visitor: Visitor, label: int) -> str:
    """Choose a category; the picture's new look."""
    before = visitor.look()
    visitor.find(CHIPS).nth(label).click()
    visitor.sees_other_than(before)
    return visitor.drawn()


def pressed(visitor: Visitor) -> list[int]:
    states = visitor.find(CHIPS).evaluate_all("(all) => all.map((each) => each.ariaPressed)")
    return [label for label, state in enumerate(states) if state == "true"]


def settle(visitor: Visitor, values: dict[str, Any]) -> None:
    visitor.module("store.js", "({ settle }, design) => settle(design)", values)


def plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "fingerprint"}


def test_a_category_keeps_number_and_sliders(visitor: Visitor, studio_renderer: Renderer) -> None:
    assert visitor.design() == START and pressed(visitor) == [0]
    visitor.find(".at-wall .at-thumb").nth(3).click()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.8)
    shaped = visitor.design()
    assert shaped["seed"] == 3 and shaped["directions"] and shaped["label"] == 0
    dress = visitor.drawn()
    choose(visitor, 2)
    assert visitor.design() == {**shaped, "label": 2} and pressed(visitor) == [2]
    expected = studio_renderer.pixels(design.from_dict(visitor.design()))
    assert np.array_equal(visitor.pixels()[..., :3], expected)

    visitor.find(".at-undo").click()
    visitor.sees(dress)
    assert visitor.design() == shaped and pressed(visitor) == [0]
    visitor.find(".at-redo").click()
    visitor.drawn()
    assert visitor.design()["label"] == 2 and pressed(visitor) == [2]
    # The name is a text, whatever it holds.
    assert visitor.find(CHIPS).nth(2).inner_text().startswith("<img")
    assert visitor.find(f"{CHIPS} img").count() == 0


def test_all_of_explore_is_of_the_category(visitor: Visitor) -> None:
    look = choose(visitor, 1)
    wall = [{**START, "seed": seed, "label": 1} for seed in range(24)]
    assert visitor.thumbs(".at-wall") == wall
    assert visitor.find(".at-wall [aria-pressed=true]").get_attribute("aria-label") == "Design 1"
    visitor.find(".at-more").click()
    more = [{**each, "seed": each["seed"] + 24} for each in wall]
    assert visitor.thumbs(".at-wall") == more
    choose(visitor, 2)
    assert visitor.thumbs(".at-wall") == [{**each, "label": 2} for each in more]  # the same place
    visitor.find(".at-undo").click()
    visitor.sees(look)

    visitor.find(".at-surprise").click()
    surprise = visitor.design()
    assert surprise == {**START, "seed": surprise["seed"], "label": 1} and surprise["seed"]
    visitor.find(".at-advanced summary").click()
    visitor.design_number(".at-explore .at-seed", "77")
    assert visitor.design() == {**START, "seed": 77, "label": 1}
    visitor.wait(
        """() => [...document.querySelectorAll(".at-relatives .at-thumb")]
            .every(({ design }) => design?.seed === 77 && design.variations && design.label)"""
    )
    visitor.find(".at-slider .at-thumb").first.click()
    visitor.find(".at-reset").click()
    assert visitor.design() == {**START, "seed": 77, "label": 1} and pressed(visitor) == [1]


def test_a_category_survives_reload_link_and_collection(
    make_visitor: Callable[..., Visitor], visitor: Visitor
) -> None:
    coat = choose(visitor, 2)
    visitor.keep()
    visitor.reload()
    visitor.sees(coat)
    assert pressed(visitor) == [2]
    code = visitor.module("api.js", "({ call }, design) => call('link', design)", visitor.design())
    choose(visitor, 0)
    visitor.find(".at-shelf .at-thumb").click()
    visitor.sees(coat)
    assert pressed(visitor) == [2]

    stranger = make_visitor().open(f"?design={code}")
    stranger.sees(coat)
    assert plain(stranger.design()) == {**START, "label": 2} and pressed(stranger) == [2]
    assert {each["label"] for each in stranger.thumbs(".at-wall")} == {2}


def test_a_generator_without_categories_shows_none(visitor: Visitor) -> None:
    choose(visitor, 1)
    visitor.choose("grey")
    visitor.drawn()
    assert visitor.find(".at-categories").is_hidden()
    assert "label" not in visitor.design()
    assert not any("label" in each for each in visitor.thumbs(".at-wall"))
    visitor.find(".at-undo").click()
    visitor.drawn()
    assert pressed(visitor) == [1] and visitor.find(CHIPS).nth(1).is_visible()


def test_typical_is_the_categorys_own_average(visitor: Visitor) -> None:
    settle(visitor, {**START, "truncation": 0, "seed": 5})
    average = visitor.pixels().astype(int)
    settle(visitor, {**START, "truncation": 0, "seed": 6})
    assert abs(visitor.pixels() - average).max() <= 1  # rounding
    visitor.drawn()
    choose(visitor, 1)
    assert abs(visitor.pixels() - average).mean() > 1
    look = visitor.look()
    with visitor.hold("#at-adventure", 0) as move:
        move(0.5)
        visitor.sees_other_than(look)
    assert visitor.design()["truncation"] == pytest.approx(0.75, abs=0.02)


def test_a_blend_of_two_categories_is_of_both(visitor: Visitor) -> None:
    visitor.tab("Blend")
    category = visitor.find(".at-blend .at-wall-category")
    wall = visitor.find(".at-from-wall .at-thumb")
    category.select_option(index=2)
    wall.nth(4).click()
    category.select_option(label="Tank top")
    visitor.design_number(".at-blend .at-seed", "9")
    parents = [{**START, "seed": 4, "label": 2}, {**START, "seed": 9, "label": 1}]
    visitor.find(".at-blend .at-open").click()
    blended = {"generator": "styled", "seed": 0, "blend": [*parents, 0.5]}
    assert visitor.design() == blended
    visitor.drawn()
    assert pressed(visitor) == [1, 2]
    assert {each["label"] for each in visitor.thumbs(".at-wall")} == {2}
    choose(visitor, 0)
    dresses = [{**each, "label": 0} for each in parents]
    assert visitor.design() == {**blended, "blend": [*dresses, 0.5]} and pressed(visitor) == [0]
    # The choice of a category is only there where there is one.
    visitor.tab("Blend")
    visitor.find(".at-blend .at-generator").select_option("colour")
    assert category.is_hidden()
    visitor.find(BLEND).wait_for()


def test_more_fine_controls_than_a_page_shows_at_once(visitor: Visitor) -> None:
    visitor.find(".at-advanced summary").click()
    fine, more = visitor.find(".at-fine input"), visitor.find(".at-more-fine")
    assert fine.count() == 128
    settle(visitor, {**START, "dimensions": [[139, 2.5]]})
    more.click()
    assert fine.count() == 140 and more.is_hidden()
    assert fine.nth(139).input_value() == "2.5"
    visitor.choose("colour")
    visitor.until(lambda: fine.count() == 8)
    assert more.is_hidden()


def test_chips_are_chosen_with_the_keyboard_and_fit_a_phone(visitor: Visitor) -> None:
    visitor.find(CHIPS).first.focus()
    visitor.page.keyboard.press("ArrowRight")
    before = visitor.look()
    visitor.page.keyboard.press("Enter")
    visitor.sees_other_than(before)
    assert visitor.design()["label"] == 1
    visitor.page.set_viewport_size(PHONE)
    for label in range(3):
        box = visitor.find(CHIPS).nth(label).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    box = visitor.find(".at-categories")
    box.evaluate("(box) => (box.style.maxHeight = '38px')")  # as if there were many
    settle(visitor, {**START, "label": 2})
    assert box.evaluate("(box) => box.scrollTop") > 20
    easel = visitor.find(".at-explore .at-easel").bounding_box()
    assert easel["y"] + easel["height"] <= visitor.find(".at-shelf").bounding_box()["y"]
