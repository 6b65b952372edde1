"""Explore starts from a photo: chosen, dropped or pasted, it becomes the design on the easel."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from photo_parts import as_file, garment, write
from playwright.sync_api import Browser, Route
from serving import Server
from visiting import FIRST_SLIDER, SAVES_DATA, Visitor

from studio import exports
from studio.checkpoint import Checkpoint
from studio.design import from_dict
from studio.inversion.photos import from_photo
from studio.render import Renderer

CONTROL = ".at-from-photo"
WORKING = ".at-working"
START: dict[str, Any] = {"generator": "coded", "seed": 0, "label": 0}
COLOUR = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
CARRY = """({ bytes, name, how }) => {
    const content = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([content], name, { type: "image/png" }));
    const settings = { bubbles: true, cancelable: true };
    const send = (event) => document.querySelector(".at-easel").dispatchEvent(event);
    if (how === "paste") {
        send(new ClipboardEvent("paste", { ...settings, clipboardData: transfer }));
        return "";
    }
    send(new DragEvent("dragover", { ...settings, dataTransfer: transfer }));
    const said = getComputedStyle(document.body, "::after").content;
    send(new DragEvent("drop", { ...settings, dataTransfer: transfer }));
    return said;
}"""


@pytest.fixture(scope="module")
def renderer(
    tmp_path_factory: pytest.TempPathFactory, make_checkpoint: Callable[..., Checkpoint]
) -> Renderer:
    """``coded``, which takes photos, and ``plain``, which takes none."""
    root = tmp_path_factory.mktemp("photo-checkpoints")
    write(root / "coded")
    make_checkpoint(root / "plain", COLOUR, seed=1)
    return Renderer(root)


@pytest.fixture(scope="module")
def server(
    browser: Browser, renderer: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with these two generators alone."""
    result = Server(renderer.roots[0], tmp_path_factory.mktemp("photo-server"))
    yield result.start().wait()
    result.stop()


@pytest.fixture
def visitor(make_visitor: Callable[..., Visitor]) -> Visitor:
    result = make_visitor(new=True)
    result.context.add_init_script(SAVES_DATA)  # else the studio would export both for the page
    result.open()
    assert result.design() == START
    return result


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{colour}.png" for colour in ("teal", "crimson", "olive")]
    for each in paths:
        each.write_bytes(as_file(garment(colour=each.stem)))
    return paths


def choose(visitor: Visitor, path: Path) -> None:
    """Open the file picker with the keyboard."""
    with visitor.page.expect_file_chooser() as chooser:
        visitor.find(f"{CONTROL} button").press("Enter")
    chooser.value.set_files(path)


def drop(visitor: Visitor, path: Path) -> str:
    return carry(visitor, path, "drop")


def paste(visitor: Visitor, path: Path) -> str:
    return carry(visitor, path, "paste")


def carry(visitor: Visitor, path: Path, how: str) -> str:
    """Drop or paste a file; what is said while it is dragged over the page."""
    data = base64.b64encode(path.read_bytes()).decode()
    return visitor.page.evaluate(CARRY, {"bytes": data, "name": path.name, "how": how})


def made_of(renderer: Renderer, path: Path) -> dict[str, Any]:
    return from_photo(renderer, "coded", path.read_bytes()).to_dict()


def becomes(visitor: Visitor, design: dict[str, Any]) -> str:
    """Wait until a design is on the easel, and drawn; its look."""
    visitor.until(lambda: visitor.design() == design)
    return visitor.drawn()


def test_a_photo_becomes_the_design(
    visitor: Visitor, renderer: Renderer, photos: list[Path]
) -> None:
    looks = [visitor.look()]
    designs = [START]
    for way, path in zip((choose, drop, paste), photos, strict=True):
        way(visitor, path)
        designs.append(made_of(renderer, path))
        looks.append(becomes(visitor, designs[-1]))
        visitor.wait("(s) => !document.querySelector(s).textContent", WORKING)
    assert len(set(looks)) == 4
    # It can't be more or less typical: what would do nothing can't be moved.
    assert visitor.find("#at-adventure").is_disabled()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.9)
        visitor.sees_other_than(looks[-1])
    moved = visitor.design()
    assert moved["photo"] == designs[-1]["photo"] and moved["directions"]
    visitor.keep()
    visitor.find(".at-undo").click()
    for design, look in zip(designs[::-1], looks[::-1], strict=True):
        assert visitor.design() == design
        visitor.sees(look)
        if design != START:
            visitor.find(".at-undo").click()
    assert visitor.find(".at-undo").is_disabled()
    assert visitor.find("#at-adventure").is_enabled()


def test_a_picture_from_here_opens_its_design(
    visitor: Visitor, renderer: Renderer, tmp_path: Path
) -> None:
    wanted = from_dict({**START, "seed": 3, "directions": [[0, 1.5]]})
    path = tmp_path / "picture.png"
    path.write_bytes(exports.to_png(renderer, wanted, 64))
    drop(visitor, path)
    visitor.notice("Opened the design of this picture.")
    becomes(visitor, renderer.stamped(wanted).to_dict())


def test_a_bad_file_is_said_and_nothing_is_lost(
    visitor: Visitor, renderer: Renderer, photos: list[Path], tmp_path: Path
) -> None:
    visitor.watch.allow("run/design_from_photo")
    drop(visitor, photos[0])
    design = made_of(renderer, photos[0])
    look = becomes(visitor, design)
    text, cut, large = (tmp_path / f"{name}.png" for name in ("text", "cut", "large"))
    text.write_text("This is no picture.")
    cut.write_bytes(photos[1].read_bytes()[:200])
    with large.open("wb") as file:
        file.truncate(32 * 2**20 + 1)
    for path, words in (
        (text, "This photo can't be used (not an image); choose another"),
        (cut, "This photo can't be used (cut short"),
        (large, "This file is larger than 32 MB. Choose a smaller copy of the photo."),
    ):
        choose(visitor, path)
        visitor.notice(words)
        assert not visitor.find(WORKING).inner_text()
        assert visitor.design() == design
        visitor.sees(look)
    visitor.find(".at-undo").click()
    assert visitor.design() == START
    assert visitor.find(".at-undo").is_disabled()


def test_it_is_offered_where_the_generator_takes_photos(
    visitor: Visitor, renderer: Renderer, photos: list[Path]
) -> None:
    assert visitor.find(CONTROL).is_visible()
    visitor.choose("plain")
    visitor.find(CONTROL).wait_for(state="hidden")
    visitor.drawn()
    before = visitor.design()
    assert drop(visitor, photos[0]) == '"Drop the picture to open its design"'
    visitor.notice("Plain can't start from a photo. Choose Coded first")
    assert visitor.design() == before
    visitor.choose("coded")
    visitor.find(CONTROL).wait_for()
    assert drop(visitor, photos[0]) == '"Drop the photo to start from it"'
    becomes(visitor, made_of(renderer, photos[0]))
    # What is pasted into a field, or while another tab is open, is for that.
    visitor.find(".at-undo").click()
    kept = visitor.design()
    visitor.tab("Collection")
    paste(visitor, photos[1])
    visitor.tab("Explore")
    assert visitor.design() == kept and not visitor.find(WORKING).inner_text()


def test_the_newest_photo_and_another_generator_win(
    visitor: Visitor, renderer: Renderer, photos: list[Path]
) -> None:
    held: list[Route] = []
    visitor.page.route("**/run/design_from_photo", lambda route: held.append(route))

    def give(path: Path) -> None:
        count = len(held)
        drop(visitor, path)
        visitor.until(lambda: len(held) > count)

    def let_go(route: Route) -> None:
        with visitor.page.expect_response("**/run/design_from_photo") as answer:
            route.continue_()
        answer.value.finished()
        visitor.page.wait_for_timeout(50)  # in which a stale one would be taken

    give(photos[0])
    give(photos[1])
    assert visitor.find(WORKING).inner_text() == "Making a design of your photo…"
    let_go(held[0])
    assert visitor.design() == START
    assert visitor.find(WORKING).is_visible()
    let_go(held[1])
    becomes(visitor, made_of(renderer, photos[1]))
    assert not visitor.find(WORKING).inner_text()

    give(photos[2])
    visitor.choose("plain")
    visitor.drawn()
    assert not visitor.find(WORKING).inner_text()
    plain = visitor.design()
    let_go(held[2])
    assert visitor.design() == plain
    # Each of the others is one step.
    for expected in (made_of(renderer, photos[1]), START):
        visitor.find(".at-undo").click()
        assert visitor.design() == expected
    assert visitor.find(".at-undo").is_disabled()
