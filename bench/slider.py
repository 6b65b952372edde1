"""How soon a slider's picture appears: the plainest Gradio wiring against the studio's own page.

"plain" is what one writes first: ``gr.Slider.input`` to a Python function to ``gr.Image``, default
queue, the picture enlarged to 512 px in Python. "page" is the studio as ``app.py`` serves it, its
generator running in the page, and "server" the same for a visitor who saves data, so that each
picture comes from the server. All draw the same designs of the same generator and are driven alike,
in turn, by one headless Chromium:

- latency: single ``input`` events on the slider, each after the picture of the last and a rest.
- drag: many ``input`` events at a fixed interval, as a hand makes them; counted are the pictures
  shown until one second after the last event. ``events_behind`` tells whose picture is then on
  screen: 0 is the last event's, as it must be in the studio. Gradio's default is to drop events
  that come while one is being answered, so there it can be an earlier one's. ``blocked`` is the
  longest time that the page's thread did nothing else.
- MB: what the page itself (not its worker: the runtime) had loaded before the first event.
  ``first`` is how long its first picture took to come.

``--delay-ms`` adds that much to each answer of the server, as a network far away would.

A picture counts when its pixels differ from the last one's and a frame with it has been painted.
Every value is new to both, so nothing comes from a cache.

    python -m bench.slider --generator deepfashion-dcgan
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from studio import settings
from studio.checkpoint import CheckpointError
from studio.design import Design, DesignError
from studio.generators.base import to_uint8
from studio.render import Renderer

REACH = 2.5  # standard deviations to either side; both sliders go a little further
GOLDEN = 0.618034  # multiples of it spread evenly and never come back to a value
WARM_UP = 5  # events that are not counted, at the start of each round
WINDOW = {"width": 1440, "height": 900}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# A visitor who saves data: the page then leaves the drawing to the server.
SAVES_DATA = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
READY = """async (name) => {
    const root = window.gradio_config.root;
    const { drawsHere } = await import(`${root}/studio-page/network.js`);
    const { state } = await import(`${root}/studio-page/store.js`);
    return drawsHere(state.design);
}"""
PATIENCE = 180  # seconds, until a page draws by itself: its generator may have to be exported

HEAD = (
    "round  wiring  median ms  p95 ms  pictures/100  behind  blocked ms  first ms      MB  size px"
)
DRIVER = Path(__file__).with_name("slider.js")


def serve_plain(options: argparse.Namespace, port: int) -> None:
    """The plainest wiring of a generator; only where the sliders come from is borrowed."""
    import gradio as gr

    renderer = Renderer(options.checkpoints, options.runs)
    generator = renderer.open(options.generator).generator

    def draw(value: float) -> Image.Image:
        styles = renderer.styles(Design(options.generator, directions=((0, value),)))
        with torch.no_grad():
            image = generator.draw(torch.from_numpy(styles)[None])
        pixels = to_uint8(image, generator.value_range)[0].permute(1, 2, 0).numpy()
        return Image.fromarray(pixels.squeeze()).resize((512, 512), Image.Resampling.LANCZOS)

    with gr.Blocks() as demo:
        slider = gr.Slider(-3, 3, value=0, step=0.05, elem_id="slider")
        picture = gr.Image(elem_id="picture")
        slider.input(draw, slider, picture)
    demo.launch(server_name="127.0.0.1", server_port=port, quiet=True)


def serve_studio(options: argparse.Namespace, port: int) -> None:
    """The studio as ``app.py`` serves it."""
    from studio.ui.page import build, launch_settings

    renderer = Renderer(options.checkpoints, options.runs)
    build(renderer).launch(
        server_name="127.0.0.1", server_port=port, quiet=True, **launch_settings(renderer)
    )


WIRINGS: dict[str, Callable[[argparse.Namespace, int], None]] = {
    "plain": serve_plain,
    "server": serve_studio,
    "page": serve_studio,
}


@contextmanager
def served(name: str, options: argparse.Namespace):
    """Yields the address of a wiring served by a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=WIRINGS[name], args=(options, port), daemon=True)
    process.start()
    try:
        address = f"http://127.0.0.1:{port}/"
        wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.join(10)


def wait_for(address: str, process: multiprocessing.Process, seconds: float = 300) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.is_alive():
        try:
            urllib.request.urlopen(address, timeout=10).close()
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"Nothing answers at {address}.")


def launch_browser(playwright: Any) -> Browser:
    """An installed Chromium or Chrome, else Playwright's own."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return playwright.chromium.launch(executable_path=found)


def values(shares: Iterable[float], round_: int) -> list[float]:
    """Slider values for shares (0..1) of its length, new ones in every round."""
    # Designs keep four decimals, so rounds this far apart never share a picture.
    return [round(REACH * (2 * share - 1) + 0.0007 * (round_ + 1), 4) for share in shares]


def measure(
    page: Page, name: str, address: str, options: argparse.Namespace, round_: int
) -> dict[str, Any]:
    """One round of one wiring."""
    if options.delay_ms:
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": options.delay_ms,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            },
        )
    start = Design(options.generator)
    page.goto(f"{address}?design={start.to_code()}")
    page.wait_for_function("window.bench.ready()", timeout=300_000)
    if name != "plain":  # which draws nothing before the slider moves
        page.wait_for_function("window.bench.first()", timeout=60_000)
    wait_until_quiet(page)
    if name == "page":
        wait_until_it_draws(page)
    loaded = page.evaluate("bench.bytes()")
    singles = values(((at * GOLDEN) % 1 for at in range(WARM_UP + options.singles)), round_)
    drag = values(np.linspace(0, 1, options.events).tolist(), round_)
    latencies = page.evaluate("(given) => bench.latencies(...given)", [singles, options.rest_ms])
    pictures = page.evaluate("(given) => bench.drag(...given)", [drag, options.interval_ms])
    final = Image.open(io.BytesIO(base64.b64decode(page.evaluate("bench.pixels()"))))
    return {
        "latencies": latencies[WARM_UP:],
        "pictures": 100 * pictures / options.events,
        "behind": events_behind(final, drag, options),
        "blocked": page.evaluate("bench.blocked()"),
        "first": page.evaluate("bench.first()"),
        "bytes": loaded,
        "picture_px": final.width,
    }


def wait_until_it_draws(page: Page) -> None:
    """Wait until the generator runs in the page.

    Raises:
        RuntimeError: it does not.
    """
    end = time.monotonic() + PATIENCE
    while not page.evaluate(READY):
        if time.monotonic() > end:
            raise RuntimeError("The generator does not run in the page.")
        page.wait_for_timeout(250)
    page.wait_for_timeout(1000)


def wait_until_quiet(page: Page) -> None:
    """Wait until a page has drawn all it draws at its start: nothing new came for two seconds."""
    before, now = -1, 0
    while now != before:
        page.wait_for_timeout(2000)
        before, now = now, page.evaluate("performance.getEntriesByType('resource').length")


def events_behind(final: Image.Image, drag: Sequence[float], options: argparse.Namespace) -> int:
    """How many events came after the one whose picture is nearest to ``final``."""
    renderer = Renderer(options.checkpoints, options.runs)
    found, distances = np.asarray(final.convert("RGB"), np.float32), []
    for value in drag:
        wanted = renderer.enlarged(Design(options.generator, directions=((0, value),)), final.width)
        wanted = np.asarray(wanted.convert("RGB").resize(final.size), np.float32)
        distances.append(np.square(found - wanted).mean())
    return len(drag) - 1 - int(np.argmin(distances))


def rounds(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Every wiring measured in turn, ``--rounds`` times."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in WIRINGS}
    print(HEAD)
    with sync_playwright() as playwright, ExitStack() as stack:
        addresses = {name: stack.enter_context(served(name, options)) for name in WIRINGS}
        browser = launch_browser(playwright)
        for round_ in range(options.rounds):
            for name, address in addresses.items():
                page = browser.new_page(viewport=WINDOW)
                page.add_init_script(path=DRIVER)
                if name == "server":
                    page.add_init_script(SAVES_DATA)
                found[name].append(measure(page, name, address, options, round_))
                page.close()
                print(row(round_ + 1, name, summary(found[name][-1:])), flush=True)
        browser.close()
    return found


def summary(measured: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Over all events of some rounds; the pictures are the median round's."""
    latencies = [each for one in measured for each in one["latencies"]]
    return {
        "median_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(float(np.percentile(latencies, 95)), 1),
        "pictures_per_100": statistics.median(one["pictures"] for one in measured),
        "events_behind": max(one["behind"] for one in measured),
        "blocked_ms": round(max(one["blocked"] for one in measured)),
        "first_ms": round(statistics.median(one["first"] for one in measured)),
        "megabytes": round(max(one["bytes"] for one in measured) / 1e6, 1),
        "picture_px": measured[-1]["picture_px"],
    }


def row(first: Any, name: str, line: dict[str, float]) -> str:
    median, p95, pictures, behind, blocked, start, megabytes, px = line.values()
    return (
        f"{first:>5}  {name:6} {median:10.1f} {p95:7.1f} {pictures:13.0f} {behind:7}"
        f" {blocked:11} {start:9} {megabytes:7.1f} {px:8}"
    )


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench.slider",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    settings.add_folders(result)
    result.add_argument("--generator", default="handbags-dcgan", metavar="NAME")
    result.add_argument("--singles", type=int, default=40, help="events that latency is taken of")
    result.add_argument("--rest-ms", type=float, default=400, help="rest after each of them")
    result.add_argument("--events", type=int, default=100, help="events of a drag")
    result.add_argument("--interval-ms", type=float, default=16, help="time between them")
    result.add_argument("--rounds", type=int, default=3)
    result.add_argument("--delay-ms", type=float, default=0, help="added to each answer")
    return result


def main() -> None:
    """Measure, then print what was found."""
    options = parser().parse_args()
    try:  # also finds the sliders, so that neither server has to
        Renderer(options.checkpoints, options.runs).open(options.generator)
    except (DesignError, CheckpointError) as error:
        parser().error(str(error))
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when the servers import Gradio
    found = rounds(options)
    result: dict[str, Any] = {name: summary(measured) for name, measured in found.items()}
    for name in WIRINGS:
        print(row("all", name, result[name]))
    plain = result["plain"]
    ratios = {}
    for name in ("server", "page"):
        sooner = plain["median_ms"] / result[name]["median_ms"]
        more = result[name]["pictures_per_100"] / max(1, plain["pictures_per_100"])
        ratios[name] = [round(sooner, 2), round(more, 2)]
        print(
            f"{name}: the picture comes {sooner:.1f} times as soon, and {more:.1f} times as many."
        )
    chosen = ("generator", "events", "interval_ms", "delay_ms")
    print(json.dumps({**result, "ratios": ratios, **{n: getattr(options, n) for n in chosen}}))
    for name in ratios:
        if behind := result[name]["events_behind"]:
            sys.exit(f"The studio ({name}) ended {behind} events behind the hand.")


if __name__ == "__main__":
    main()
