"""The collection: kept in the visitor's browser, the same in all tabs, nobody else's."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Request, Route, TimeoutError
from visiting import Visitor

from studio import exports
from studio.render import Renderer

SHELF = ".at-shelf .at-thumb"
MARKUP = '<img src="x" onerror="window.hacked = 1">'


def names(visitor: Visitor) -> list[str]:
    """What the shelf holds, newest first, by name."""
    return visitor.find(SHELF).evaluate_all("(all) => all.map((each) => each.ariaLabel)")


def holds(visitor: Visitor, *expected: str) -> None:
    """Wait until the shelf holds exactly these, newest first."""
    visitor.until(lambda: names(visitor) == list(expected))


def surprise(visitor: Visitor) -> dict[str, Any]:
    visitor.find(".at-surprise").click()
    visitor.drawn()
    return visitor.design()


def test_what_is_kept_stays(visitor: Visitor) -> None:
    assert visitor.find(".at-count").inner_text() == "Nothing kept yet"
    assert visitor.find(".at-shelf .at-download-all").is_disabled()
    visitor.find(".at-slider .at-thumb").nth(1).click()
    first, look = visitor.design(), visitor.drawn()
    visitor.keep()
    visitor.notice("Kept in your collection.")
    visitor.find(".at-explore .at-keep").click()
    visitor.notice("already")
    assert names(visitor) == ["Colour 1"]
    assert visitor.find(".at-shelf .at-blend-two").is_disabled()
    second = surprise(visitor)
    visitor.keep()
    visitor.reload()
    holds(visitor, "Colour 2", "Colour 1")
    assert visitor.thumbs(".at-shelf") == [second, first]
    assert visitor.find(".at-count").inner_text() == "2 kept"

    visitor.find(SHELF).nth(1).click()
    visitor.sees(look)
    assert visitor.design() == first
    # From the shelf of another tab, too.
    surprise(visitor)
    visitor.tab("Collection")
    visitor.find(SHELF).nth(1).click()
    visitor.find("#explore").wait_for()
    visitor.sees(look)


def test_rename_remove_and_think_again(visitor: Visitor) -> None:
    first = visitor.design()
    visitor.keep()
    surprise(visitor)
    visitor.keep()
    visitor.tab("Collection")
    cards = visitor.find(".at-kept-card")
    visitor.until(lambda: cards.count() == 2)
    name = cards.nth(1).locator(".at-name")
    name.fill("  Evening bag  ")
    name.press("Enter")
    holds(visitor, "Colour 2", "Evening bag")
    cards.nth(1).locator(".at-name").fill(" ")
    cards.nth(1).locator(".at-name").press("Enter")
    assert cards.nth(1).locator(".at-name").input_value() == "Evening bag"

    cards.nth(1).get_by_role("button", name="Remove").click()
    holds(visitor, "Colour 2")
    assert cards.count() == 1
    visitor.notice("Removed Evening bag.")
    visitor.find(".at-notice button").click()
    holds(visitor, "Colour 2", "Evening bag")
    cards.nth(0).get_by_role("button", name="Remove").click()
    holds(visitor, "Evening bag")
    visitor.reload()
    holds(visitor, "Evening bag")
    visitor.tab("Collection")
    cards.get_by_role("button", name="Open", exact=True).click()
    visitor.find("#explore").wait_for()
    assert visitor.design() == first
    visitor.drawn()
    visitor.tab("Collection")
    cards.get_by_role("button", name="Remove").click()
    visitor.find(".at-empty").wait_for()
    visitor.reload()
    assert names(visitor) == []


def test_the_whole_collection_is_downloaded(visitor: Visitor, studio_renderer: Renderer) -> None:
    first = visitor.design()
    visitor.keep()
    visitor.choose("grey")
    visitor.drawn()
    visitor.keep()
    with visitor.page.expect_download() as download:
        visitor.find(".at-shelf .at-download-all").click()
    assert download.value.suggested_filename == "designs.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["Colour 1.png", "Grey 1.png"]
        carried = exports.from_png(archive.read("Colour 1.png"))
    assert carried.fingerprint == studio_renderer.checkpoints()["colour"].fingerprint
    assert {**carried.to_dict(), "fingerprint": ""} == {**first, "fingerprint": ""}

    visitor.tab("Collection")
    with visitor.page.expect_download() as download:
        visitor.find(".at-collection .at-download-all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == 2
    with visitor.page.expect_download() as download:
        visitor.find(".at-kept-card").first.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "Grey 1.png"


def test_a_tab_takes_no_click_before_it_can_follow_it(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor(new=True)
    held: list[Route] = []
    visitor.page.route("**/studio-page/collection.js", lambda route: held.append(route))
    visitor.open().keep()
    visitor.tab("Collection")
    visitor.until(lambda: len(held) == 1)
    everything = visitor.find(".at-collection .at-download-all")
    with pytest.raises(TimeoutError):
        everything.click(timeout=300)
    held[0].continue_()
    with visitor.page.expect_download():
        everything.click()


def test_a_visitors_tabs_share_a_collection_and_visitors_do_not(
    make_visitor: Callable[..., Visitor],
) -> None:
    here, stranger = make_visitor().open(), make_visitor().open()
    there = here.another_tab()
    here.keep()
    holds(there, "Colour 1")
    surprise(there)
    there.keep()
    holds(here, "Colour 2", "Colour 1")
    here.tab("Collection")
    here.find(".at-kept-card").nth(1).get_by_role("button", name="Remove").click()
    holds(there, "Colour 2")
    surprise(there)
    there.keep()
    holds(here, "Colour 1", "Colour 2")
    assert names(stranger) == []
    stranger.keep()
    holds(stranger, "Colour 1")
    here.reload()
    holds(here, "Colour 1", "Colour 2")


def test_a_damaged_storage_is_an_empty_collection(visitor: Visitor) -> None:
    visitor.watch.allow("Error reading from localStorage")  # Gradio says so; it goes on
    visitor.page.evaluate("localStorage.setItem('atelier-collection', 'damaged')")
    visitor.reload()
    assert names(visitor) == []
    visitor.keep()
    visitor.reload()
    holds(visitor, "Colour 1")


def test_a_hostile_collection_does_no_harm(visitor: Visitor) -> None:
    visitor.watch.allow("run/sheet")  # asked to draw what can't be drawn
    good = {"generator": "colour", "seed": 77}
    kept = [
        *(None, 5, "text", [], {}, {"id": 1}, {"id": "a", "name": "a", "design": "text"}),
        {"id": "b", "name": {"toString": "x"}, "design": good},
        {"id": "c", "name": "c", "design": {"generator": {"name": "colour"}}},
        {"id": "d", "name": MARKUP, "design": good},
        {"id": "e", "name": "Gone", "design": {"generator": MARKUP, "seed": 1}},
        {"id": "f", "name": "Undrawable", "design": {**good, "dimensions": [[999, 1]]}},
        {"id": "g", "name": "Good", "design": {**good, "seed": 78}},
    ]
    send = "(kept) => new BroadcastChannel('atelier-collection').postMessage(kept)"
    visitor.page.evaluate(send, "text")
    visitor.page.evaluate(send, kept)
    holds(visitor, "Good", "Undrawable", "Gone", MARKUP)
    # One that can't be drawn does not take its neighbours with it.
    drawn = "(at) => lookOf(document.querySelectorAll('.at-shelf canvas')[at]).startsWith('66x66')"
    visitor.wait(drawn, 0)
    visitor.wait(drawn, 3)

    before = visitor.design()
    visitor.find(SHELF).nth(2).click()
    visitor.notice(f"The generator {MARKUP} of this design is not here.")
    assert visitor.design() == before
    visitor.find(SHELF).nth(1).click()
    visitor.find(".at-explore .at-error").get_by_text("fine controls").wait_for()
    visitor.find(SHELF).nth(3).click()
    visitor.find(".at-explore .at-error").wait_for(state="hidden")
    visitor.drawn()
    assert visitor.design() == good

    visitor.tab("Collection")
    cards = visitor.find(".at-kept-card")
    visitor.until(lambda: cards.count() == 4)
    assert cards.nth(3).locator(".at-name").input_value() == MARKUP
    cards.nth(2).get_by_role("button", name="Blend").click()
    visitor.notice("is not here")
    cards.nth(3).get_by_role("button", name="Remove").click()
    visitor.notice(f"Removed {MARKUP}.")
    holds(visitor, "Good", "Undrawable", "Gone")
    visitor.reload()
    holds(visitor, "Good", "Undrawable", "Gone")
    visitor.tab("Blend")
    visitor.find(".at-from-kept .at-thumb").nth(2).click()
    visitor.notice("is not here")
    assert visitor.find(".at-shelf img, .at-collection img, .at-notice img").count() == 0


def test_a_large_collection_is_drawn_on_few_sheets(visitor: Visitor) -> None:
    kept = [
        {"id": str(seed), "name": f"Design {seed}", "design": {"generator": "grey", "seed": seed}}
        for seed in range(200)
    ]
    visitor.all_drawn()
    asked: list[str] = []

    def note(request: Request) -> None:
        if "run/sheet" in request.url:
            asked.append(request.url)

    visitor.page.on("request", note)
    visitor.page.evaluate(
        "(kept) => new BroadcastChannel('atelier-collection').postMessage(kept)", kept
    )
    visitor.wait(
        """() => {
            const all = [...document.querySelectorAll(".at-shelf canvas")];
            return all.length === 200 && all.every((each) => each.width === each.clientWidth);
        }"""
    )
    assert len(asked) == 4  # 64 designs on one
    visitor.tab("Collection")
    visitor.until(lambda: visitor.find(".at-kept-card canvas").count() == 200)
    visitor.wait(
        """() => [...document.querySelectorAll(".at-kept-card canvas")]
            .every((each) => each.width === each.clientWidth)"""
    )
    assert sum(url.endswith("/sheet") for url in asked) == 4
