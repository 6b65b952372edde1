"""What the endpoints refuse, in sentences without innards, and the files they keep shut."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from calling import ENDPOINTS, FIRST, GREY, SECOND, Call
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image, PngImagePlugin

from studio import design, exports
from studio.render import Renderer
from studio.ui.api import MAX_COLLECTION, MAX_SIZE

# What a sentence for a designer never holds.
INNARDS = ("Traceback", 'File "', "Error:", "site-packages", "object at 0x", "<class")


def check_refused(answer: tuple[int, str], words: str) -> None:
    """A refusal is one sentence with ``words`` in it."""
    status, text = answer
    assert status == 500
    sentence = json.loads(text)["error"]
    assert isinstance(sentence, str) and words in sentence
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence
    assert not any(each in text for each in INNARDS)


def test_a_refusal_reaches_a_program_as_its_sentence(call: Call) -> None:
    with pytest.raises(AppError, match=r"^The generator 'unknown' is not here\."):
        call("render", {"generator": "unknown"}, 16)
    assert call("render", FIRST, 16)  # and the next call is served


# Endpoint, arguments, and words of the sentence that answers them.
REFUSED: dict[str, tuple[str, list[Any], str]] = {
    "no design": ("render", ["colour", 16, None], "not a design"),
    "no design either": ("link", [None], "not a design"),
    "a list for a design": ("render", [[FIRST], 16, None], "not a design"),
    "too much detail": ("render", [FIRST, 16, 1.5], "from 0 to 1"),
    "detail where there is none": ("render", [FIRST, 16, 0.5], "has no detail to add"),
    "a look at detail where there is none": ("detailed", [FIRST], "has no detail to add"),
    "no number for detail": ("render", [FIRST, 16, [1]], "wrong type"),
    "no generator": ("render", [{"seed": 1}, 16, None], "which generator"),
    "a generator that is not here": ("sliders", ["unknown"], "'unknown' is not here"),
    "a path for a generator": ("sliders", ["../colour"], "is not here"),
    "an absolute path": ("sheet", [[{"generator": "/etc", "seed": 1}]], "is not here"),
    "a list for a generator": ("sliders", [["colour"]], "wrong type"),
    "a category it lacks": ("render", [{**FIRST, "label": 1}, 16, None], "no categories"),
    "a category in words": ("render", [{**FIRST, "label": "dress"}, 16, None], "label"),
    "nothing for a generator": ("sliders", [None], "is not here"),
    "an unknown part": ("render", [{**FIRST, "colour": "red"}, 16, None], "does not know: colour"),
    "NaN for a slider": (
        "render",
        [{**FIRST, "directions": [[0, float("nan")]]}, 16, None],
        "number",
    ),
    "infinity": ("render", [{**FIRST, "truncation": float("inf")}, 16, None], "truncation"),
    "a huge number": ("render", [{**FIRST, "truncation": 10**400}, 16, None], "truncation"),
    "NaN for a seed": ("render", [{"generator": "colour", "seed": float("nan")}, 16, None], "seed"),
    "a seed that is too large": ("link", [{"generator": "colour", "seed": 2**32}], "seed"),
    "a slider it lacks": ("render", [{**FIRST, "directions": [[60, 1]]}, 16, None], "sliders"),
    "a fine control it lacks": ("sheet", [[{**FIRST, "dimensions": [[99, 1]]}]], "fine controls"),
    "two generators in one blend": ("blend", [FIRST, GREY, 0.5, None], "same generator"),
    "a size in words": ("render", [FIRST, "large", None], "wrong type"),
    "no size": ("render", [FIRST, None, None], "wrong type"),
    "a size that is too small": ("render", [FIRST, 15, None], "between 16 and"),
    "a size that is too large": ("render", [FIRST, MAX_SIZE + 1, None], "between 16 and"),
    "NaN for a size": ("render", [FIRST, float("nan"), None], "between 16 and"),
    "an infinite size": ("render", [FIRST, float("inf"), None], "between 16 and"),
    "an empty sheet": ("sheet", [[]], "1 to 64"),
    "10,000 designs": ("sheet", [[FIRST] * 10_000], "1 to 64"),
    "a number for a sheet": ("sheet", [7], "wrong type"),
    "a text for a sheet": ("sheet", ["colour"], "not a design"),
    "two generators on one sheet": ("sheet", [[FIRST, GREY]], "one generator"),
    "too many relatives": ("variations", [FIRST, 10_000, 0], "1 to 64"),
    "half a relative": ("variations", [FIRST, 2.5, 0], "wrong type"),
    "a word for the relatives' seed": ("variations", [FIRST, 2, "x"], "seed"),
    "no seed for the relatives": ("variations", [FIRST, 2, None], "seed"),
    "an amount beyond the end": ("blend", [FIRST, SECOND, 1.01, None], "between 0 and 1"),
    "NaN for an amount": ("blend", [FIRST, SECOND, float("nan"), None], "between 0 and 1"),
    "a word for an amount": ("blend", [FIRST, SECOND, "half", None], "wrong type"),
    "a surface beyond the end": ("blend", [FIRST, SECOND, 0.5, -0.1], "between 0 and 1"),
    "a word for a surface": ("blend", [FIRST, SECOND, 0.5, "half"], "wrong type"),
    "a surface that is not apart": ("blend_strip", [FIRST, SECOND, 3, 16, 1], "blended apart"),
    "a strip of one": ("blend_strip", [FIRST, SECOND, 1, 16, None], "between 2 and 64"),
    "a strip of 10,000": ("blend_strip", [FIRST, SECOND, 10_000, 16, None], "between 2 and 64"),
    "a strip of half steps": ("blend_strip", [FIRST, SECOND, 2.5, 16, None], "wrong type"),
    "an animation of two generators": ("blend_animation", [FIRST, GREY, None], "same generator"),
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
    "no photo": ("design_from_photo", [None, "colour", None], "Upload the picture first"),
    "a photo for no generator": ("places", [[{**FIRST, "photo": "AQ"}]], "does not draw photos"),
    "a photo that is damaged": ("link", [{**FIRST, "photo": "A/="}], "photo is damaged"),
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
