"""A generator of words: a prompt is typed, and the colour asked for is seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from visiting import PHONE, Visitor

from studio import design
from studio.render import Renderer

FIELD = "#at-text"
REMARK = ".at-remark"
OFFERS = ".at-offers button"
CHANNELS = {"red": 0, "green": 1, "blue": 2}


@pytest.fixture
def visitor(make_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor who has chosen the generator of words."""
    return arrived(make_visitor().open())


def arrived(visitor: Visitor) -> Visitor:
    assert visitor.find(".at-words").is_hidden() and visitor.find(".at-guidance").is_hidden()
    visitor.choose("colourist")
    visitor.find(FIELD).wait_for()
    visitor.wait("() => document.querySelector('.at-slider')")
    visitor.drawn()
    return visitor


def typed(visitor: Visitor, text: str) -> None:
    """Type words, key by key, and wait until they are drawn."""
    visitor.find(FIELD).fill("")
    visitor.find(FIELD).press_sequentially(text)
    plain = " ".join(text.split())
    visitor.until(lambda: visitor.design().get("text", "") == plain)
    visitor.drawn()


def strongest(visitor: Visitor) -> int:
    """Which of red, green and blue the picture on the easel has most of."""
    return int(visitor.pixels()[..., :3].astype(float).mean((0, 1)).argmax())


def test_typing_a_colour_draws_it(visitor: Visitor, studio_renderer: Renderer) -> None:
    assert visitor.design() == {
        **{"generator": "colourist", "seed": 0, "text": "red shirt"},
        "guidance": 1.25,  # as the card says
    }
    assert visitor.find(FIELD).input_value() == "red shirt" and strongest(visitor) == 0
    for word in ("blue", "emerald"):
        typed(visitor, f"{word} shirts")
        assert strongest(visitor) == CHANNELS.get(word, 1)
        expected = studio_renderer.pixels(design.from_dict(visitor.design()))
        assert np.array_equal(visitor.pixels()[..., :3], expected)
        assert visitor.find(REMARK).inner_text() == ""
    assert visitor.thumbs(".at-wall")[5] == {**visitor.design(), "seed": 5}


def test_other_words_are_a_step_that_can_be_undone(visitor: Visitor) -> None:
    # Each at once: a hand that pauses among the keys makes more steps.
    for text in ("blue shirts", "emerald shirts"):
        visitor.find(FIELD).fill(text)
        visitor.until(lambda text=text: visitor.design()["text"] == text)
    visitor.find(".at-undo").click()
    visitor.drawn()
    assert visitor.find(FIELD).input_value() == "blue shirts" and strongest(visitor) == 2


def test_pauses_between_keys_do_not_disturb_the_field(visitor: Visitor) -> None:
    field = visitor.find(FIELD)
    field.fill("red ")
    visitor.until(lambda: visitor.design().get("text") == "red")
    field.press_sequentially(" shirt", delay=30)
    visitor.until(lambda: visitor.design().get("text") == "red shirt")
    assert field.input_value() == "red  shirt"


def test_an_example_is_a_click_away(visitor: Visitor) -> None:
    assert visitor.find(OFFERS).all_inner_texts() == ["red shirt", "blue"]
    visitor.find(OFFERS).nth(1).click()
    visitor.drawn()
    assert strongest(visitor) == 2 and visitor.find(FIELD).input_value() == "blue"
    pressed = visitor.find(OFFERS).evaluate_all("(all) => all.map((each) => each.ariaPressed)")
    assert pressed == ["false", "true"]


def test_what_is_not_known_is_said_quietly(visitor: Visitor) -> None:
    for text, remark in (
        ("gren shirt", "“gren” (green?)"),
        ("шапка 😀", "write in English"),
        ("xyzzy plugh", "No word of this is known here"),
        ("<img src=x onerror=hacked=1> xyzzy", "“xyzzy”"),
        ("y" * 290, "yyy"),
    ):
        visitor.find(FIELD).fill("")
        visitor.until(lambda: visitor.find(REMARK).inner_text() == "")
        visitor.find(FIELD).fill(text)
        visitor.until(lambda remark=remark: remark in visitor.find(REMARK).inner_text())
        visitor.drawn()
        assert visitor.find(".at-explore .at-error").is_hidden()
        assert visitor.find(f"{REMARK} img").count() == 0


def test_no_words_draw_anything(visitor: Visitor) -> None:
    visitor.find(FIELD).fill("")
    visitor.until(lambda: "text" not in visitor.design())
    visitor.drawn()
    assert visitor.find("#at-guidance").is_disabled() and visitor.find(REMARK).inner_text() == ""
    assert "guidance" not in visitor.design()
    typed(visitor, "blue")
    assert visitor.design()["guidance"] == 1.25


def test_words_are_followed_as_closely_as_wished(visitor: Visitor) -> None:
    before = visitor.look()
    visitor.find("#at-guidance").fill("0")
    visitor.sees_other_than(before)
    assert visitor.design()["guidance"] == 0
    typed(visitor, "blue")
    assert visitor.design()["guidance"] == 0  # a wish outlasts the words
    for _ in range(2):
        visitor.find(".at-undo").click()
    visitor.sees(before)


def test_words_survive_collection_link_and_reload(
    make_visitor: Callable[..., Visitor], visitor: Visitor
) -> None:
    typed(visitor, "blue shirt")
    look = visitor.look()
    visitor.keep()
    visitor.tab("Collection")
    assert visitor.find(".at-kept-card .at-own-words").inner_text() == "blue shirt"
    code = visitor.module("api.js", "({ call }, design) => call('link', design)", visitor.design())
    visitor.tab("Explore")
    visitor.reload()
    visitor.sees(look)
    friend = make_visitor().open(f"?design={code}")
    friend.sees(look)
    assert friend.find(FIELD).input_value() == "blue shirt"


def test_two_texts_blend(visitor: Visitor) -> None:
    visitor.tab("Blend")
    visitor.find(".at-wall-words").fill("blue")
    visitor.find(".at-wall-words").press("Enter")
    visitor.find('.at-parent[data-side="second"]').click()
    visitor.until(lambda: (visitor.thumbs(".at-from-wall")[4] or {}).get("text") == "blue")
    visitor.find(".at-from-wall .at-thumb").nth(4).click()
    words = visitor.find(".at-parent .at-own-words").all_inner_texts()
    assert words == ["red shirt", "blue"]
    visitor.find(".at-blend .at-open").click()
    visitor.drawn()
    assert visitor.find(FIELD).input_value() == "red shirt / blue"
    visitor.find(FIELD).fill("green")  # replaces both
    visitor.until(
        lambda: [each.get("text") for each in visitor.design()["blend"][:2]] == ["green", "green"]
    )
    visitor.drawn()
    assert strongest(visitor) == 1


def test_a_phone_sees_field_and_picture_together(make_visitor: Callable[..., Visitor]) -> None:
    visitor = arrived(make_visitor(viewport=PHONE).open())
    field, easel = (visitor.find(each).bounding_box() for each in (FIELD, ".at-explore .at-easel"))
    assert field["y"] < easel["y"] < field["y"] + 220
    assert visitor.module("store.js", "() => document.documentElement.scrollWidth") <= 390
