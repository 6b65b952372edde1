"""Detail on the easel where the hand rests, and the choice of how much a download has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detailed import SIDE, write
from PIL import Image
from playwright.sync_api import Browser, Locator, Route
from serving import Server
from visiting import EASEL, FIRST_SLIDER, SAVES_DATA, Visitor

from studio import design, exports
from studio.checkpoint import Checkpoint
from studio.render import Renderer

FIRST: dict[str, Any] = {"generator": "coded", "seed": 0}
SECOND: dict[str, Any] = {"generator": "coded", "seed": 7}
# Levels of 255, in nearly all pixels: the page and the studio round, and cut what passes white, in
# different places. Detail changes pixels by 20 levels and more, on average.
MOST = 2
RESTED = 1500  # ms, three times what the page waits for


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory, make_checkpoint: Callable[..., Checkpoint]
) -> Path:
    """A generator with detail, and one without."""
    folder = tmp_path_factory.mktemp("detailed")
    write(folder, order=1)
    plain = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
    make_checkpoint(folder / "colour", plain, seed=1, order=2)
    return folder


@pytest.fixture(scope="module")
def renderer(root: Path) -> Renderer:
    return Renderer(root)


@pytest.fixture(scope="module")
def server(
    browser: Browser, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    result = Server(root, tmp_path_factory.mktemp("server"))
    yield result.start().wait()
    result.stop()


class Requests:
    """The page's requests for detail, held until a test lets them go."""

    def __init__(self, visitor: Visitor) -> None:
        self.held: list[Route] = []
        visitor.context.route("**/run/detailed", lambda route: self.held.append(route))
        # Nor is the generator exported, which takes seconds: the studio draws all pictures.
        visitor.watch.allow("404")
        visitor.context.route("**/run/network", lambda route: route.fulfill(status=404))

    @property
    def designs(self) -> list[dict[str, Any]]:
        return [each.request.post_data_json["data"][0] for each in self.held]


@pytest.fixture
def comer(make_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor who is yet to open the page."""
    return make_visitor(new=True)


@pytest.fixture
def requests(comer: Visitor) -> Requests:
    return Requests(comer)


def settle(visitor: Visitor, values: dict[str, Any]) -> None:
    visitor.module("store.js", "({ settle }, design) => settle(design)", values)


def shows(
    visitor: Visitor, renderer: Renderer, values: dict[str, Any], detail: float | None
) -> bool:
    """Whether the easel shows a design with so much detail, as the studio enlarges it."""
    shown = visitor.canvas(EASEL)[..., :3].astype(int)
    wanted = renderer.enlarged(design.from_dict(values), len(shown), detail)
    return bool(np.percentile(np.abs(shown - np.asarray(wanted)), 99) <= MOST)


def test_rest_brings_detail_and_a_move_takes_it_away(
    comer: Visitor, requests: Requests, renderer: Renderer
) -> None:
    visitor = comer.open()
    visitor.until(lambda: bool(requests.held))
    assert visitor.design() == FIRST and requests.designs == [FIRST]
    assert shows(visitor, renderer, FIRST, 0) and not shows(visitor, renderer, FIRST, None)
    place, plain = visitor.find(EASEL).bounding_box(), visitor.look()
    requests.held[0].continue_()
    detailed = visitor.sees_other_than(plain)
    assert shows(visitor, renderer, FIRST, None)
    assert visitor.find(EASEL).bounding_box() == place

    # While a hand moves nothing is asked for, however long it holds still; then once.
    with visitor.hold(FIRST_SLIDER) as move:
        for step in range(10):
            move(0.5 + step / 30)
        visitor.sees_other_than(detailed)
        visitor.page.wait_for_timeout(RESTED)
        assert len(requests.held) == 1
    moved = visitor.design()
    visitor.until(lambda: len(requests.held) == 2)
    assert shows(visitor, renderer, moved, 0) and requests.designs[1] == moved
    # What was seen is not asked for again.
    visitor.find(".at-undo").click()
    visitor.sees(detailed)
    assert len(requests.held) == 2


def test_a_late_answer_is_dropped(comer: Visitor, requests: Requests, renderer: Renderer) -> None:
    visitor = comer.open()
    visitor.until(lambda: bool(requests.held))
    first = visitor.look()
    settle(visitor, SECOND)
    plain = visitor.sees_other_than(first)
    visitor.page.wait_for_timeout(RESTED)
    assert len(requests.held) == 1  # one at a time
    # From now on, whatever the easel shows is noted.
    visitor.page.evaluate(
        """(selector) => {
            window.looks = new Set();
            const note = () => {
                window.looks.add(window.lookAt(selector));
                requestAnimationFrame(note);
            };
            note();
        }""",
        EASEL,
    )
    requests.held[0].continue_()
    visitor.until(lambda: len(requests.held) == 2)
    assert requests.designs == [FIRST, SECOND]
    visitor.page.wait_for_timeout(200)
    assert visitor.page.evaluate("[...window.looks]") == [plain]
    requests.held[1].continue_()
    detailed = visitor.sees_other_than(plain)
    assert shows(visitor, renderer, SECOND, None)
    visitor.wait("(look) => window.looks.has(look)", detailed)
    assert visitor.page.evaluate("[...window.looks]") == [plain, detailed]


def test_a_refusal_is_the_last_word(comer: Visitor, requests: Requests, renderer: Renderer) -> None:
    comer.watch.allow("HTTP 503", "status of 503")
    visitor = comer.open()
    visitor.until(lambda: bool(requests.held))
    with visitor.page.expect_response("**/run/detailed"):
        requests.held[0].fulfill(status=503)
    settle(visitor, SECOND)
    visitor.until(lambda: shows(visitor, renderer, SECOND, 0))
    visitor.page.wait_for_timeout(RESTED)
    assert len(requests.held) == 1 and visitor.find(".at-notice.at-shown").count() == 0


def test_nothing_is_asked_for_where_nothing_is_gained(
    make_visitor: Callable[..., Visitor],
) -> None:
    """A generator without detail, a small easel, and somebody who saves data."""
    small, saver, visitor = (make_visitor(new=True) for _ in range(3))
    requests = [Requests(each) for each in (small, saver, visitor)]
    small.context.add_init_script(
        f"addEventListener('DOMContentLoaded', () => document.head.insertAdjacentHTML('beforeend',"
        f" '<style id=narrow>.at-explore .at-easel {{ width: {SIDE}px !important }}</style>'))"
    )
    saver.context.add_init_script(SAVES_DATA)
    visitor.context.add_init_script(
        "sessionStorage.setItem('atelier-easel', JSON.stringify({ generator: 'colour', seed: 0 }))"
    )
    for each in (small, saver, visitor):
        each.open()
    assert visitor.design()["generator"] == "colour"
    assert small.canvas(EASEL).shape[0] == SIDE
    visitor.page.wait_for_timeout(RESTED)
    assert [each.held for each in requests] == [[], [], []]
    # And a larger easel gains by it: the same page asks at once.
    small.page.evaluate("document.querySelector('#narrow').remove()")
    small.until(lambda: bool(requests[0].held))


def saved(visitor: Visitor, button: Locator, path: Path) -> bytes:
    with visitor.page.expect_download() as download:
        button.click()
    download.value.save_as(path)
    return path.read_bytes()


def test_a_download_has_as_much_as_one_chooses(
    comer: Visitor, requests: Requests, renderer: Renderer, tmp_path: Path
) -> None:
    visitor = comer.open()
    menu, button = visitor.find(".at-download-menu"), visitor.find(".at-download")
    place = visitor.find(EASEL).bounding_box()
    for choice, detail in (("None", 0), ("Usual", None), ("Full", 1)):
        button.click()
        assert "made up" in menu.inner_text() and visitor.find(EASEL).bounding_box() == place
        chosen = menu.get_by_role("button", name=choice)
        data = saved(visitor, chosen, tmp_path / f"{choice}.png")
        assert data == exports.to_png(renderer, design.from_dict(FIRST), 1024, detail)
        with Image.open(tmp_path / f"{choice}.png") as image:
            assert (exports.NOTE in image.text) == (choice != "None")
        assert menu.is_hidden()
    button.click()
    visitor.page.keyboard.press("Escape")
    assert menu.is_hidden() and button.evaluate("(e) => e === document.activeElement")
    button.click()
    visitor.find(EASEL).click(position={"x": 5, "y": 5})
    assert menu.is_hidden()
    # Where there is none, there is nothing to choose.
    settle(visitor, {"generator": "colour", "seed": 0})
    assert saved(visitor, button, tmp_path / "colour.png") and menu.is_hidden()
