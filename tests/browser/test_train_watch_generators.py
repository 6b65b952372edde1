"""Generators that appear, are trained anew and go away while the page is open."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser
from serving import Server
from visiting import BLEND, Visitor

from studio import design
from studio.checkpoint import Checkpoint
from studio.render import Renderer

NETWORK = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
WALL = ".at-wall .at-thumb >> nth=3 >> canvas"
RELOAD = "({ reloadGenerators }) => reloadGenerators()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changing-checkpoints")


@pytest.fixture(scope="module")
def server(
    browser: Browser, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A studio whose generators these tests change, in place of the one that others visit."""
    result = Server(folder, tmp_path_factory.mktemp("changing"))
    yield result.start().wait()
    result.stop()


@pytest.fixture
def make(folder: Path, make_checkpoint: Callable[..., Checkpoint]) -> Iterator[Callable]:
    """``make(name, seed)``: have a generator with the weights of that seed.

    Each test has seeds of its own: the export of its weights for the page may outlive it.
    """

    def make(name: str, seed: int) -> None:
        make_checkpoint(folder / name, NETWORK, seed=seed, title=name.title())

    yield make
    for each in folder.iterdir():
        shutil.rmtree(each)


def options(visitor: Visitor) -> list[str]:
    return visitor.find(".at-option strong").all_text_contents()


def shows(visitor: Visitor, folder: Path) -> None:
    """The page draws what the weights that are there now draw."""
    expected = Renderer(folder).pixels(design.from_dict(visitor.design()))
    assert np.array_equal(visitor.pixels()[..., :3], expected)


def test_a_generator_appears_and_goes(
    make: Callable, make_visitor: Callable[..., Visitor], folder: Path
) -> None:
    make("bags", 1)
    visitor = make_visitor().open()
    assert options(visitor) == ["Bags"]
    look, before = visitor.look(), visitor.design()
    make("shoes", 2)
    visitor.module("store.js", RELOAD)
    assert options(visitor) == ["Bags", "Shoes"]
    assert visitor.design() == before and visitor.look() == look
    visitor.choose("shoes")
    visitor.sees_other_than(look)
    shows(visitor, folder)
    visitor.find(".at-wall .at-thumb").nth(2).click()
    visitor.drawn()
    visitor.tab("Blend")
    offered = visitor.find(".at-generator option")
    offered.nth(1).wait_for(state="attached")  # the tab asks for its generators when it is opened
    assert offered.all_text_contents() == ["Bags", "Shoes"]
    visitor.tab("Explore")

    visitor.watch.allow("run/sheet", "run/network")  # of shoes, which may still be under way
    shutil.rmtree(folder / "shoes")
    visitor.module("store.js", RELOAD)
    assert options(visitor) == ["Bags"]
    assert visitor.find(".at-picker-button strong").inner_text() == "Bags"
    assert visitor.design() == before
    visitor.sees(look)
    # No step of the history leads to what can't be drawn any more.
    while visitor.find(".at-undo").is_enabled():
        visitor.find(".at-undo").click()
        assert visitor.design()["generator"] == "bags"


def test_new_weights_are_drawn_everywhere(
    make: Callable, make_visitor: Callable[..., Visitor], folder: Path
) -> None:
    make("bags", 3)
    visitor = make_visitor().open()
    visitor.keep()
    visitor.tab("Blend")
    visitor.wait("(s) => document.querySelector(s).width > 300", BLEND)
    blend = visitor.look(BLEND)
    visitor.tab("Explore")
    visitor.find(".at-wall .at-thumb").nth(2).click()
    visitor.drawn()
    visitor.all_drawn()
    places = {
        "easel": ".at-explore .at-picture",
        "wall": WALL,
        "slider": ".at-sliders .at-thumb >> nth=0 >> canvas",
        "shelf": ".at-shelf .at-thumb >> canvas",
    }
    looks = {place: visitor.find(each).first.evaluate("lookOf") for place, each in places.items()}
    before = visitor.design()

    visitor.watch.allow("run/network")  # of the old weights, which may still be under way
    make("bags", 4)
    visitor.module("store.js", RELOAD)
    for place, each in places.items():
        canvas = visitor.find(each).first
        visitor.until(lambda c=canvas, p=place: c.evaluate("lookOf") != looks[p])
    assert visitor.design() == before
    visitor.drawn()
    shows(visitor, folder)
    visitor.tab("Blend")
    visitor.sees_other_than(blend, BLEND)
    visitor.tab("Explore")

    # Nothing has changed since: nothing is asked for, and nothing is drawn.
    visitor.all_drawn()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[1]))
    visitor.module("store.js", RELOAD)
    visitor.page.wait_for_timeout(300)
    assert asked == ["generators"]


def test_the_first_generator_of_all_opens_the_page(
    make: Callable, make_visitor: Callable[..., Visitor]
) -> None:
    visitor = make_visitor()
    visitor.page.goto(visitor.url)
    visitor.find(".at-explore .at-error").get_by_text("no generators here yet").wait_for()
    make("bags", 5)
    visitor.module("store.js", RELOAD)
    visitor.ready()
    assert options(visitor) == ["Bags"]
    visitor.tab("Blend")
    visitor.wait("(s) => document.querySelector(s).width > 300", BLEND)


def test_an_open_list_keeps_its_focus(make: Callable, make_visitor: Callable) -> None:
    make("bags", 6)
    make("shoes", 7)
    visitor = make_visitor().open()
    visitor.find(".at-picker-button").press("Enter")
    visitor.page.keyboard.press("ArrowDown")
    make("coats", 8)
    visitor.module("store.js", RELOAD)
    assert options(visitor) == ["Bags", "Coats", "Shoes"]
    assert visitor.page.evaluate("document.activeElement.dataset.name") == "shoes"
    visitor.page.keyboard.press("ArrowUp")
    visitor.page.keyboard.press("Enter")
    visitor.wait("() => document.querySelector('.at-picker-button strong').textContent === 'Coats'")
    visitor.drawn()
