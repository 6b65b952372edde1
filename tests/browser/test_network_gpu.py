"""Drawing in the page with the graphics card: tried where it may pay, kept where it does.

The card is SwiftShader's, a program that Chromium ships. As it is slower than WebAssembly, clocks
in the page's workers are set so that one or the other wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error, Request, Route
from test_network import DESIGNS, MOST, drawn_here, installed, ready, settle
from visiting import Visitor

from studio.ui.parts import PAGE

__all__ = ["installed"]  # a fixture for each test here, too

DESIGN = DESIGNS["latents"]
PATIENCE = 180  # seconds: shaders are built by the processor
STORED = "atelier-webgpu"
VERSION = re.search(r'VERSION = "(.*?)"', (PAGE / "runtime.js").read_text())[1]
LOSSES = ["slower", "another picture", "no device"]
NO_PROGRAM = (
    "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false })"
)
# In the workers, before their own code: each look at the clock is later by so many milliseconds.
CLOCK = """
{
  let now = 0;
  const step = %s[self.name];
  if (step) performance.now = () => (now += step);
}
"""
FASTER = CLOCK % "{ wasm: 1000, webgpu: 1 }"
SLOWER = CLOCK % "{ wasm: 20, webgpu: 1000 }"
QUICK = CLOCK % "{ wasm: 1, webgpu: 0.1 }"
OTHER_PICTURE = """
if (self.name === "webgpu") {
  const post = self.postMessage.bind(self);
  self.postMessage = (message, transfer) => {
    if (message.pixels) message.pixels[0] ^= 64;
    post(message, transfer);
  };
}
"""
NO_DEVICE = "GPUAdapter.prototype.requestDevice = async () => { throw new Error('No device.') };"
KEEPS_DEVICE = """
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (wish) {
  return (self.device = await request.call(this, wish));
};
"""


@pytest.fixture
def make_player(make_visitor: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """``make_player(script)``: a visitor with a graphics card, whose workers run a script first."""

    def make(script: str, card: bool = True) -> Visitor:
        visitor = make_visitor(new=True)
        if card:
            visitor.context.add_init_script(NO_PROGRAM)

        def serve(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, body=script + answer.text())

        visitor.context.route("**/network-worker.js", serve)
        return visitor

    return make


def runtimes(visitor: Visitor) -> list[str]:
    """A list that grows with the engine of each runtime that is loaded."""
    engines: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(".wasm"):
            engines.append("webgpu" if "asyncify" in request.url else "wasm")

    visitor.context.on("request", note)
    return engines


def draw(visitor: Visitor, times: int = 9, design: dict[str, Any] = DESIGN) -> Visitor:
    settle(visitor, design)
    ready(visitor, design)
    for _ in range(times):
        drawn_here(visitor, design)
    return visitor


def engines(visitor: Visitor) -> list[str]:
    """What the page's workers draw with."""
    with suppress(Error):  # one was ended meanwhile
        return [worker.evaluate("self.name") for worker in visitor.page.workers]
    return []


def remembered(visitor: Visitor) -> str:
    return (visitor.page.evaluate("(name) => localStorage[name]", STORED) or "").partition(" ")[2]


def won(visitor: Visitor) -> bool:
    """Whether the card has won; a picture is drawn all the same, but leaves it some time."""
    assert drawn_well(visitor, DESIGN)
    visitor.page.wait_for_timeout(500)
    return remembered(visitor) == "won"


def drawn_well(visitor: Visitor, design: dict[str, Any]) -> bool:
    here, there = drawn_here(visitor, design), visitor.pixels(design)
    return np.abs(here.astype(int) - there.astype(int)).max() <= MOST


def test_a_faster_card_takes_over_until_it_fails(make_player: Callable[..., Visitor]) -> None:
    player = make_player(KEEPS_DEVICE + FASTER)
    loaded = runtimes(player)
    draw(player.open(), 0)
    # WebAssembly goes on meanwhile.
    draw(player)
    player.until(lambda: won(player), PATIENCE)
    player.until(lambda: engines(player) == ["webgpu"])
    assert drawn_well(player, DESIGN)
    other = DESIGNS["categories"]
    assert drawn_well(draw(player, 0, other), other)
    assert engines(player) == ["webgpu"] and loaded == ["wasm", "webgpu"]

    draw(player.reload(), 1, other)  # nothing is timed again
    assert engines(player) == ["webgpu"] and loaded == ["wasm", "webgpu", "webgpu"]

    player.page.workers[0].evaluate("self.device.destroy()")
    with pytest.raises(Error):
        drawn_here(player, other)
    ready(player, other)
    assert engines(player) == ["wasm"] and remembered(player) == ""
    assert drawn_well(player, other)


def test_a_lost_card_is_replaced(make_player: Callable[..., Visitor]) -> None:
    player = make_player(FASTER)
    player.context.add_init_script(f"localStorage.setItem('{STORED}', '{VERSION} won')")
    draw(player.open(), 1)
    assert engines(player) == ["webgpu"]
    player.page.workers[0].evaluate("self.postMessage({ lost: true })")
    with pytest.raises(Error):
        player.until(lambda: not drawn_well(player, DESIGN))
    ready(player, DESIGN)
    assert engines(player) == ["wasm"] and drawn_well(player, DESIGN)


@pytest.mark.parametrize("script", [SLOWER, FASTER + OTHER_PICTURE, FASTER + NO_DEVICE], ids=LOSSES)
def test_a_card_that_loses_is_never_tried_again(
    make_player: Callable[..., Visitor], script: str
) -> None:
    player = make_player(script)
    loaded = runtimes(player)
    draw(player.open())
    player.until(lambda: remembered(player) == "lost", PATIENCE)
    player.until(lambda: engines(player) == ["wasm"])
    assert drawn_well(player, DESIGN)
    draw(player.reload())
    player.page.wait_for_timeout(500)
    assert engines(player) == ["wasm"] and loaded == ["wasm", "webgpu", "wasm"]


def test_a_runtime_that_does_not_come_is_no_loss(make_player: Callable[..., Visitor]) -> None:
    player = make_player(FASTER)
    loaded = runtimes(player)
    player.watch.allow("asyncify")
    player.context.route("**/*asyncify*", lambda route: route.abort())
    draw(player.open())
    player.until(lambda: loaded == ["wasm", "webgpu"] and engines(player) == ["wasm"])
    assert remembered(player) == "" and drawn_well(player, DESIGN)
    draw(player)
    assert loaded == ["wasm", "webgpu"]  # not again at this visit


@pytest.mark.parametrize(("script", "card"), [(QUICK, True), (FASTER, False)], ids=["fast", "none"])
def test_it_is_not_tried_where_it_cannot_pay(
    make_player: Callable[..., Visitor], script: str, card: bool
) -> None:
    player = make_player(script, card)
    loaded = runtimes(player)
    draw(player.open(), 12)
    player.page.wait_for_timeout(500)
    assert loaded == ["wasm"] and engines(player) == ["wasm"] and remembered(player) == ""
