"""Pictures and links that leave the page and bring their design back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from visiting import FIRST_SLIDER, Visitor

from studio import exports


def shape(visitor: Visitor) -> None:
    """Leave the beaten track: another generator, two sliders, daring."""
    visitor.choose("grey")
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.8)
    with visitor.hold("#at-adventure", 0.8 / 1.5) as move:
        move(0.9)


def plain(design: dict) -> dict:
    return {name: value for name, value in design.items() if name != "fingerprint"}


def drop(visitor: Visitor, path: Path) -> None:
    """Drag a file onto the page and let it go."""
    transfer = visitor.page.evaluate_handle(
        """({ bytes, name }) => {
            const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([content], name, { type: "image/png" }));
            return transfer;
        }""",
        {"bytes": base64.b64encode(path.read_bytes()).decode(), "name": path.name},
    )
    visitor.page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    assert visitor.page.evaluate("document.body.classList.contains('at-dropping')")
    visitor.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    assert not visitor.page.evaluate("document.body.classList.contains('at-dropping')")


def choose(visitor: Visitor, path: Path) -> None:
    """Open a file with the button of the Collection."""
    visitor.tab("Collection")
    with visitor.page.expect_file_chooser() as chooser:
        visitor.find(".at-open-picture").click()
    chooser.value.set_files(path)


def test_a_downloaded_picture_reopens(make_visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    visitor = make_visitor().open()
    shape(visitor)
    design, look = visitor.design(), visitor.drawn()
    with visitor.page.expect_download() as download:
        visitor.find(".at-download").click()
    assert download.value.suggested_filename == "Grey.png"
    path = tmp_path / "picture.png"
    download.value.save_as(path)
    with Image.open(path) as image:
        assert image.size == (1008, 1008)  # 36 whole pixels for each of 28
    assert exports.from_png(path.read_bytes()).to_dict().items() >= design.items()

    stranger = make_visitor().open()
    drop(stranger, path)
    stranger.sees(look)
    stranger.notice("Opened the design of this picture.")
    assert plain(stranger.design()) == design
    stranger.find(".at-undo").click()
    assert stranger.design() == {"generator": "colour", "seed": 0}
    choose(stranger, path)
    stranger.find("#explore").wait_for()
    stranger.sees(look)
    assert plain(stranger.design()) == design
    # It is the same design: kept once, it is not kept again.
    stranger.keep()
    stranger.module("store.js", "({ settle }, design) => settle(design)", design)
    stranger.find(".at-explore .at-keep").click()
    stranger.notice("already")


@contextmanager
def nothing_lost(visitor: Visitor) -> Iterator[None]:
    design, look = visitor.design(), visitor.drawn()
    yield
    visitor.tab("Explore")
    assert visitor.design() == design
    visitor.sees(look)


def test_a_foreign_file_is_refused(visitor: Visitor, tmp_path: Path) -> None:
    visitor.watch.allow("run/open_picture")
    foreign, text = tmp_path / "foreign.png", tmp_path / "text.png"
    Image.new("RGB", (64, 64), "teal").save(foreign)
    text.write_text("This is no picture.")
    shape(visitor)
    for way in (drop, choose):
        with nothing_lost(visitor):
            way(visitor, foreign)
            visitor.notice("This picture carries no design")
        with nothing_lost(visitor):
            way(visitor, text)
            visitor.notice("This is not a picture that can be opened here.")


def test_a_copied_link_opens_the_very_design(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor(permissions=["clipboard-read", "clipboard-write"]).open()
    shape(visitor)
    design, look = visitor.design(), visitor.drawn()
    visitor.find(".at-link").click()
    visitor.notice("Link copied.")
    link = visitor.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{visitor.url}/?design=")
    assert visitor.page.url == f"{visitor.url}/"

    stranger = make_visitor().open(link.removeprefix(f"{visitor.url}/"))
    stranger.sees(look)
    assert plain(stranger.design()) == design
    assert stranger.page.url == f"{visitor.url}/"
    assert stranger.find(".at-undo").is_disabled()
    stranger.reload()
    stranger.sees(look)


def test_without_a_clipboard_the_link_is_in_the_address_bar(
    make_visitor: Callable[..., Visitor],
) -> None:
    visitor = make_visitor(new=True)
    visitor.context.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined })"
    )
    visitor.open()
    shape(visitor)
    design, look = visitor.design(), visitor.drawn()
    visitor.find(".at-link").click()
    visitor.notice("The link is in the address bar now")
    assert "?design=" in visitor.page.url
    visitor.page.evaluate("sessionStorage.clear()")
    visitor.reload()
    visitor.sees(look)
    assert plain(visitor.design()) == design


def test_a_damaged_link_is_said_and_forgotten(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor()
    visitor.watch.allow("run/open_link")
    visitor.page.goto(f"{visitor.url}/?design=%3Cimg%20src%3Dx%3E")
    visitor.notice("damaged")
    visitor.ready()
    assert visitor.page.url == f"{visitor.url}/"
    assert visitor.design() == {"generator": "colour", "seed": 0}
    visitor.find(".at-surprise").click()
    visitor.drawn()
