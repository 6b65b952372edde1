"""Train on my photos: photos are sent and checked, and nothing that was chosen is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route
from sending import CHECKED, START, checked, choose, enter, plan, reason, wish
from visiting import Visitor

UPLOADS = "**/gradio_api/upload"
GOOD, ALL = 40, 42
MEASURING = 120_000  # ms; ample, because the machine may be busy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]) -> Path:
    """40 photos, a folder among them, 2 that are none, and what computers leave in folders."""
    result = make_photos(tmp_path_factory.mktemp("photos") / "autumn-line", GOOD)
    (result / "second").mkdir()
    (result / "000.png").rename(result / "second" / "000.png")
    for name in ("broken.jpg", "IMG_0041.heic"):
        (result / name).write_bytes(name.encode() * 50)
    for name in (".DS_Store", "Thumbs.db", "notes.txt", ".hidden.png"):
        (result / name).write_bytes(b"not a photo")
    return result


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    """The same photos in a zip."""
    return Path(shutil.make_archive(str(folder), "zip", folder))


@pytest.fixture
def guest(visitor: Visitor) -> Visitor:
    """A visitor on the training tab."""
    return enter(visitor)


def test_a_folder_is_sent_and_checked(guest: Visitor, folder: Path) -> None:
    assert reason(guest) == "Choose photos first."
    choose(guest, "folder", folder)
    checked(guest, ALL)
    assert guest.find(CHECKED).count() == 16
    assert guest.find(".at-photos-name").inner_text() == "Autumn line"
    assert guest.find(".at-title").get_attribute("placeholder") == "Autumn line"
    guest.find(".at-closer summary").click()
    shown = guest.find(".at-closer").inner_text()
    assert "broken.jpg" in shown and "IMG_0041.heic" in shown
    assert "DS_Store" not in shown and "notes.txt" not in shown
    asked = wish(guest)
    assert asked["title"] == "Autumn line"
    assert asked["length"] == "good" and asked["advanced"] == {} and asked["where"] == "here"
    # Each choice gets its time; the measuring has to load torch in a process of its own first.
    guest.page.wait_for_function(
        """() => [...document.querySelectorAll(".at-lengths small")]
            .every((each) => /min|h$|not measured/.test(each.textContent))""",
        timeout=MEASURING,
    )


def test_a_zip_is_sent_and_checked(guest: Visitor, archive: Path) -> None:
    choose(guest, "zip", archive)
    # notes.txt and the others that are no photos are in the zip too, and left out there.
    guest.find(CHECKED).first.wait_for()
    assert guest.find(START).is_enabled()
    assert guest.find(".at-photos-name").inner_text() == "Autumn line"
    assert plan(guest)["check"]["images"] == GOOD


def test_a_dropped_folder_is_for_training_not_for_explore(guest: Visitor, folder: Path) -> None:
    design = guest.design()
    devtools = guest.context.new_cdp_session(guest.page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 900, "y": 300, "data": data})
        if kind == "dragOver":
            guest.wait("() => document.querySelector('.at-dragging')")
            assert not guest.page.evaluate("document.body.classList.contains('at-dropping')")
    checked(guest, ALL)
    assert guest.find(".at-dragging").count() == 0
    assert guest.find(".at-photos-name").inner_text() == "Autumn line"
    assert guest.design() == design


def test_what_is_no_zip_is_refused_with_a_sentence(guest: Visitor, tmp_path: Path) -> None:
    bad = tmp_path / "photos.zip"
    bad.write_bytes(b"This is no zip. " * 100)
    guest.watch.allow("training_check", "500")
    choose(guest, "zip", bad)
    sentence = guest.find(".at-checked .at-bad")
    sentence.wait_for()
    assert sentence.inner_text().rstrip().endswith(".")
    assert reason(guest)
    guest.find(".at-other-photos").click()
    assert guest.find(".at-choose-photos").is_visible()
    assert reason(guest) == "Choose photos first."


def test_too_few_photos_can_be_seen_but_not_trained_on(guest: Visitor, folder: Path) -> None:
    choose(guest, "photos", *sorted(folder.glob("*.png"))[1:4])
    guest.find(".at-checked .at-bad").wait_for()
    assert guest.find(CHECKED).count() == 3
    assert "16" in reason(guest)


def test_what_is_no_photo_is_not_even_sent(guest: Visitor, folder: Path, archive: Path) -> None:
    choose(guest, "photos", folder / "notes.txt")
    guest.notice("There are no photos in this.")
    second = shutil.copy(archive, archive.with_name("second.zip"))
    choose(guest, "photos", archive, Path(second))
    guest.notice("A zip goes alone.")
    assert guest.find(".at-drop").is_visible()
    photos = [path for path in folder.iterdir() if path.suffix == ".png" and path.stem.isdigit()]
    choose(guest, "photos", archive, *photos)
    guest.notice("Left out, because a zip goes alone: autumn-line.zip.")
    checked(guest, len(photos))


def test_a_reload_loses_nothing(guest: Visitor, folder: Path) -> None:
    choose(guest, "folder", folder)
    checked(guest, ALL)
    guest.find(".at-title").fill("Meine Taschen")
    guest.find(".at-lengths").get_by_text("Best").click()
    guest.find(".at-starts").get_by_text("Nothing").click()
    guest.find(".at-checked:not([aria-busy])").wait_for()
    before = wish(guest)
    assert before["start_from"] == "" and before["length"] == "best"
    guest.reload()
    guest.tab("Train on my photos")
    checked(guest, ALL)
    assert wish(guest) == before
    assert guest.find(".at-title").input_value() == "Meine Taschen"
    assert guest.find(".at-lengths :checked").get_attribute("value") == "best"


def test_other_photos_can_be_taken_back(guest: Visitor, folder: Path) -> None:
    choose(guest, "folder", folder)
    checked(guest, ALL)
    data = plan(guest)["photos"]["data"]
    guest.find(".at-other-photos").click()
    assert guest.find(".at-drop").is_visible()
    guest.notice("was put aside")
    guest.find(".at-notice button").click()
    checked(guest, ALL)
    assert plan(guest)["photos"]["data"] == data


def test_a_lost_request_is_sent_again(guest: Visitor, folder: Path) -> None:
    guest.watch.allow("ERR_FAILED", "net::")
    left = [1]

    def once(route: Route) -> None:
        if left:
            left.pop()
            return route.abort()
        return route.continue_()

    guest.page.route(UPLOADS, once)
    choose(guest, "folder", folder)
    checked(guest, ALL)
    assert not left


def test_what_was_not_sent_is_named_and_can_be_sent_again(guest: Visitor, folder: Path) -> None:
    guest.watch.allow("ERR_FAILED", "net::")
    guest.page.route(UPLOADS, lambda route: route.abort())
    choose(guest, "folder", folder)
    guest.find(".at-failed").wait_for()
    assert "Not sent: 001.png, 002.png, 003.png and 39 more." in (
        guest.find(".at-sending-words").inner_text()
    )
    assert guest.find(".at-send-without").is_hidden()  # nothing to go on with
    guest.page.unroute(UPLOADS)
    guest.find(".at-send-again").click()
    checked(guest, ALL)


def test_sending_can_be_cancelled(guest: Visitor, folder: Path) -> None:
    held: list[Route] = []
    guest.page.route(UPLOADS, lambda route: held.append(route))
    choose(guest, "folder", folder)
    guest.until(lambda: len(held) == 3)  # as many as are on their way at a time
    assert reason(guest) == "Your photos are still on their way."
    guest.find(".at-send-cancel").click()
    guest.find(".at-drop").wait_for()
    assert reason(guest) == "Choose photos first."
    assert plan(guest)["photos"] is None
    guest.page.unroute(UPLOADS)
    choose(guest, "folder", folder)
    checked(guest, ALL)


def test_limits_are_known_before_anything_is_sent(guest: Visitor, folder: Path) -> None:
    sent: list[str] = []
    guest.page.on("request", lambda request: sent.append(request.url))
    for limit, words in (
        ({"max_upload_bytes": 1000}, "at most 0"),
        ({"max_upload_bytes": 10**9, "max_files": 10}, "at most 10 can be taken"),
    ):
        # The list of runs is asked for now and then, and would bring the true limits back.
        guest.module(
            "training-store.js",
            "({ training }, limit) => { training.home = { ...training.home, ...limit }; }",
            limit,
        )
        choose(guest, "folder", folder)
        guest.notice(words)
    assert not [each for each in sent if each.endswith("/upload")]


def test_folders_in_a_folder_are_named_as_categories(
    guest: Visitor, tmp_path: Path, make_photos: Callable[..., Path]
) -> None:
    for seed, kind in enumerate(("Coats", "Dresses")):
        make_photos(tmp_path / "wardrobe" / kind, 20, seed=seed)
    choose(guest, "folder", tmp_path / "wardrobe")
    checked(guest, 40)
    said = guest.find(".at-checked").inner_text()
    assert "2 categories found: Coats (20) and Dresses (20)." in said
