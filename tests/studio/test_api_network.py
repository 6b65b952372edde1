"""A generator for the page to draw with by itself: what the endpoint says and the route serves."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPMessage
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from calling import FIRST, Call

from studio import onnx_export, onnx_files
from studio.checkpoint import Checkpoint
from studio.generators.base import to_uint8
from studio.onnx_export import ExportError
from studio.onnx_files import FILE
from studio.render import Renderer


@pytest.fixture(scope="module")
def folder(styled_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of which one is exported only here, and one never."""
    root = tmp_path_factory.mktemp("networks") / "all"
    shutil.copytree(styled_checkpoints, root)
    shutil.copytree(root / "colour", root / "unasked")
    return root


@pytest.fixture(scope="module")
def renderer(folder: Path) -> Renderer:
    """What the server of these tests draws with."""
    return Renderer(folder)


@pytest.fixture(scope="module")
def asked(server: str, call: Call, exported_by: Callable[[Checkpoint], bytes]) -> dict:
    """What the endpoint says of the styled generator, after 404 while there was no file."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(server, "styled")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(onnx_files, "exported", exported_by)
        both = [pool.submit(call, "network", "styled") for _ in range(2)]
        call("render", FIRST, 16)  # drawing goes on meanwhile
        first, second = (each.result() for each in both)
    assert first == second
    return first


def fetched(server: str, name: str) -> tuple[HTTPMessage, bytes]:
    with urllib.request.urlopen(f"{server}/studio-page/network/{name}", timeout=60) as answer:
        return answer.headers, answer.read()


def test_the_page_gets_all_it_needs_to_draw(
    server: str, call: Call, asked: dict, renderer: Renderer
) -> None:
    generator = renderer.open("styled").generator
    directions = renderer.open("styled").directions
    _, data = fetched(server, "styled")
    assert hashlib.sha256(data).hexdigest() == asked["sha256"] and len(data) == asked["bytes"]
    form = {name: asked[name] for name in ("size", "layers", "dim", "mapped", "coarse", "linear")}
    assert form == {"size": 16, "layers": 3, "dim": 10, "mapped": True, "coarse": 2, "linear": True}
    vectors = np.frombuffer(base64.b64decode(asked["vectors"]), "<f4").reshape(
        -1, asked["layers"], asked["dim"]
    )
    np.testing.assert_array_equal(vectors, directions.vectors)
    assert len(vectors) == len(call("sliders", "styled")["directions"])
    assert {*form, "sha256", "bytes", "vectors"} <= set(asked)

    # A slider moved by what was sent, drawn by what was served.
    styles = onnx_export.example(generator, 5).numpy()
    styles += 1.5 * vectors[1]
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run(["pixels"], {"styles": styles})
    with torch.inference_mode():
        drawn = to_uint8(generator.draw(torch.tensor(styles)), generator.value_range)[0]
    difference = found[..., :3].astype(int) - drawn.permute(1, 2, 0).numpy()
    assert np.abs(difference).max() <= 2


def test_the_file_is_served_as_it_is(server: str, asked: dict) -> None:
    headers, _ = fetched(server, "styled")
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Cache-Control"] == "no-cache"


def test_asking_again_exports_nothing(
    call: Call, asked: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(onnx_files, "exported")
    assert call("network", "styled") == asked


@pytest.mark.parametrize("name", ["unasked", "unknown", "..%2fstyled", "%2fetc%2fpasswd", "%00"])
def test_the_route_starts_no_export(server: str, folder: Path, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetched(server, name)
    assert caught.value.code == 404
    assert not (folder / "unasked" / FILE).exists()


def test_a_damaged_file_is_not_served(server: str, asked: dict, folder: Path) -> None:
    path = folder / "styled" / FILE
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetched(server, "styled")
    path.write_bytes(whole)
    assert fetched(server, "styled")[1] == whole


def test_a_file_in_the_cache_is_served_too(
    server: str, asked: dict, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = onnx_files.find(Renderer(folder).checkpoints()["styled"])
    weights = Renderer(folder).checkpoints()["styled"].card["generator_sha256"]
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path))
    (tmp_path / "networks").mkdir()
    name = f"{weights[:32]}-{found.sha256[:32]}.onnx"
    cached = shutil.move(found.path, tmp_path / "networks" / name)
    data = Path(cached).read_bytes()
    assert fetched(server, "styled")[1] == data
    shutil.move(cached, found.path)


@pytest.mark.parametrize(
    ("name", "words"), [("unknown", "'unknown' is not here"), (["x"], "wrong type")]
)
def test_what_is_not_here_is_a_sentence(ask: Call, name: object, words: str) -> None:
    status, text = ask("network", name)
    assert status == 500 and words in json.loads(text)["error"]


def test_a_failed_export_is_a_sentence(
    ask: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> bytes:
        raise ExportError("This generator can't be exported.")

    monkeypatch.setattr(onnx_files, "exported", fail)
    monkeypatch.setattr(onnx_files, "_failed", {})
    status, text = ask("network", "unasked")
    assert status == 500
    assert json.loads(text)["error"] == "This generator can't be exported."
    assert not (folder / "unasked" / FILE).exists()
