"""The list of runs: watching another, renaming, downloading, deleting; and who comes next."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from acting import Stage
from following import TITLES, VERDICT, act, look_again, row
from serving import Server
from visiting import Visitor


@pytest.fixture(scope="module")
def server(own_server: Server) -> Server:
    """A studio whose runs these tests play, in place of the one that others visit."""
    return own_server


@pytest.fixture
def visitor(
    stage: Stage, make_visitor: Callable[..., Visitor], make_checkpoint: Callable
) -> Visitor:
    """Watches “Shoes”, which trains; “Bags” was finished yesterday and has a generator."""
    yesterday = time.time() - 86_400
    bags = stage.play("bags", "Bags", created_at=yesterday).has_made(make_checkpoint)
    bags.learn(1500).say("finished", "Finished.").die()
    stage.play("shoes", "Shoes").learn(100)
    result = make_visitor().open()
    result.tab("Train on my photos")
    result.find(".at-run").nth(1).wait_for()
    return result


def test_the_one_that_trains_is_watched_until_another_is_chosen(visitor: Visitor) -> None:
    assert visitor.find(TITLES).all_inner_texts() == ["Shoes", "Bags"]
    visitor.find(VERDICT).get_by_text("Still improving.").wait_for()
    assert row(visitor, "Shoes").inner_text().count("training · 10 min left · 40 photos") == 1
    assert not act(visitor, "Shoes", "Delete").is_visible()
    row(visitor, "Bags").locator(".at-run-choose").click()
    visitor.find(VERDICT).get_by_text("Finished.").wait_for()
    assert visitor.find(".at-watched-title").inner_text() == "Bags"
    visitor.wait(
        "() => document.querySelector('.at-lapse-caption').textContent.startsWith('after 96,000')"
    )
    visitor.reload()
    visitor.tab("Train on my photos")
    visitor.find(VERDICT).get_by_text("Finished.").wait_for()
    assert visitor.find(".at-watched-title").inner_text() == "Bags"


def test_a_run_is_renamed_in_place(visitor: Visitor, stage: Stage) -> None:
    act(visitor, "Bags", "Rename").click()
    field = visitor.find(".at-run-name")
    assert field.input_value() == "Bags"
    field.press("Escape")
    assert visitor.find(TITLES).all_inner_texts() == ["Shoes", "Bags"]
    act(visitor, "Bags", "Rename").click()
    field.fill("  <i>Totes</i> ")
    # What comes meanwhile does not take the field away.
    stage.actors[1].learn(200)
    look_again(visitor)
    visitor.find(".at-facts").get_by_text("12,800").wait_for()
    assert field.input_value() == "  <i>Totes</i> "
    field.press("Enter")
    row(visitor, "<i>Totes</i>").wait_for()
    option = '.at-option[data-name="bags"] strong'
    visitor.wait("(s) => document.querySelector(s)?.textContent === '<i>Totes</i>'", option)


def test_a_run_is_downloaded(visitor: Visitor, tmp_path: Path) -> None:
    with visitor.page.expect_download() as download:
        act(visitor, "Bags", "Download").click()
    assert download.value.suggested_filename == "Bags.zip"
    download.value.save_as(tmp_path / "bags.zip")
    with ZipFile(tmp_path / "bags.zip") as archive:
        assert {"bags/card.json", "bags/generator.safetensors"} <= set(archive.namelist())


def test_a_run_is_deleted_in_two_steps(visitor: Visitor, server: Server) -> None:
    visitor.module("store.js", "({ reloadGenerators }) => reloadGenerators()")
    assert visitor.find('.at-option[data-name="bags"]').count() == 1
    act(visitor, "Bags", "Delete").click()
    # A double click on the first one does not answer the question.
    act(visitor, "Bags", "Delete").dispatch_event("click", {"detail": 2})
    act(visitor, "Bags", "Keep it").click()
    visitor.module("training-store.js", "({ refreshHome }) => refreshHome()")
    assert row(visitor, "Bags").is_visible() and (server.runs / "bags").is_dir()
    act(visitor, "Bags", "Delete").click()
    act(visitor, "Bags", "Delete").click()
    row(visitor, "Bags").wait_for(state="detached")
    assert not (server.runs / "bags").exists()
    visitor.wait("""() => !document.querySelector('.at-option[data-name="bags"]')""")
    assert visitor.find(".at-watched-title").inner_text() == "Shoes"


def test_who_waits_is_told_the_place(visitor: Visitor, stage: Stage) -> None:
    now = time.time()
    for at, (name, title) in enumerate((("coats", "Coats"), ("hats", "Hats"))):
        waiting = stage.play(name, title, created_at=now + 60 * at)
        waiting.say("waiting", "Waiting in line.", queued_at=now + 60 * at)
    visitor.module("training-store.js", "({ refreshHome }) => refreshHome()")
    assert visitor.find(TITLES).all_inner_texts() == ["Hats", "Coats", "Shoes", "Bags"]
    assert "next in the queue" in row(visitor, "Coats").inner_text()
    assert "second in the queue" in row(visitor, "Hats").inner_text()
    row(visitor, "Hats").locator(".at-run-choose").click()
    visitor.find(VERDICT).get_by_text("Second in the queue.").wait_for()
    assert visitor.find(".at-trainings").inner_text() == "3 trainings"


def test_a_run_that_ends_elsewhere_on_the_page(visitor: Visitor, stage: Stage) -> None:
    visitor.tab("Explore")
    stage.actors[1].say("finished", "Finished.").die()
    look_again(visitor)
    visitor.notice("Shoes is finished.")
    visitor.find(".at-notice button").click()
    visitor.find(VERDICT).get_by_text("Finished.").wait_for()
