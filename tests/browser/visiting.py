"""A visitor of the studio: a page in a real browser, and what must not happen there."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Response

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# In the page: a number that tells two pictures on canvases apart.
LOOK = """
window.lookOf = (canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let hash = 0x811c9dc5;
  for (const each of new Uint32Array(data.buffer)) hash = Math.imul(hash ^ each, 0x01000193);
  return `${canvas.width}x${canvas.height}:${hash >>> 0}`;
};
window.lookAt = (selector) => window.lookOf(document.querySelector(selector));
"""
# In the page: whether a canvas shows the design on the easel.
DRAWN = """async (selector) => {
  const root = window.gradio_config?.root;
  const canvas = document.querySelector(selector);
  if (!root || !canvas?.clientWidth) return false;
  const { state } = await import(`${root}/studio-page/store.js`);
  const { paint, urgentTile } = await import(`${root}/studio-page/tiles.js`);
  if (!state.design) return false;
  const { detailOf } = await import(`${root}/studio-page/detail.js`);
  const pictures = [await urgentTile(state.design), detailOf(state.design)].filter(Boolean);
  return pictures.some((each) => {
    const second = document.createElement("canvas");
    second.width = second.height = Math.round(canvas.clientWidth * devicePixelRatio);
    paint(second, each, state.design.generator);
    return window.lookOf(second) === window.lookOf(canvas);
  });
}"""
# The page then loads nothing to draw by itself.
SAVES_DATA = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
EASEL = ".at-explore .at-picture"
BLEND = ".at-blend .at-picture"
FIRST_SLIDER = ".at-sliders input >> nth=0"
# Seconds; ample, because the machine may be busy. Whatever waits goes on as soon as it can.
PATIENCE = 20


class Watch:
    """Collects what goes wrong in a browser context, except what a test has allowed."""

    def __init__(self, context: BrowserContext, root: str) -> None:
        self.root = root
        self.allowed: list[str] = []
        self.wrong: list[str] = []
        self._context = context
        self._heard: dict[Any, Callable[[Any], None]] = {
            "console": self._console,
            "weberror": lambda error: self._note(f"exception: {error.error}"),
            "response": self._response,
            "request": lambda request: self._address(request.url),
        }
        for event, hear in self._heard.items():
            context.on(event, hear)

    def end(self) -> None:
        for event, hear in self._heard.items():
            self._context.remove_listener(event, hear)

    def allow(self, *words: str) -> None:
        """From now on, troubles whose description contains one of ``words`` are expected."""
        self.allowed += words

    def _note(self, trouble: str) -> None:
        if not any(words in trouble for words in self.allowed):
            self.wrong.append(trouble)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} {message.location.get('url', '')}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"HTTP {response.status}: {response.url}")

    def _address(self, url: str) -> None:
        if not url.startswith((self.root, "data:", "blob:")):
            self._note(f"a request leaves this machine: {url}")


def context_of(browser: Browser, **settings: Any) -> BrowserContext:
    """A browser profile that nobody has used."""
    result = browser.new_context(**{"viewport": DESKTOP, **settings})
    result.set_default_timeout(1000 * PATIENCE)
    result.add_init_script(LOOK)
    return result


class Profile:
    """A browser profile that one visitor uses after another; none finds anything of another's.

    One page of the studio's stays open and opens the visitors' pages, so that all are in the same
    process of the browser: it has read and compiled the page's code already.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.context = context_of(browser)
        self.stays = self.context.new_page()
        self.stays.goto(f"{url}/theme.css")
        # One session for good: Chromium was seen to hang for ever when a visitor's was detached.
        self.devtools = self.context.new_cdp_session(self.stays)

    def page(self) -> Page:
        with self.context.expect_page() as opened:
            self.stays.evaluate("void window.open()")
        return opened.value

    def forget(self) -> None:
        """Keep nothing but the cache."""
        for page in self.context.pages:
            if page is not self.stays:
                page.close()
        everything = {"origin": self.url, "storageTypes": "all"}
        self.devtools.send("Storage.clearDataForOrigin", everything)
        self.context.clear_cookies()
        self.context.set_default_timeout(1000 * PATIENCE)


class Visitor:
    """One page of a context, with the studio's parts at hand."""

    def __init__(
        self, context: BrowserContext, url: str, watch: Watch, page: Page | None = None
    ) -> None:
        self.context = context
        self.url = url
        self.watch = watch
        self.page: Page = page or context.new_page()

    def open(self, query: str = "") -> Visitor:
        """Load the page and wait for its picture and sliders."""
        self.page.goto(f"{self.url}/{query}")
        return self.ready()

    def another_tab(self) -> Visitor:
        """The same visitor, who opens the page in a second tab too."""
        return Visitor(self.context, self.url, self.watch).open()

    def reload(self) -> Visitor:
        self.page.reload()
        return self.ready()

    def ready(self) -> Visitor:
        self.page.wait_for_selector(".at-slider")
        self.drawn()
        return self

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def thumbs(self, group: str) -> list[dict[str, Any] | None]:
        """The designs of the thumbnails in a group, as ``.at-wall``."""
        return self.page.evaluate(
            "(group) => [...document.querySelectorAll(`${group} .at-thumb`)].map((e) => e.design)",
            group,
        )

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Let the browser work until something is true here in the test."""
        end = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < end, "What the test waits for did not come."
            self.page.wait_for_timeout(10)

    def wait(self, condition: str, value: Any = None) -> None:
        """Wait until a JavaScript expression or function, but no async one, is true."""
        self.page.wait_for_function(condition, arg=value)

    def design(self) -> dict[str, Any]:
        """The design on the easel."""
        return self.module("store.js", "({ state }) => state.design")

    def module(self, name: str, function: str, value: Any = None) -> Any:
        """The result of ``function(module, value)`` for one of the page's own modules."""
        return self.page.evaluate(
            f"""async ({{ name, value }}) => {{
                const root = window.gradio_config.root;
                return ({function})(await import(`${{root}}/studio-page/${{name}}`), value);
            }}""",
            {"name": name, "value": value},
        )

    def pixels(self, design: dict[str, Any] | None = None) -> np.ndarray:
        """The page's drawing of a design, (H, W, 4), before it is enlarged."""
        found = self.module(
            "tiles.js",
            """async ({ urgentTile }, design) => {
                const { width, data } = await urgentTile(design);
                return { width, data: Array.from(data) };
            }""",
            design or self.design(),
        )
        return np.array(found["data"], np.uint8).reshape(-1, found["width"], 4)

    def canvas(self, selector: str = EASEL) -> np.ndarray:
        """What stands on a canvas, (H, W, 4)."""
        png = self.page.evaluate("(s) => document.querySelector(s).toDataURL()", selector)
        with Image.open(io.BytesIO(base64.b64decode(png.partition(",")[2]))) as image:
            return np.array(image.convert("RGBA"))

    def look(self, selector: str = EASEL) -> str:
        return self.page.evaluate("(selector) => window.lookAt(selector)", selector)

    def sees(self, look: str, selector: str = EASEL) -> None:
        """Wait until a canvas looks exactly so."""
        self.wait("([s, look]) => window.lookAt(s) === look", [selector, look])

    def sees_other_than(self, look: str, selector: str = EASEL) -> str:
        """Wait until a canvas has changed; its new look."""
        self.wait("([s, look]) => window.lookAt(s) !== look", [selector, look])
        return self.look(selector)

    def drawn(self) -> str:
        """Wait until the easel shows the design that is on it; its look.

        The page's own drawing is asked for the same pixels and painted on a second canvas.
        """
        self.until(lambda: self.page.evaluate(DRAWN, EASEL))
        return self.look()

    def all_drawn(self) -> None:
        """Wait until every small picture of Explore is drawn, too: nothing is under way then."""
        self.wait(
            """() => [...document.querySelectorAll(".at-explore .at-thumb")]
                .every((each) => each.design && each.firstChild.width === each.clientWidth)"""
        )

    def notice(self, words: str) -> None:
        """Wait for the notice that contains ``words``."""
        self.find(".at-notice.at-shown").filter(has_text=words).wait_for()

    def design_number(self, field: str, number: str) -> None:
        """Type a number into a field and leave it with Enter."""
        self.find(field).fill(number)
        self.find(field).press("Enter")

    def keep(self) -> None:
        """Keep what is on the easel, and wait until it is on the shelf."""
        before = self.find(".at-shelf .at-thumb").count()
        self.find(".at-explore .at-keep").click()
        self.find(".at-shelf .at-thumb").nth(before).wait_for()

    def choose(self, generator: str) -> None:
        """Pick a generator by its name with the mouse."""
        self.find(".at-picker-button").click()
        self.find(f'.at-option[data-name="{generator}"]').click()
        self.wait("() => document.querySelector('.at-picker-list').hidden")

    @contextmanager
    def hold(self, slider: str | Locator, start: float = 0.5) -> Iterator[Any]:
        """Press the mouse on a slider; inside, ``move(part)`` drags it to a part of its way."""
        range_ = self.find(slider) if isinstance(slider, str) else slider
        range_.evaluate("(range) => range.scrollIntoView({ block: 'center' })")
        box = range_.bounding_box()
        thumb = 18

        def move(part: float) -> None:
            x = box["x"] + thumb / 2 + part * (box["width"] - thumb)
            self.page.mouse.move(x, box["y"] + box["height"] / 2)

        move(start)
        self.page.mouse.down()
        yield move
        self.page.mouse.up()
