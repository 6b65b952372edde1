"""Generators that run in the page: the picture follows the hand, and equals the studio's."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Request, Route
from visiting import BLEND, FIRST_SLIDER, SAVES_DATA, Visitor

from studio.ui.runtime import FOLDER, RUNTIME

MOST = 2  # levels of 255 between the page's picture and the studio's
READY = "({ drawsHere }, design) => drawsHere(design)"
PATIENCE = 90  # seconds: the first export takes a while on a busy machine
DESIGNS: dict[str, dict[str, Any]] = {
    "latents": {
        "generator": "colour",
        "seed": 5,
        "truncation": 0.6,
        "directions": [[0, 1.5], [2, -2]],
        "dimensions": [[3, 1.25]],
    },
    "relatives": {"generator": "colour", "seed": 5, "variations": [[9, 0.3], [4, 0.2]]},
    "grey": {"generator": "grey", "seed": 3, "truncation": 0.8},
    "categories": {
        "generator": "styled",
        "seed": 7,
        "label": 2,
        "truncation": 0.5,
        "directions": [[1, 2]],
        "dimensions": [[139, -2]],
    },
    "shape and surface": {
        "generator": "styled",
        "seed": 0,
        "truncation": 0.8,
        "blend": [
            {"generator": "styled", "seed": 1, "label": 0, "directions": [[0, 1]]},
            {"generator": "styled", "seed": 2, "label": 1, "truncation": 0.4},
            0.25,
            0.75,
        ],
    },
    "latents blended": {
        "generator": "colour",
        "seed": 0,
        "blend": [{"generator": "colour", "seed": 1}, {"generator": "colour", "seed": 2}, 0.3],
    },
    "words": {"generator": "colourist", "seed": 4, "text": "crimson shirt", "guidance": 1.5},
}


@pytest.fixture(autouse=True)
def installed() -> None:
    """These tests are about what ``npm ci`` in studio/ui/page installs."""
    if (FOLDER / RUNTIME).is_dir():
        return
    missing = "Run `npm ci` in studio/ui/page first."
    if os.environ.get("STUDIO_REQUIRE_BROWSER") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def settle(visitor: Visitor, design: dict[str, Any]) -> None:
    visitor.module("store.js", "({ settle }, design) => settle(design)", design)


def ready(visitor: Visitor, design: dict[str, Any] | None = None) -> Visitor:
    """Wait until a design, or the one on the easel, can be drawn in the page."""
    wanted = design or visitor.design()
    visitor.until(lambda: visitor.module("network.js", READY, wanted), PATIENCE)
    return visitor


def drawn_here(visitor: Visitor, design: dict[str, Any]) -> np.ndarray:
    found = visitor.module(
        "network.js",
        """async ({ drawHere }, design) => {
            const { width, data } = await drawHere(design);
            return { width, data: Array.from(data) };
        }""",
        design,
    )
    return np.array(found["data"], np.uint8).reshape(-1, found["width"], 4)


def sent(visitor: Visitor) -> list[str]:
    """A list that grows with the address of each request."""
    addresses: list[str] = []
    visitor.page.on("request", lambda request: addresses.append(request.url))
    return addresses


@pytest.mark.parametrize("name", DESIGNS)
def test_the_page_draws_what_the_studio_draws(regular: Visitor, name: str) -> None:
    design = DESIGNS[name]
    settle(regular, design)
    regular.drawn()
    ready(regular, design)
    here, there = drawn_here(regular, design), regular.pixels(design)
    assert here.shape == there.shape
    assert np.abs(here.astype(int) - there.astype(int)).max() <= MOST


def test_a_drag_asks_the_studio_for_nothing(visitor: Visitor) -> None:
    ready(visitor)
    before = visitor.look()
    addresses = sent(visitor)
    with visitor.hold(FIRST_SLIDER) as move:
        for part in np.linspace(0.5, 0.9, 12):
            move(part)
            visitor.page.wait_for_timeout(30)
        held = visitor.sees_other_than(before)
        assert held and not [each for each in addresses if "run/" in each]
    visitor.until(lambda: any("run/sheet" in each for each in addresses))  # the studio's own
    design = visitor.design()
    assert np.abs(drawn_here(visitor, design).astype(int) - visitor.pixels(design)).max() <= MOST


def test_a_late_picture_of_an_earlier_design_is_not_shown(visitor: Visitor) -> None:
    """The hand rests, and the studio is quicker than what the page still draws of the way there."""
    ready(visitor)
    designs = [{"generator": "colour", "seed": seed} for seed in (5, 6)]
    shown = visitor.page.evaluate(
        """async ([first, second]) => {
            const page = `${window.gradio_config.root}/studio-page`;
            const { Drawer } = await import(`${page}/drawer.js`);
            const shown = [];
            const drawer = new Drawer((_, design) => shown.push(design), ({ message }) => {
                throw new Error(message);
            });
            const begun = drawer.begun.bind(drawer);
            let release;
            const held = new Promise((resolve) => (release = resolve));
            drawer.begun = () => {
                const now = begun();
                const pixels = now?.pixels;
                if (now?.design === first) now.pixels = held.then(() => pixels);
                return now;
            };
            drawer.draw(first);
            drawer.draw(second);
            await drawer.rest(second);
            release();
            while (drawer.busy) await new Promise(requestAnimationFrame);
            return shown;
        }""",
        designs,
    )
    assert shown == designs[1:]


def test_a_blend_is_drawn_in_the_page_too(visitor: Visitor) -> None:
    visitor.tab("Blend")
    visitor.until(lambda: visitor.module("store.js", "({ state }) => state.blend.first !== null"))
    blended = visitor.module(
        "store.js",
        "({ state }) => ({ generator: state.blend.first.generator, seed: 0,"
        " blend: [state.blend.first, state.blend.second, 0.5] })",
    )
    ready(visitor, blended)
    look = visitor.look(BLEND)
    addresses = sent(visitor)
    visitor.find(".at-blend .at-amount").evaluate(
        """async (slider) => {
            for (let step = 1; step <= 20; step += 1) {
                slider.value = 0.5 + step / 80;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
                await new Promise((resolve) => requestAnimationFrame(resolve));
            }
        }"""
    )
    # A slow machine may take a gap for a rest, in which the studio is asked.
    assert len([each for each in addresses if "run/" in each]) < 10
    visitor.sees_other_than(look, BLEND)


def test_it_drifts_until_it_is_stopped(visitor: Visitor) -> None:
    ready(visitor)
    start = visitor.design()
    visitor.find(".at-drift").click()
    visitor.until(lambda: "blend" in visitor.design())
    first = visitor.look()
    visitor.sees_other_than(first)
    visitor.find(".at-drift").click()
    stopped = visitor.design()
    visitor.page.wait_for_timeout(300)
    assert visitor.design() == stopped and visitor.find(".at-drift").inner_text() == "Drift"
    visitor.find(".at-undo").click()
    assert visitor.design() == start


def test_less_motion_means_no_drift(make_visitor: Callable[..., Visitor]) -> None:
    assert make_visitor(reduced_motion="reduce").open().find(".at-drift").is_hidden()


# --- where it can't be -------------------------------------------------------------------------


def test_a_runtime_that_cannot_be_had_is_said_once(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor(new=True)
    visitor.watch.allow("ort", "Failed to load resource")
    visitor.context.route("**/onnxruntime-web/**", lambda route: route.abort())
    visitor.open()
    visitor.notice("pictures come from the studio")
    look = visitor.look()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.9)
    visitor.sees_other_than(look)
    assert not visitor.module("network.js", READY, visitor.design())


@pytest.mark.parametrize("damage", ["cut short", "changed"])
def test_a_damaged_file_is_refused(make_visitor: Callable[..., Visitor], damage: str) -> None:
    visitor = make_visitor(new=True)

    def spoil(route: Route) -> None:
        body = route.fetch().body()
        body = body[:-100] if damage == "cut short" else body[:-1] + bytes([body[-1] ^ 1])
        route.fulfill(body=body, status=200)

    visitor.context.route("**/studio-page/network/**", spoil)
    visitor.open()
    visitor.notice("arrived damaged")
    look = visitor.look()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.9)
    visitor.sees_other_than(look)


def test_who_saves_data_loads_nothing(make_visitor: Callable[..., Visitor]) -> None:
    visitor = make_visitor(new=True)
    visitor.context.add_init_script(SAVES_DATA)
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/network" in request.url or "onnxruntime" in request.url:
            asked.append(request.url)

    visitor.context.on("request", note)
    visitor.open()
    visitor.drawn()
    with visitor.hold(FIRST_SLIDER) as move:
        move(0.9)
    visitor.page.wait_for_timeout(1000)
    assert [each for each in asked if not each.endswith(("network.js", "network-worker.js"))] == []


def test_the_first_picture_does_not_wait_for_the_file(make_visitor: Callable[..., Visitor]) -> None:
    visitor, held = make_visitor(new=True), []
    visitor.context.route("**/studio-page/network/**", lambda route: held.append(route))
    visitor.open()
    visitor.drawn()
    visitor.until(lambda: held, PATIENCE)
    assert not visitor.module("network.js", READY, visitor.design())
    held[0].continue_()
    ready(visitor)


def test_switching_generators_leaks_nothing(visitor: Visitor) -> None:
    names = ["colour", "grey", "styled", "colourist"]
    for name in names * 2:
        settle(visitor, {"generator": name, "seed": 1})
        ready(visitor, {"generator": name, "seed": 1})

    inspector = visitor.context.new_cdp_session(visitor.page)
    inspector.send("Performance.enable")

    def memory() -> float:
        """Bytes that the page's objects and what hangs on them take, without any garbage."""
        inspector.send("HeapProfiler.collectGarbage")
        metrics = inspector.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")

    # Chromium's garbage collection drops promises that a test waits for: wait for none here.
    visitor.module("store.js", "({ settle }) => { window.settleNow = settle; }")
    visitor.page.wait_for_timeout(300)
    before = memory()
    for turn in range(50):
        design = {"generator": names[turn % len(names)], "seed": 1}
        visitor.page.evaluate("(design) => { window.settleNow(design); }", design)
        visitor.page.wait_for_timeout(20)
    ready(visitor)
    assert memory() < 1.2 * before
    assert len(visitor.page.workers) == 1


def test_two_tabs_draw_each_for_itself(visitor: Visitor) -> None:
    other = visitor.another_tab()
    settle(other, DESIGNS["categories"])
    for each in (ready(visitor), ready(other)):
        design = each.design()
        difference = drawn_here(each, design).astype(int) - each.pixels(design)
        assert np.abs(difference).max() <= MOST
