"""Train on my photos: what is wished for beside the photos, on a phone and with a keyboard too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route
from sending import START, checked, choose, enter, wish
from visiting import PHONE, Visitor

COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]) -> Path:
    """40 photos and one file that is none."""
    result = make_photos(tmp_path_factory.mktemp("photos") / "spring", COUNT)
    (result / "broken.jpg").write_bytes(b"not a photo")
    return result


@pytest.fixture
def guest(visitor: Visitor, folder: Path) -> Visitor:
    """A visitor on the training tab, whose photos are checked."""
    choose(enter(visitor), "folder", folder)
    checked(visitor, COUNT + 1)
    return visitor


def test_only_what_was_changed_under_advanced_is_sent(guest: Visitor) -> None:
    guest.find(".at-open-advanced").click()
    batch = guest.find("#at-advanced-batch")
    batch.wait_for()
    usual = batch.input_value()
    guest.design_number("#at-advanced-batch", "8")
    guest.design_number("#at-advanced-kimg", "1.5")
    assert wish(guest)["advanced"] == {"batch": 8, "kimg": 1.5}
    guest.find(".at-length-why").filter(has_text="1.5 thousand images").wait_for()
    guest.design_number("#at-advanced-batch", usual)
    assert wish(guest)["advanced"] == {"kimg": 1.5}
    guest.design_number("#at-advanced-batch", "")
    assert batch.input_value() == usual
    guest.find(".at-lengths").get_by_text("Quick look").click()
    assert wish(guest)["advanced"] == {} and wish(guest)["length"] == "quick"
    guest.design_number("#at-advanced-seed", "7")
    guest.find(".at-advanced-reset").click()
    assert wish(guest)["advanced"] == {}
    described = guest.page.evaluate(
        """() => [...document.querySelectorAll(".at-train-advanced :is(input, select)")]
            .every((field) => document.getElementById(field.getAttribute("aria-describedby"))
                .textContent.trim())"""
    )
    assert described


def test_what_it_learns_from_is_picked_and_brings_its_own_numbers(guest: Visitor) -> None:
    guest.find(".at-open-advanced").click()
    batch = guest.find("#at-advanced-batch")
    batch.wait_for()
    usual = batch.input_value()
    guest.find("#at-advanced-teachers").select_option(label="Likeness to the photos")
    assert wish(guest)["advanced"] == {"teachers": "likeness"}
    assert batch.input_value() != usual
    guest.find("#at-advanced-teachers").select_option(label="A game of two networks")
    assert wish(guest)["advanced"] == {} and batch.input_value() == usual


def test_a_start_is_wished_for_once_and_errors_lose_nothing(guest: Visitor) -> None:
    guest.find(".at-title").fill("Bags of spring")
    held: list[Route] = []
    guest.watch.allow("training_start", "500")
    guest.page.route("**/run/training_start", lambda route: held.append(route))
    guest.find(START).dblclick()
    guest.until(lambda: bool(held))
    assert guest.find(START).is_disabled()
    asked = wish(guest)
    assert json.loads(held[0].request.post_data)["data"] == [asked]
    assert asked["title"] == "Bags of spring"
    held[0].fulfill(status=500, json={"error": "The disk is full."})
    guest.notice("The disk is full.")
    guest.wait("(s) => !document.querySelector(s).disabled", START)
    assert len(held) == 1
    assert guest.find(".at-title").input_value() == "Bags of spring"
    assert wish(guest) == asked


def test_nothing_sticks_out_on_a_phone(make_visitor: Callable[..., Visitor], folder: Path) -> None:
    phone = {"viewport": PHONE, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    visitor = make_visitor(**phone).open()
    enter(visitor)
    fits(visitor)
    visitor.find(".at-input-folder").set_input_files(str(folder))
    checked(visitor, COUNT + 1)
    visitor.find(".at-closer summary").click()
    visitor.find(".at-open-advanced").click()
    visitor.find("#at-advanced-batch").wait_for()
    fits(visitor)


def fits(visitor: Visitor) -> None:
    """No part of the photos' column is wider than the screen."""
    beyond = visitor.page.evaluate(
        """(width) => [...document.querySelectorAll(".at-photos, .at-photos *, [role=tab]")]
            .filter((each) => each.checkVisibility({ visibilityProperty: true }))
            .filter((each) => {
                const { left, right } = each.getBoundingClientRect();
                return left < 0 || right > width;
            })
            .map((each) => each.outerHTML.slice(0, 80))""",
        PHONE["width"],
    )
    assert beyond == []
    assert visitor.page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]


def test_the_column_is_worked_with_a_keyboard(guest: Visitor) -> None:
    guest.find(".at-other-photos").focus()
    seen: list[str] = []
    while "Start" not in seen:
        assert len(seen) < 30, f"Tab never reaches Start, only {seen}."
        guest.page.keyboard.press("Tab")
        name, covered = guest.page.evaluate(
            """() => {
                const active = document.activeElement;
                const { x, y, width, height } = (active.closest("label") ?? active)
                    .getBoundingClientRect();
                const top = document.elementFromPoint(x + width / 2, y + height / 2);
                return [
                    active.name || active.className.split(" ").at(-1),
                    !(active.closest("label") ?? active).contains(top),
                ];
            }"""
        )
        assert not covered, f"{name} has the focus, but something covers it."
        seen.append("Start" if name == "at-start" and "at-length" in seen else name)
    assert {"at-length", "at-title"} <= set(seen)
    guest.find(".at-lengths input").first.focus()
    guest.page.keyboard.press("ArrowRight")
    assert wish(guest)["length"] == "good"
    guest.page.keyboard.press("ArrowRight")
    assert wish(guest)["length"] == "best"
