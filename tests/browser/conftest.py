"""A browser, a server with tiny generators, and visitors who notice everything that goes wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from acting import Stage
from playwright.sync_api import Browser, Error, sync_playwright
from serving import Server
from visiting import Profile, Visitor, Watch, context_of

from studio import checkpoint, onnx_files
from studio.checkpoint import Checkpoint
from studio.render import Renderer

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    # WebGPU in software, which the page takes for no graphics card unless a test says otherwise.
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
INSTALLED = ("chromium", "chromium-browser", "google-chrome")
# In a title and a description: it must be shown as it is, never become an element.
MARKUP = '<img src="x" onerror="window.hacked = 1">'


@pytest.fixture(scope="session")
def studio_checkpoints(
    tmp_path_factory: pytest.TempPathFactory,
    make_checkpoint: Callable[..., Checkpoint],
    make_colourist: Callable[..., Checkpoint],
    exported_by: Callable[[Checkpoint], bytes],
) -> Path:
    """Three generators, the third of which tries to put markup into the page.

    And one of three categories, which draws shape and surface apart and has many fine controls, and
    one that paints the colours it is told.
    """
    colour = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
    style = {"kind": "style", "latent_dim": 6, "style_dim": 140, "widths": [8, 8, 6], "classes": 3}
    grey = {"kind": "mlp", "latent_dim": 6, "widths": [16, 24], "channels": 1, "output": "sigmoid"}
    root = tmp_path_factory.mktemp("studio-checkpoints")
    make_checkpoint(root / "colour", colour, seed=1, order=1, description="Colourful noise")
    make_checkpoint(
        root / "grey",
        grey,
        seed=2,
        order=2,
        enlargement="nearest",
        truncation=0.8,
        data={"images": 60_000, "notice": "Learnt from nothing at all."},
    )
    hostile = {"title": f"{MARKUP} Markup", "description": MARKUP, "data": {"notice": MARKUP}}
    make_checkpoint(root / "markup", colour, seed=3, order=3, **hostile)
    names = ["Dress", "Tank top", "<img src=x onerror=hacked=1> Coat"]
    make_checkpoint(root / "styled", style, seed=4, order=4, classes=names)
    make_colourist(root / "colourist", order=5, guidance=1.25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_files, "exported", exported_by)
        for each in checkpoint.find(root).values():
            onnx_files.of_checkpoint(each)
    return root


@pytest.fixture(scope="session")
def studio_renderer(studio_checkpoints: Path) -> Renderer:
    """Draws what the page must show, in this process."""
    return Renderer(studio_checkpoints)


@pytest.fixture(scope="session")
def server(
    browser: Browser, studio_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server that all tests share. It comes after the browser, which may be missing."""
    result = Server(studio_checkpoints, tmp_path_factory.mktemp("server"))
    yield result.start().wait()
    result.stop()
    result.end_trainings()


@pytest.fixture(scope="session")
def own_server(
    browser: Browser, studio_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server for tests that have runs and leave none; their modules call it ``server``."""
    result = Server(studio_checkpoints, tmp_path_factory.mktemp("own-server"))
    yield result.start().wait()
    result.stop()
    result.end_trainings()


@pytest.fixture
def stage(server: Server) -> Iterator[Stage]:
    """Where a test plays runs that the server shows, which is ``own_server`` then."""
    result = Stage(server.runs)
    yield result
    result.clear()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: $STUDIO_CHROMIUM, or an installed one, or Playwright's own."""
    named = os.environ.get("STUDIO_CHROMIUM")
    found = [named] if named else [path for each in INSTALLED if (path := shutil.which(each))]
    with sync_playwright() as playwright:
        reasons = []
        for path in [*found, *([] if named else [None])]:
            try:
                result = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            except Error as error:
                reasons.append(f"{path or 'Playwright’s own'}: {error.message.splitlines()[0]}")
                continue
            yield result
            result.close()
            return
        reason = f"No Chromium could be started ({'; '.join(reasons)})."
        if os.environ.get("STUDIO_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def profiles(browser: Browser, server: Server) -> Iterator[list[Profile]]:
    """The browser profiles that are free for a module's visitors."""
    free: list[Profile] = []
    yield free
    for each in free:
        each.context.close()


@contextmanager
def visits(browser: Browser, server: Server, profiles: list[Profile]) -> Iterator[Callable]:
    """``make(new, **context)``: someone with a browser profile of their own, yet to come.

    It is one that others have used and that has forgotten them; a really new one for those who say
    so or have settings of their own. Only that may be given routes, scripts and listeners.
    At the end, any error that was not allowed makes the test fail.
    """
    made: list[tuple[Visitor, Profile | None]] = []

    def make(new: bool = False, **settings: Any) -> Visitor:
        profile = None
        if not new and not settings:
            profile = profiles.pop() if profiles else Profile(browser, server.url)
        context = profile.context if profile else context_of(browser, **settings)
        page = profile.page() if profile else None
        visitor = Visitor(context, server.url, Watch(context, server.url), page)
        made.append((visitor, profile))
        return visitor

    yield make
    wrong = []
    for visitor, profile in made:
        for page in visitor.context.pages:
            if page.evaluate("window.hacked"):
                wrong.append("Markup was executed.")
        visitor.watch.end()
        if profile:
            profile.forget()
            profiles.append(profile)
        else:
            visitor.context.close()
        wrong += visitor.watch.wrong
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def make_visitor(browser: Browser, server: Server, profiles: list[Profile]) -> Iterator[Callable]:
    """``make_visitor()``: a visitor, who is watched for one test; see :func:`visits`."""
    with visits(browser, server, profiles) as make:
        yield make


@pytest.fixture(scope="module")
def regular(browser: Browser, server: Server, profiles: list[Profile]) -> Iterator[Visitor]:
    """A visitor with the page open, who stays for all of a module's tests."""
    with visits(browser, server, profiles) as make:
        yield make().open()


@pytest.fixture
def visitor(make_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor at a desk, with the page open."""
    return make_visitor().open()
