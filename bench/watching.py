"""What watching costs a training: images per second with the page open and without.

"alone" is a training that measures nothing and that nobody looks at. "watched" is the same training
as the page starts it: it draws grids of samples, measures their distance and health and keeps the
best moment, while the studio runs beside it on the same machine with the page open in a browser on
the training's own tab, asking every second or two. Both are processes of their own, in turn, each
timed over ``--seconds`` of a training that began ``WARM_UP`` seconds earlier. The images per second
are those between two points of ``curves.jsonl``. The ratio is the median of the rounds' ratios.

    python -m bench.training --watching --data photos.zip
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from bench.slider import launch_browser
from train import recipes
from train.runs.run import CURVES, HOME, Run
from train.work.dataset import place_of

# Until all is loaded and the first looks, which come close together, are over.
WARM_UP = 30.0


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Both in turn; prints a row a round."""
    print("round    alone  watched  ratio")
    rounds = []
    for number in range(1, options.rounds + 1):
        rates = [images_per_second(options, watched) for watched in (False, True)]
        rounds.append((*rates, rates[1] / rates[0]))
        print(row(number, rounds[-1]), flush=True)
    medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print(row("all", medians))
    return {
        "alone_images_per_s": round(medians[0], 1),
        "watched_images_per_s": round(medians[1], 1),
        "ratio": round(medians[2], 3),
        "recipe": options.recipe,
    }


def row(first: Any, rates: Any) -> str:
    alone, watched, ratio = rates
    return f"{first:>5} {alone:8.1f} {watched:8.1f} {ratio:6.3f}"


def images_per_second(options: argparse.Namespace, watched: bool) -> float:
    """Images per second of a training, in the time after its beginning."""
    with tempfile.TemporaryDirectory() as name:
        run = new_run(Path(name) / "runs" / "measured", options, watched)
        with studio(run) if watched else nullcontext():
            run.start_process([options.device if options.device != "auto" else "cpu"])
            try:
                return rate(run, options.seconds)
            finally:
                end(run)


def new_run(folder: Path, options: argparse.Namespace, watched: bool) -> Run:
    """A run that lasts longer than it is measured."""
    recipe = recipes.get(options.recipe)
    if not watched:  # a run without --live draws a grid of samples whenever it logs
        recipe = replace(recipe, log_steps=10**9)
    return Run.create(
        folder,
        {
            "recipe": recipe.to_dict(),
            "data": place_of(str(options.data)),
            "data_digest": None,
            "seed": recipe.seed,
            "length": {"minutes": (WARM_UP + options.seconds) / 60 + 30},
            "live": watched,
            "card": {"title": "Measured"},
        },
    )


def rate(run: Run, seconds: float) -> float:
    """Images per second over ``seconds`` once the warm-up is over."""
    while True:
        time.sleep(1.0)
        points = run.lines(CURVES)
        if not run.is_alive:
            raise SystemExit(f"The training ended: {run.state()[1]}\n{run.output_tail()}")
        later = [point for point in points if point["seconds"] >= WARM_UP]
        if later and later[-1]["seconds"] - later[0]["seconds"] >= seconds:
            shown = later[-1]["images_shown"] - later[0]["images_shown"]
            return shown / (later[-1]["seconds"] - later[0]["seconds"])


def end(run: Run) -> None:
    """Stop the training and wait until its process is gone."""
    with suppress(ValueError):
        run.ask("stop")
    while run.is_alive:
        time.sleep(0.2)


@contextmanager
def studio(run: Run) -> Iterator[None]:
    """The studio, with its page open in a browser on the run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--runs", str(run.folder.parent)]
    server = subprocess.Popen(
        command, cwd=HOME, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address)
        with sync_playwright() as playwright:
            browser = launch_browser(playwright)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(address)
            page.click("#training-button")
            page.get_by_text("Measured").first.click()
            yield
            browser.close()
    finally:
        server.terminate()
        server.wait()


def wait_for(address: str, patience: float = 60.0) -> None:
    end_of_patience = time.monotonic() + patience
    while time.monotonic() < end_of_patience:
        with suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.2)
    raise SystemExit("The studio did not start.")
