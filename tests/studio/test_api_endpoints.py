"""Every endpoint over HTTP, as a program calls it: the same pixels as elsewhere."""

from __future__ import annotations

import base64
import io
import urllib.request
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import ENDPOINTS, FIRST, GREY, SECOND, Call
from gradio_client import Client, handle_file
from PIL import Image

from studio import blend, design, exports
from studio.__main__ import main
from studio.render import Renderer
from studio.ui.api import MAX_SHEET

BLEND: dict[str, Any] = {"generator": "colour", "seed": 0, "blend": [FIRST, SECOND, 0.25]}
VARIED: dict[str, Any] = {**SECOND, "variations": [[5, 0.3], [6, 0.125]]}
DESIGNS = {
    "sliders": FIRST,
    "truncated": SECOND,
    "grey": GREY,
    "blend": BLEND,
    "varied": VARIED,
}


def opened(source: Any) -> np.ndarray:
    with Image.open(source) as image:
        return np.array(image)


def drawn(renderer: Renderer, values: dict[str, Any]) -> np.ndarray:
    return np.array(renderer.image(design.from_dict(values)))


def test_the_endpoints_are_these(make_client: Callable[[], Client]) -> None:
    found = make_client().view_api(return_format="dict", print_info=False)
    assert set(found["named_endpoints"]) == {f"/{name}" for name in ENDPOINTS}
    assert not found["unnamed_endpoints"]


def test_generators(call: Call, renderer: Renderer) -> None:
    found = call("generators")
    assert [each["name"] for each in found] == list(renderer.checkpoints()) == ["colour", "grey"]
    assert found[0]["title"] == "Colour"
    assert found[0]["description"] == "Colourful noise"
    assert [each["enlargement"] for each in found] == ["lanczos", "nearest"]
    for each in found:
        assert each["fingerprint"] == renderer.checkpoints()[each["name"]].fingerprint
        assert each["truncation"] == 1.0


@pytest.mark.parametrize(("name", "dimensions", "size"), [("colour", 8, 16), ("grey", 6, 28)])
def test_sliders(call: Call, renderer: Renderer, name: str, dimensions: int, size: int) -> None:
    found = call("sliders", name)
    assert (found["dimensions"], found["size"]) == (dimensions, size)
    assert found["directions"] == [list(ends) for ends in renderer.open(name).directions.names]
    assert 1 <= len(found["directions"]) <= dimensions


@pytest.mark.parametrize("values", DESIGNS.values(), ids=DESIGNS)
def test_render_draws_what_the_renderer_draws_and_carries_it(
    call: Call, renderer: Renderer, values: dict[str, Any]
) -> None:
    path = Path(call("render", values, 16))
    assert path.name == f"{values['generator']}-{values['seed']}.png"
    assert np.array_equal(opened(path), drawn(renderer, values))
    carried = exports.from_png(path.read_bytes())
    assert carried == renderer.stamped(design.from_dict(values))
    assert carried.fingerprint


def test_render_enlarges_in_the_generators_manner(call: Call, renderer: Renderer) -> None:
    large = opened(call("render", FIRST))
    assert large.shape == (1024, 1024, 3)
    assert np.array_equal(large, np.array(renderer.enlarged(design.from_dict(FIRST), 1024)))
    pixel_art = opened(call("render", GREY, 100))
    assert np.array_equal(pixel_art, drawn(renderer, GREY).repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize("values", [FIRST, GREY], ids=["colour", "grey"])
def test_sheet(call: Call, renderer: Renderer, values: dict[str, Any]) -> None:
    designs = [{**values, "seed": seed} for seed in range(5)]
    sheet = call("sheet", designs)
    tiles = [drawn(renderer, each) for each in designs]
    assert (sheet["count"], sheet["size"]) == (5, len(tiles[0]))
    pixels = opened(io.BytesIO(base64.b64decode(sheet["png"])))
    assert np.array_equal(pixels, np.concatenate(tiles, 1))


def test_the_largest_sheet(call: Call) -> None:
    designs = [{"generator": "colour", "seed": seed} for seed in range(MAX_SHEET)]
    assert call("sheet", designs)["count"] == MAX_SHEET


def test_variations_are_decided_by_their_seed(call: Call, renderer: Renderer) -> None:
    found = call("variations", FIRST, 4, 9)
    assert found == call("variations", FIRST, 4, 9)
    assert found[:2] == call("variations", FIRST, 2, 9)
    assert found != call("variations", FIRST, 4, 10)
    assert len(call("variations", FIRST)) == 8
    pictures = {drawn(renderer, each).tobytes() for each in [FIRST, *found]}
    assert len(pictures) == 5
    for each in found:
        assert {**each, "variations": None} == {**FIRST, "variations": None}


def test_blend(call: Call) -> None:
    assert call("blend", FIRST, SECOND, 0.25) == BLEND
    assert call("blend", FIRST, SECOND, 0) == FIRST
    assert call("blend", FIRST, SECOND, 1) == SECOND


def test_blend_strip(call: Call, renderer: Renderer) -> None:
    first, second = design.from_dict(FIRST), design.from_dict(SECOND)
    strip = opened(call("blend_strip", FIRST, SECOND, 5, 16))
    steps = [np.array(renderer.image(each)) for each in blend.steps(first, second, 5)]
    assert np.array_equal(strip, np.concatenate(steps, 1))
    assert opened(call("blend_strip", FIRST, SECOND)).shape == (512, 9 * 512, 3)


def test_blend_animation(call: Call) -> None:
    path = Path(call("blend_animation", FIRST, SECOND))
    assert path.suffix == ".gif"
    with Image.open(path) as image:
        assert image.format == "GIF" and image.size == (512, 512)
        assert image.n_frames == 48  # 25 there and 23 back: the ends are shown once
        assert image.info["loop"] == 0


@pytest.mark.parametrize("values", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize("size", [16, 1024])
def test_a_downloaded_picture_reopens(
    call: Call, renderer: Renderer, values: dict[str, Any], size: int
) -> None:
    found = call("open_picture", handle_file(call("render", values, size)))
    stamped = renderer.stamped(design.from_dict(values))
    assert found == {"design": stamped.to_dict(), "note": ""}


@pytest.mark.parametrize("values", DESIGNS.values(), ids=DESIGNS)
def test_a_link_reopens(call: Call, renderer: Renderer, values: dict[str, Any]) -> None:
    code = call("link", values)
    assert code == renderer.stamped(design.from_dict(values)).to_code()
    assert code.isascii() and not set(code) & set("+/=&?# ")
    found = call("open_link", code)
    assert found == {"design": renderer.stamped(design.from_dict(values)).to_dict(), "note": ""}


def test_a_design_of_older_weights_reopens_with_a_note(call: Call) -> None:
    code = design.from_dict({**FIRST, "fingerprint": "0123456789ab"}).to_code()
    found = call("open_link", code)
    assert found["design"]["fingerprint"] not in ("", "0123456789ab")
    assert found["note"].endswith(".")


def test_collection_zip(call: Call, renderer: Renderer) -> None:
    kept = [
        {"name": "Evening bag", "design": FIRST},
        {"name": "Evening bag", "design": SECOND},
        {"name": "../../grey/№1", "design": GREY, "id": "7"},
    ]
    with zipfile.ZipFile(call("collection_zip", kept)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[:2] == ["Evening bag.png", "Evening bag 2.png"]
        assert len(names) == 3 and not set("/\\.") & set(names[2].removesuffix(".png"))
        carried = [exports.from_png(archive.read(name)) for name in names]
    assert carried == [renderer.stamped(design.from_dict(each["design"])) for each in kept]


@pytest.mark.parametrize("values", [SECOND, {"generator": "grey", "seed": 3}], ids=str)
def test_the_same_pixels_from_the_api_the_shell_and_the_renderer(
    call: Call,
    renderer: Renderer,
    checkpoints: Path,
    tmp_path: Path,
    values: dict[str, Any],
) -> None:
    runs = tmp_path / "runs"
    name, seed = values["generator"], values["seed"]
    options = ["--checkpoints", checkpoints, "--runs", runs, "generate", name, "--count", 1]
    options += ["--seed", seed, "--truncation", values.get("truncation", 1.0), "--out", tmp_path]
    assert main([str(each) for each in options]) == 0
    from_shell = tmp_path / f"{name}-{seed}.png"
    assert from_shell.read_bytes() == Path(call("render", values, 16)).read_bytes()
    assert np.array_equal(opened(from_shell), drawn(renderer, values))


def test_two_clients_do_not_affect_each_other(
    make_client: Callable[[], Client], renderer: Renderer
) -> None:
    clients = [make_client(), make_client()]

    def work(index: int) -> list[tuple[dict[str, Any], str]]:
        designs = [{"generator": ("colour", "grey")[index], "seed": seed} for seed in range(6)]
        return [(each, clients[index].predict(each, 16, api_name="/render")) for each in designs]

    with ThreadPoolExecutor(2) as pool:
        results = [each for found in pool.map(work, range(2)) for each in found]
    assert len(results) == 12
    for values, path in results:
        assert np.array_equal(opened(path), drawn(renderer, values))


def test_the_pages_files_and_previews_are_served(server: str, checkpoints: Path) -> None:
    with urllib.request.urlopen(f"{server}/studio-page/tiles.js", timeout=60) as answer:
        assert "javascript" in answer.headers["Content-Type"]
    with urllib.request.urlopen(f"{server}/studio-page/preview/colour", timeout=60) as answer:
        assert answer.read() == (checkpoints / "colour" / "preview.jpg").read_bytes()
