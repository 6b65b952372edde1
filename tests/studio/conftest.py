"""What tests of the studio share: its server in this process, calls to it, a tiny checkpoint."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from calling import Call
from checkpoint_cards import COLOUR, Make
from gradio_client import Client
from photo_parts import write

from studio.checkpoint import Checkpoint
from studio.render import Renderer
from studio.ui.page import build, launch_settings


@pytest.fixture(scope="module")
def server(renderer: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app's address, in this process, its downloads in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("served")))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        page = build(renderer)
        page.launch(
            server_name="127.0.0.1",
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            **launch_settings(renderer),
        )
        yield f"http://127.0.0.1:{port}"
        page.close(verbose=False)


@pytest.fixture(scope="module")
def make_client(server: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Client]:
    def make() -> Client:
        folder = tmp_path_factory.mktemp("downloads")
        return Client(server, verbose=False, download_files=folder, analytics_enabled=False)

    return make


@pytest.fixture(scope="module")
def call(make_client: Callable[[], Client]) -> Call:
    """``call(name, *data)``: the endpoint's result."""
    client = make_client()
    return lambda name, *data, **named: client.predict(*data, api_name=f"/{name}", **named)


@pytest.fixture(scope="module")
def ask(server: str) -> Call:
    """``ask(name, *data)``: status and text of a bare request, with whatever JSON can say."""

    def send(name: str, *data: Any) -> tuple[int, str]:
        request = urllib.request.Request(
            f"{server}/gradio_api/run/{name}",
            json.dumps({"data": data}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return send


@pytest.fixture
def tiny(make_checkpoint: Make, tmp_path: Path) -> Checkpoint:
    """A checkpoint of its own for each test, which may break it."""
    return make_checkpoint(tmp_path / "tiny", COLOUR)


@pytest.fixture(scope="module")
def takes_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two generators that take photos, ``coded`` and one whose codes are others."""
    folder = tmp_path_factory.mktemp("coded")
    write(folder / "coded")
    write(folder / "other", other=True)
    return folder
