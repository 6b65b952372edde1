"""Every endpoint over HTTP, as a program calls it: the same pixels as elsewhere, and sentences."""

from __future__ import annotations

import base64
import io
import json
import socket
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, PngImagePlugin

from studio import blend, design, exports
from studio.__main__ import main
from studio.render import Renderer
from studio.ui.api import MAX_COLLECTION, MAX_SHEET, MAX_SIZE
from studio.ui.page import build, launch_settings

FIRST: dict[str, Any] = {"generator": "colour", "seed": 7, "directions": [[0, 1.5]]}
SECOND: dict[str, Any] = {"generator": "colour", "seed": 8, "truncation": 0.75}
GREY: dict[str, Any] = {"generator": "grey", "seed": 3, "dimensions": [[2, -1.25]]}
BLEND: dict[str, Any] = {"generator": "colour", "seed": 0, "blend": [FIRST, SECOND, 0.25]}
VARIED: dict[str, Any] = {**SECOND, "variations": [[5, 0.3], [6, 0.125]]}
DESIGNS = {
    "sliders": FIRST,
    "truncated": SECOND,
    "grey": GREY,
    "blend": BLEND,
    "varied": VARIED,
}
ENDPOINTS = {
    "generators",
    "sliders",
    "render",
    "sheet",
    "variations",
    "blend",
    "blend_strip",
    "blend_animation",
    "open_picture",
    "open_link",
    "link",
    "collection_zip",
}
# What a sentence for a designer never holds.
INNARDS = ("Traceback", 'File "', "Error:", "site-packages", "object at 0x", "<class")
Call = Callable[..., Any]


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


def opened(source: Any) -> np.ndarray:
    with Image.open(source) as image:
        return np.array(image)


def drawn(renderer: Renderer, values: dict[str, Any]) -> np.ndarray:
    return np.array(renderer.image(design.from_dict(values)))


def check_refused(answer: tuple[int, str], words: str) -> None:
    """A refusal is one sentence with ``words`` in it."""
    status, text = answer
    assert status == 500
    sentence = json.loads(text)["error"]
    assert isinstance(sentence, str) and words in sentence
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence
    assert not any(each in text for each in INNARDS)


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


def test_a_refusal_reaches_a_program_as_its_sentence(call: Call) -> None:
    with pytest.raises(AppError, match=r"^The generator 'unknown' is not here\."):
        call("render", {"generator": "unknown"}, 16)
    assert call("render", FIRST, 16)  # and the next call is served


# Endpoint, arguments, and words of the sentence that answers them.
REFUSED: dict[str, tuple[str, list[Any], str]] = {
    "no design": ("render", ["colour", 16], "not a design"),
    "no design either": ("link", [None], "not a design"),
    "a list for a design": ("render", [[FIRST], 16], "not a design"),
    "no generator": ("render", [{"seed": 1}, 16], "which generator"),
    "a generator that is not here": ("sliders", ["unknown"], "'unknown' is not here"),
    "a path for a generator": ("sliders", ["../colour"], "is not here"),
    "an absolute path": ("sheet", [[{"generator": "/etc", "seed": 1}]], "is not here"),
    "a list for a generator": ("sliders", [["colour"]], "wrong type"),
    "nothing for a generator": ("sliders", [None], "is not here"),
    "an unknown part": ("render", [{**FIRST, "colour": "red"}, 16], "does not know: colour"),
    "NaN for a slider": ("render", [{**FIRST, "directions": [[0, float("nan")]]}, 16], "number"),
    "infinity": ("render", [{**FIRST, "truncation": float("inf")}, 16], "truncation"),
    "a huge number": ("render", [{**FIRST, "truncation": 10**400}, 16], "truncation"),
    "NaN for a seed": ("render", [{"generator": "colour", "seed": float("nan")}, 16], "seed"),
    "a seed that is too large": ("link", [{"generator": "colour", "seed": 2**32}], "seed"),
    "a slider it lacks": ("render", [{**FIRST, "directions": [[60, 1]]}, 16], "sliders"),
    "a fine control it lacks": ("sheet", [[{**FIRST, "dimensions": [[99, 1]]}]], "fine controls"),
    "two generators in one blend": ("blend", [FIRST, GREY, 0.5], "same generator"),
    "a size in words": ("render", [FIRST, "large"], "wrong type"),
    "no size": ("render", [FIRST, None], "wrong type"),
    "a size that is too small": ("render", [FIRST, 15], "between 16 and"),
    "a size that is too large": ("render", [FIRST, MAX_SIZE + 1], "between 16 and"),
    "NaN for a size": ("render", [FIRST, float("nan")], "between 16 and"),
    "an infinite size": ("render", [FIRST, float("inf")], "between 16 and"),
    "an empty sheet": ("sheet", [[]], "1 to 64"),
    "10,000 designs": ("sheet", [[FIRST] * 10_000], "1 to 64"),
    "a number for a sheet": ("sheet", [7], "wrong type"),
    "a text for a sheet": ("sheet", ["colour"], "not a design"),
    "two generators on one sheet": ("sheet", [[FIRST, GREY]], "one generator"),
    "too many relatives": ("variations", [FIRST, 10_000, 0], "1 to 64"),
    "half a relative": ("variations", [FIRST, 2.5, 0], "wrong type"),
    "a word for the relatives' seed": ("variations", [FIRST, 2, "x"], "seed"),
    "no seed for the relatives": ("variations", [FIRST, 2, None], "seed"),
    "an amount beyond the end": ("blend", [FIRST, SECOND, 1.01], "between 0 and 1"),
    "NaN for an amount": ("blend", [FIRST, SECOND, float("nan")], "between 0 and 1"),
    "a word for an amount": ("blend", [FIRST, SECOND, "half"], "wrong type"),
    "a strip of one": ("blend_strip", [FIRST, SECOND, 1, 16], "between 2 and 64"),
    "a strip of 10,000": ("blend_strip", [FIRST, SECOND, 10_000, 16], "between 2 and 64"),
    "a strip of half steps": ("blend_strip", [FIRST, SECOND, 2.5, 16], "wrong type"),
    "an animation of two generators": ("blend_animation", [FIRST, GREY], "same generator"),
    "an empty link": ("open_link", [""], "damaged"),
    "a damaged link": ("open_link", [design.from_dict(FIRST).to_code()[:-4]], "damaged"),
    "a foreign link": ("open_link", ["https://example.com"], "damaged"),
    "a number for a link": ("open_link", [7], "wrong type"),
    "an endless link": ("open_link", ["A" * 100_000], "too long"),
    "an empty collection": ("collection_zip", [[]], f"1 to {MAX_COLLECTION}"),
    "a huge collection": ("collection_zip", [[{}] * 10_000], f"1 to {MAX_COLLECTION}"),
    "a nameless kept design": ("collection_zip", [[{"design": FIRST}]], "needs a name"),
    "a kept name that is none": ("collection_zip", [[{"name": 5, "design": FIRST}]], "name"),
    "a kept design that is none": ("collection_zip", [[{"name": "a"}]], "not a design"),
    "no file": ("open_picture", [None], "Upload the picture first"),
    "a text for a file": ("open_picture", ["/etc/passwd"], "Upload the picture first"),
    "a number for a path": ("open_picture", [{"path": 7}], "Upload the picture first"),
    "a zero byte in a path": ("open_picture", [{"path": "a\0b"}], "Upload the picture first"),
    "a path that is too long": ("open_picture", [{"path": "a" * 9999}], "Upload the picture"),
}


@pytest.mark.parametrize(("name", "data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_in_a_sentence(
    ask: Call, capsys: pytest.CaptureFixture, name: str, data: list[Any], words: str
) -> None:
    check_refused(ask(name, *data), words)
    if words != "wrong type":  # which may be a mistake of ours, and is logged
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(ENDPOINTS - {"generators"}))
def test_missing_arguments_show_no_innards(ask: Call, name: str) -> None:
    status, text = ask(name)
    assert status >= 400 and not any(each in text for each in INNARDS)


def foreign_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def hostile_png(text: str) -> bytes:
    buffer, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_itxt(exports.KEY, text)
    Image.new("RGB", (20, 20), "teal").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


FILES = {
    "foreign": (foreign_png(), "carries no design"),
    "text": (b"not a picture at all", "not a picture that can be opened"),
    "empty": (b"", "not a picture that can be opened"),
    "cut": (foreign_png()[:40], "not a picture that can be opened"),
    "no json": (hostile_png("{"), "text is damaged"),
    "no design": (hostile_png("[1, 2]"), "not a design"),
    "nested": (hostile_png("[" * 100_000), "."),
    "unknown generator": (hostile_png('{"generator": "unknown"}'), "'unknown' is not here"),
    "undrawable": (
        hostile_png('{"generator": "colour", "dimensions": [[4000, 1]]}'),
        "fine controls",
    ),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_foreign_file_is_refused(call: Call, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(AppError) as refused:
        call("open_picture", handle_file(str(path)))
    sentence = str(refused.value)
    assert words in sentence and not any(each in sentence for each in INNARDS)


def test_only_uploaded_files_are_read(
    ask: Call, server: str, renderer: Renderer, tmp_path: Path
) -> None:
    """Even a file that would open: whatever path a caller writes, the server's files stay shut."""
    own = tmp_path / "own.png"
    own.write_bytes(exports.to_png(renderer, design.from_dict({**FIRST, "seed": 424242})))
    tag = {"meta": {"_type": "gradio.FileData"}}
    for path in ("/etc/passwd", str(own), "checkpoints/../README.md", "../" * 20 + "etc/passwd"):
        check_refused(ask("open_picture", {"path": path}), "Upload the picture first")
        status, text = ask("open_picture", {"path": path, **tag})
        assert status >= 400
        assert "424242" not in text and "root:" not in text
    # Nor are addresses fetched.
    address = f"{server}/studio-page/favicon.svg"
    for file in ({"path": address}, {"path": address, **tag}, {"url": address, **tag}):
        status, text = ask("open_picture", file)
        assert status >= 400 and "svg" not in text


@pytest.mark.parametrize(
    "path", ["../page.py", "%2e%2e/page.py", "..%2fpage.py", "%2fetc/passwd", "preview/..%2f.."]
)
def test_the_pages_own_route_stays_in_its_folder(server: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server}/studio-page/{path}", timeout=60)
    assert refused.value.code == 404


def test_the_pages_files_and_previews_are_served(server: str, checkpoints: Path) -> None:
    with urllib.request.urlopen(f"{server}/studio-page/tiles.js", timeout=60) as answer:
        assert "javascript" in answer.headers["Content-Type"]
    with urllib.request.urlopen(f"{server}/studio-page/preview/colour", timeout=60) as answer:
        assert answer.read() == (checkpoints / "colour" / "preview.jpg").read_bytes()
