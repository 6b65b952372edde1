"""Watching a training whose process the test plays: pictures, words and numbers as they come."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from acting import Stage
from following import CAPTION, FRAME, LAPSE, VERDICT, look_again
from playwright.sync_api import Route
from serving import Server
from visiting import FIRST_SLIDER, PHONE, Visitor


@pytest.fixture(scope="module")
def server(own_server: Server) -> Server:
    """A studio whose runs these tests play, in place of the one that others visit."""
    return own_server


def watching(visitor: Visitor) -> Visitor:
    """The visitor, on the tab."""
    visitor.open()
    visitor.tab("Train on my photos")
    visitor.find(".at-watch").wait_for()
    return visitor


def colour(visitor: Visitor) -> list[int]:
    """The colour of the first picture of the grid, as drawn there."""
    visitor.find(FRAME).wait_for()
    return visitor.canvas(FRAME)[8, 8, :3].tolist()


def shows_step(visitor: Visitor, step: int, by_itself: bool = False) -> None:
    """Wait until the newest pictures are there, which the page asks for now and then by itself."""
    if not by_itself:
        look_again(visitor)
    visitor.until(lambda: colour(visitor) == [step % 251, step // 251 % 251, 90])


def looked(visitor: Visitor) -> None:
    """Have the page ask for news and get them."""
    with visitor.page.expect_response("**/run/training_watch"):
        look_again(visitor)
    visitor.page.wait_for_timeout(200)


def test_before_the_first_training(stage: Stage, make_visitor: Callable[..., Visitor]) -> None:
    visitor = watching(make_visitor())
    visitor.find(".at-empty-watch").get_by_text("See it learn.").wait_for()
    assert visitor.find(".at-drawn").is_hidden() and visitor.find(".at-going").is_hidden()
    assert visitor.find(".at-trainings").is_hidden()


def test_a_training_is_followed(stage: Stage, make_visitor: Callable[..., Visitor]) -> None:
    actor = stage.play("autumn", "Autumn line").say("preparing", "Reading the photos.")
    visitor = watching(make_visitor())
    visitor.find(VERDICT).get_by_text("Reading the photos.").wait_for()
    visitor.find(".at-frame-words").get_by_text("The first designs come").wait_for()
    assert visitor.find(".at-open").is_disabled()
    assert visitor.find(".at-trainings").inner_text() == "1 training"

    actor.learn(10, health=None)
    visitor.find(VERDICT).get_by_text("Just started.").wait_for()
    shows_step(visitor, 10)
    visitor.page.evaluate(
        """() => {
            window.shifted = [];
            // Words may flow in their own line as they change; no part of the page moves.
            const parts = ({ sources }) => sources.map(({ node }) => node?.className);
            new PerformanceObserver((list) => {
                window.shifted.push(...list.getEntries().flatMap(parts).filter(Boolean));
            }).observe({ type: "layout-shift" });
        }"""
    )
    for step in (200, 500):
        actor.learn(step)
        shows_step(visitor, step, by_itself=True)
        visitor.find(VERDICT).get_by_text("Its pictures are as varied").wait_for()
    assert visitor.find(VERDICT).inner_text().startswith("Still improving.")
    assert visitor.find(CAPTION).inner_text() == "after 32,000 photos shown · 53 min"
    facts = ["32,000", "10", "10 min", "45.0", "1.5 GB", "800"]
    assert visitor.find(".at-facts dd").all_inner_texts() == facts
    label = visitor.find(".at-chart-canvas").get_attribute("aria-label")
    assert label == "Losses: generator 1.50, discriminator 0.50 after 32,000 photos shown"
    assert visitor.page.evaluate("window.shifted") == []
    visitor.reload()
    visitor.tab("Train on my photos")
    shows_step(visitor, 500)

    actor.say("stopped", "Stopped and saved. Resume to go on where it was.").die()
    look_again(visitor)
    visitor.find(VERDICT).get_by_text("Stopped and saved.").wait_for()
    visitor.find(".at-watch-actions").get_by_text("Resume").wait_for()
    assert visitor.find(".at-watch-actions").get_by_text("Save now").is_hidden()
    visitor.find(".at-trainings").wait_for(state="hidden")


def test_looking_back_in_time(stage: Stage, make_visitor: Callable[..., Visitor]) -> None:
    actor = stage.play("autumn")
    for step in (0, 100, 200, 300):
        actor.learn(step)
    visitor = watching(make_visitor())
    shows_step(visitor, 300)
    with visitor.hold(LAPSE, 1.0) as move:
        move(0.33)
        shows_step(visitor, 100)
    assert visitor.find(CAPTION).inner_text().startswith("after 6,400 photos shown")
    # Who looks back goes on looking there while new ones come.
    actor.learn(400)
    look_again(visitor)
    visitor.wait("(s) => document.querySelector(s).max === '4'", LAPSE)
    assert visitor.find(LAPSE).input_value() == "1"
    shows_step(visitor, 100)
    visitor.find(LAPSE).press("Home")
    shows_step(visitor, 0)
    assert visitor.find(CAPTION).inner_text() == "before the first photo"

    seen = set()
    visitor.find(".at-play").click()
    visitor.find(".at-play").get_by_text("Pause").wait_for()
    while visitor.find(".at-play").inner_text() == "Pause":
        seen.add(visitor.find(LAPSE).input_value())
    assert seen >= {"1", "2", "3"}
    shows_step(visitor, 400)
    # At the end, it follows again.
    actor.learn(500)
    shows_step(visitor, 500)
    assert visitor.find(CAPTION).inner_text().startswith("after 32,000 photos shown")


def test_what_can_be_asked_for(stage: Stage, make_visitor: Callable[..., Visitor]) -> None:
    actor = stage.play("autumn").learn(100)
    visitor = watching(make_visitor())
    for button, wish in (("Sample now", "sample"), ("Save now", "save"), ("Stop", "stop")):
        visitor.page.evaluate("document.querySelector('.at-notice')?.remove()")
        visitor.find(".at-watch").get_by_role("button", name=button).click()
        visitor.find(".at-notice.at-shown").wait_for()
        assert actor.asked() == {wish}
    # What nobody foresaw has no sentence of its own.
    visitor.watch.allow("500")
    visitor.page.route("**/run/training_ask", lambda route: route.fulfill(status=500, json={}))
    visitor.find(".at-watch").get_by_role("button", name="Sample now").click()
    visitor.notice("Something went wrong. Try again;")


def test_open_in_explore_while_it_trains(
    stage: Stage, make_visitor: Callable[..., Visitor], make_checkpoint: Callable
) -> None:
    actor = stage.play("autumn", "Autumn line").learn(100)
    visitor = watching(make_visitor())
    visitor.find(".at-open").click()
    visitor.until(lambda: "checkpoint" in actor.asked())
    assert visitor.find(".at-open").is_disabled()
    actor.has_made(make_checkpoint)
    visitor.ready()
    assert visitor.design()["generator"] == "autumn"
    assert visitor.find(".at-picker-button strong").inner_text() == "Autumn line"
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.8)
    look, design = visitor.drawn(), visitor.design()

    # Later it has learnt more: the same design is drawn with it.
    visitor.tab("Train on my photos")
    visitor.find(".at-open").click()
    visitor.until(lambda: "checkpoint" in actor.asked())
    visitor.watch.allow("run/network")  # of the old weights, which may still be under way
    actor.has_made(make_checkpoint, seed=2)
    visitor.sees_other_than(look)
    visitor.ready()
    assert visitor.design() == design


def test_a_process_that_is_gone(stage: Stage, make_visitor: Callable[..., Visitor]) -> None:
    actor = stage.play("autumn").learn(100)
    visitor = watching(make_visitor())
    visitor.find(VERDICT).get_by_text("Still improving.").wait_for()
    actor.print("<b>Killed</b>")
    actor.die()
    look_again(visitor)
    visitor.find(VERDICT).get_by_text("Interrupted.").wait_for()
    visitor.find(".at-printed summary").click()
    assert visitor.find(".at-printed pre").inner_text() == "<b>Killed</b>"
    assert visitor.find(".at-watch-actions").get_by_text("Resume").is_enabled()


def test_no_answer_is_said_and_asked_for_again(
    stage: Stage, make_visitor: Callable[..., Visitor]
) -> None:
    actor = stage.play("autumn").learn(100)
    visitor = watching(make_visitor())
    shows_step(visitor, 100)
    held: list[Route] = []
    hold = lambda route: held.append(route) if len(held) < 2 else route.continue_()  # noqa: E731
    visitor.page.route("**/run/training_watch", hold)
    visitor.until(lambda: len(held) == 1)
    visitor.page.wait_for_timeout(2500)
    assert len(held) == 1  # however long an answer takes, no second one is asked for
    visitor.watch.allow("ERR_FAILED")
    held[0].abort()
    visitor.find(".at-silent").get_by_text("The studio does not answer.").wait_for()
    begin = time.monotonic()
    visitor.until(lambda: len(held) == 2)
    assert time.monotonic() - begin > 1  # it isn't pressed
    held[1].abort()
    actor.learn(200)
    shows_step(visitor, 200)
    assert visitor.find(".at-silent").is_hidden()


def test_on_a_phone_the_pictures_come_first(
    stage: Stage, make_visitor: Callable[..., Visitor]
) -> None:
    title = "Totes and weekenders from the archive in Milan, the second attempt"
    stage.play("autumn", title).learn(100, notes=["Halved the batch."])
    visitor = watching(make_visitor(viewport=PHONE, is_mobile=True, has_touch=True))
    shows_step(visitor, 100)
    tops = [visitor.find(each).first.bounding_box()["y"] for each in (
        FRAME, LAPSE, VERDICT, ".at-chart-canvas", ".at-open", ".at-notes", ".at-run", ".at-photos",
    )]  # fmt: skip
    assert tops == sorted(tops)
    for each in (FRAME, ".at-numbers", ".at-watch-actions", ".at-run", ".at-watched-title"):
        box = visitor.find(each).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    assert visitor.page.evaluate("document.scrollingElement.scrollWidth") == PHONE["width"]
    assert visitor.find(".at-status").is_hidden()


def test_a_lent_gpu_is_asked_for_slice_by_slice(
    stage: Stage, make_visitor: Callable[..., Visitor]
) -> None:
    stage.play("autumn").learn(100)
    visitor = make_visitor()

    def lent(route: Route) -> None:
        answer = route.fetch()
        [home] = answer.json()["data"]
        route.fulfill(response=answer, json={"data": [{**home, "hosted": "zero-gpu"}]})

    held: list[Route] = []
    visitor.page.route("**/run/training_home", lent)
    visitor.page.route("**/run/training_slice", lambda route: held.append(route))
    watching(visitor)
    visitor.find(".at-slices").get_by_text("Keep this page open").wait_for()
    visitor.until(lambda: len(held) == 1)
    looked(visitor)
    assert len(held) == 1  # one slice at a time
    run = visitor.module("training-store.js", "({ training }) => training.run")
    held[0].fulfill(json={"data": [run]})
    visitor.until(lambda: len(held) == 2)
    visitor.watch.allow("500")
    held[1].fulfill(status=500, json={"error": "Your GPU minutes of today are used up."})
    visitor.find(".at-slices").get_by_text("minutes of today are used up").wait_for()
    looked(visitor)
    assert len(held) == 2  # nor is it pressed after a refusal
