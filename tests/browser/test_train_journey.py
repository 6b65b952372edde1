"""From photos to a slider: real files, a real server and trainings that really train, on a CPU.

No length is awaited: what trains here would do so for hours, and is stopped; what ends by itself
is so short that it does on any machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from following import (
    CAPTION,
    CHART,
    FRAME,
    LAPSE,
    PATIENCE,
    TITLES,
    VERDICT,
    act,
    ask,
    comes_to,
    knows,
    look_again,
    row,
    settled,
    step,
)
from sending import START, checked, choose, enter, reason
from serving import Server, remove
from visiting import EASEL, FIRST_SLIDER, Visitor

COUNT = 40
HOURS, SECONDS = 100_000, 0.1  # thousands of images shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]) -> Path:
    return make_photos(tmp_path_factory.mktemp("journey") / "autumn-line", COUNT)


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


@pytest.fixture
def captioned(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    """A zip of photos, all but the last of which have captions."""
    folder = make_photos(tmp_path / "captioned", COUNT)
    colours = ("red", "green", "blue")
    rows = [f"{at:03d}.png,{colours[at % 3]} shirt" for at in range(COUNT - 1)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return Path(shutil.make_archive(str(folder), "zip", folder))


@pytest.fixture(scope="module")
def server(own_server: Server) -> Server:
    """A studio where nobody else trains."""
    return own_server


@pytest.fixture
def clean(server: Server) -> Iterator[None]:
    """Nothing is left of a test's trainings, once its visitor has gone."""
    yield
    server.end_trainings()
    remove(server.runs)


@pytest.fixture
def guest(clean: None, make_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor on the training tab of a studio that has trained nothing yet."""
    visitor = make_visitor().open()
    visitor.context.set_default_timeout(1000 * PATIENCE)
    return enter(visitor)


def start(guest: Visitor, title: str, kimg: float) -> None:
    """Press Start, with a length of one's own."""
    guest.find(".at-title").fill(title)
    if guest.find("#at-advanced-kimg").count() == 0:
        guest.find(".at-open-advanced").click()
    guest.find("#at-advanced-kimg").wait_for()
    guest.design_number("#at-advanced-kimg", str(kimg))
    guest.find(START).click()
    row(guest, title).wait_for()


def goes_on(guest: Visitor, since: int) -> None:
    """Wait until the watched run is beyond a step, which it must not fall behind.

    A process that has just begun has not said its step yet.
    """
    seen = [since]

    def beyond() -> bool:
        look_again(guest)
        guest.page.wait_for_timeout(100)
        now = step(guest)
        seen.append(since if now is None else now)
        return seen[-1] > since

    guest.until(beyond, PATIENCE)
    assert min(seen) == since


def test_a_zip_becomes_a_generator(guest: Visitor, archive: Path, tmp_path: Path) -> None:
    bad = tmp_path / "photos.zip"
    bad.write_bytes(b"This is no zip. " * 100)
    guest.watch.allow("training_check", "500")
    choose(guest, "zip", bad)
    sentence = guest.find(".at-checked .at-bad .at-finding-words")
    assert "broken or incomplete" in sentence.inner_text()
    assert guest.find(START).is_disabled()
    guest.find(".at-other-photos").click()
    choose(guest, "zip", archive)
    checked(guest, COUNT)

    # It starts, and its curve and its pictures move.
    start(guest, "Autumn line", HOURS)
    comes_to(guest, "training")
    assert guest.find(".at-run").count() == 1
    knows(guest, "({ curve, frames }) => curve.length > 2 && frames.length > 1")
    chart = guest.look(CHART)
    guest.find(LAPSE).press("Home")
    guest.find(CAPTION).get_by_text("before the first photo").wait_for()
    first = settled(guest, FRAME)
    guest.find(LAPSE).press("End")
    guest.sees_other_than(first, FRAME)
    assert settled(guest, FRAME) != first
    before = guest.module("training-store.js", "({ training }) => training.frames.length")
    knows(guest, "({ frames }, before) => frames.length > before", before)
    guest.sees_other_than(chart, CHART)
    assert "generator" in guest.find(CHART).get_attribute("aria-label")

    # A reload shows the same run going on.
    reached = step(guest)
    guest.reload()
    guest.tab("Train on my photos")
    goes_on(guest, reached)
    assert guest.find(".at-watched-title").inner_text() == "Autumn line"
    assert guest.find(TITLES).all_inner_texts() == ["Autumn line"]

    # Stopped, it can go on from where it was.
    ask(guest, "Stop")
    comes_to(guest, "stopped")
    guest.find(VERDICT).get_by_text("Stopped and saved.").wait_for()
    stopped = step(guest)
    ask(guest, "Resume")
    goes_on(guest, stopped)
    comes_to(guest, "training")

    # While it trains, it can be played with.
    assert guest.find('.at-option[data-name="autumn-line"]').count() == 1
    guest.find(".at-open").click()
    guest.wait("() => document.querySelector('.at-explore .at-picture').clientWidth > 0")
    guest.find(".at-picker-button").get_by_text("Autumn line").wait_for()
    guest.ready()
    assert guest.design()["generator"] == "autumn-line"
    look = guest.look(EASEL)
    with guest.hold(FIRST_SLIDER) as move:
        move(0.9)
    assert guest.sees_other_than(look) == guest.drawn()

    # What nobody wants any more goes away.
    guest.tab("Train on my photos")
    ask(guest, "Stop")
    comes_to(guest, "stopped")
    act(guest, "Autumn line", "Delete").click()
    act(guest, "Autumn line", "Delete").click()
    row(guest, "Autumn line").wait_for(state="detached")
    guest.find(".at-empty-watch").wait_for()
    guest.find('.at-option[data-name="autumn-line"]').wait_for(state="detached")


def test_two_trainings_outlive_the_app(
    guest: Visitor, folder: Path, captioned: Path, server: Server, tmp_path: Path
) -> None:
    """The second one, of captions, waits for the first, says so, ends by itself and knows words."""
    with ZipFile(tmp_path / "letters.zip", "w") as archive:
        for name in ("read me.txt", "price list.csv"):
            archive.writestr(name, "Not a photo.")
    choose(guest, "zip", tmp_path / "letters.zip")
    sentence = guest.find(".at-checked .at-bad .at-finding-words").first
    assert "no images" in sentence.inner_text()
    assert reason(guest)
    guest.find(".at-other-photos").click()
    choose(guest, "folder", folder)
    checked(guest, COUNT)

    # One trains and one waits.
    start(guest, "First", HOURS)
    comes_to(guest, "training")
    guest.find(".at-other-photos").click()
    choose(guest, "zip", captioned)
    ask_for_words(guest)
    start(guest, "Told in words", SECONDS)
    comes_to(guest, "waiting")
    guest.find(VERDICT).get_by_text("Next in the queue.").wait_for()
    assert "next in the queue" in row(guest, "Told in words").inner_text()
    assert guest.find(".at-watched-title").inner_text() == "Told in words"
    row(guest, "First").locator(".at-run-choose").click()
    comes_to(guest, "training")
    guest.until(lambda: step(guest) is not None, PATIENCE)
    reached = step(guest)

    # The app is killed, which the page says, and started again: both are as they were.
    guest.watch.allow("net::ERR_")  # whatever was under way when it was killed
    server.process.kill()
    server.process.wait()
    guest.find(".at-silent").get_by_text("The studio does not answer.").wait_for()
    server.start().wait()
    goes_on(guest, reached)
    guest.find(".at-silent").wait_for(state="hidden")
    guest.module("training-store.js", "({ refreshHome }) => refreshHome()")
    assert "next in the queue" in row(guest, "Told in words").inner_text()

    # The second one begins when the first one ends.
    ask(guest, "Stop")
    comes_to(guest, "stopped")
    row(guest, "Told in words").locator(".at-run-choose").click()
    comes_to(guest, "finished")
    guest.find(VERDICT).get_by_text("Finished.").wait_for()
    assert "finished" in row(guest, "Told in words").inner_text()
    guest.find('.at-option[data-name="told-in-words"]').wait_for(state="attached")

    # It draws what it is told, in Explore.
    guest.find(".at-open").click()
    guest.find(".at-picker-button").get_by_text("Told in words").wait_for()
    guest.ready()
    looks = []
    for text in ("blue shirt", "red shirt"):
        guest.find("#at-text").fill(text)
        guest.until(lambda text=text: guest.design().get("text") == text)
        looks.append(guest.drawn())
    assert looks[0] != looks[1]


def ask_for_words(guest: Visitor) -> None:
    """Choose to learn from captions, too."""
    checked(guest, COUNT)
    findings = guest.find(".at-checked")
    findings.get_by_text(f"{COUNT - 1} photos have captions. To learn from those too").wait_for()
    # Whoever asks for words is told what has none, and no longer offered what is taken.
    guest.find(".at-all-starts").click()
    guest.find(".at-start-card").filter(has_text="Colourist").click()
    findings.get_by_text("1 image has no caption and won't be used").wait_for()
    assert findings.get_by_text("have captions. To learn").count() == 0
