"""From photos with captions to a generator that draws by words, on the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from following import PATIENCE, VERDICT, comes_to, row
from sending import START, checked, choose, enter
from visiting import Server, Visitor

COUNT = 24
KIMG = 0.2  # thousands of images shown: so short that it ends by itself on any machine


@pytest.fixture
def server(own_server: Server) -> Iterator[Server]:
    """A studio where nobody else trains, and of whose trainings nothing is left."""
    yield own_server
    own_server.end_trainings()
    shutil.rmtree(own_server.runs, ignore_errors=True)


@pytest.fixture
def guest(server: Server, make_visitor: Callable[..., Visitor]) -> Visitor:
    visitor = make_visitor().open()
    visitor.context.set_default_timeout(1000 * PATIENCE)
    return enter(visitor)


@pytest.fixture
def captioned(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    """A zip of photos, all but the last of which have captions."""
    folder = make_photos(tmp_path / "captioned", COUNT)
    colours = ("red", "green", "blue")
    rows = [f"{at:03d}.png,{colours[at % 3]} shirt" for at in range(COUNT - 1)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return Path(shutil.make_archive(str(folder), "zip", folder))


def test_captions_become_a_generator_that_draws_by_words(guest: Visitor, captioned: Path) -> None:
    choose(guest, "zip", captioned)
    checked(guest, COUNT)
    findings = guest.find(".at-checked")
    findings.get_by_text(f"{COUNT - 1} photos have captions. To learn from those too").wait_for()

    # Whoever asks for words is told what has none, and no longer offered what is taken.
    guest.find(".at-all-starts").click()
    guest.find(".at-start-card").filter(has_text="Colourist").click()
    findings.get_by_text("1 image has no caption and won't be used").wait_for()
    assert findings.get_by_text("have captions. To learn").count() == 0

    guest.find(".at-title").fill("Told in words")
    guest.find(".at-open-advanced").click()
    guest.find("#at-advanced-kimg").wait_for()
    guest.design_number("#at-advanced-kimg", str(KIMG))
    guest.find(START).click()
    row(guest, "Told in words").wait_for()
    comes_to(guest, "finished")
    guest.find(VERDICT).get_by_text("Finished.").wait_for()

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
