"""Pictures carry their designs out and back; every other file is refused in a sentence."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from studio import exports
from studio.checkpoint import CheckpointError
from studio.design import Design, DesignError
from studio.exports import KEY, MAX_BYTES, MAX_SIZE, file_name, from_png, to_png, to_zip
from studio.render import Renderer

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLAIN = Design("colour", seed=4)
FULL = Design(
    "colour",
    seed=2**32 - 1,
    truncation=0.55,
    directions=((0, 1.25), (7, -0.5)),
    dimensions=((3, 0.7),),
    variations=((8, 0.3),),
)
DESIGNS = {
    "plain": PLAIN,
    "full": FULL,
    "blend": Design("colour", blend=(FULL, replace(FULL, blend=(PLAIN, FULL, 0.25)), 0.3333)),
    "grey": Design("grey", seed=4),
}


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png(*chunks: bytes, width: int = 8, height: int = 8) -> bytes:
    """A grey PNG of these chunks between its header and its pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 9 * 8))
    return SIGNATURE + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def carrying(text: str | bytes) -> bytes:
    """A PNG whose design is ``text``."""
    text = text if isinstance(text, bytes) else text.encode()
    return png(chunk(b"iTXt", KEY.encode() + b"\0\0\0\0\0" + text))


# --- out and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 40, 1024])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_a_picture_carries_its_design_and_reopens_exactly(
    renderer: Renderer, design: Design, size: int
) -> None:
    data = to_png(renderer, design, size)
    found = from_png(data)
    assert found == renderer.stamped(design)
    np.testing.assert_array_equal(renderer.pixels(found), renderer.pixels(design))
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        expected = np.asarray(renderer.enlarged(design, size))
        np.testing.assert_array_equal(np.asarray(image), expected)
    assert to_png(renderer, found, size) == data


def test_an_exported_picture_is_large_enough_for_a_board(renderer: Renderer) -> None:
    with Image.open(io.BytesIO(to_png(renderer, PLAIN))) as image:
        assert image.size == (1024, 1024)


def test_old_weights_are_told_by_the_fingerprint(renderer: Renderer) -> None:
    old = replace(PLAIN, fingerprint="0123456789ab")
    assert from_png(to_png(renderer, old)) == renderer.stamped(PLAIN) != old


def test_the_design_may_stand_after_the_pixels(renderer: Renderer) -> None:
    data = to_png(renderer, FULL)
    start = data.index(b"iTXt") - 4
    length = struct.unpack(">I", data[start : start + 4])[0] + 12
    text, rest = data[start : start + length], data[:start] + data[start + length :]
    end = rest.rindex(b"IEND") - 4
    moved = rest[:end] + text + rest[end:]
    assert moved.index(b"iTXt") > moved.rindex(b"IDAT")
    assert from_png(moved) == renderer.stamped(FULL)


def test_any_png_text_chunk_may_hold_the_design() -> None:
    text, key = PLAIN.to_json().encode(), KEY.encode()
    plain = png(chunk(b"tEXt", key + b"\0" + text))
    packed = png(chunk(b"zTXt", key + b"\0\0" + zlib.compress(text)))
    for data in (plain, packed, carrying(text)):
        assert from_png(data) == PLAIN


# --- what is refused ---------------------------------------------------------------------------


def grey() -> Image.Image:
    return Image.new("L", (8, 8), 77)


def with_text(key: str, text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text(key, text)
    return encode(grey(), pnginfo=info)


@pytest.mark.parametrize(
    "data",
    [encode(grey()), png(), with_text("parameters", "a cat"), with_text("Atelier-Design", "{}")],
    ids=["plain", "made by hand", "another's text", "another key"],
)
def test_a_foreign_png_carries_no_design(data: bytes) -> None:
    with pytest.raises(DesignError, match="carries no design"):
        from_png(data)


FOREIGN = {
    "nothing": b"",
    "text": b"hello",
    "JSON": PLAIN.to_json().encode(),
    "JPEG": encode(grey(), "JPEG", comment=PLAIN.to_json()),
    "GIF": encode(grey(), "GIF"),
    "WebP": encode(grey(), "WEBP"),
    "TIFF": encode(grey(), "TIFF"),
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "signature": SIGNATURE,
    "zeros": SIGNATURE + b"\0" * 4096,
    "no size": png(width=0, height=0),
    "larger than any of ours": png(width=MAX_SIZE + 1, height=8),
    "bomb header": png(width=60_000, height=60_000),
    "larger bomb header": png(width=2**31 - 1, height=2**31 - 1),
    "warned-of header": png(width=10_000, height=10_000),
    "chunk longer than the file": SIGNATURE + struct.pack(">I", 2**31 - 1) + b"IHDR" + b"\0" * 99,
    "text bomb": png(chunk(b"zTXt", KEY.encode() + b"\0\0" + zlib.compress(b" " * 200_000_000, 9))),
    "international text bomb": png(
        chunk(b"iTXt", KEY.encode() + b"\0\1\0\0\0" + zlib.compress(b" " * 200_000_000, 9))
    ),
    "many texts": png(
        *[chunk(b"zTXt", b"a\0\0" + zlib.compress(b" " * 1_000_000, 9)) for _ in range(80)]
    ),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_picture_from_here_is_refused(data: bytes) -> None:
    with pytest.raises(DesignError, match="not a picture that can be opened here"):
        from_png(data)


def test_a_picture_with_more_pixels_than_any_from_here_is_refused_though_it_is_whole() -> None:
    def whole(side: int) -> bytes:
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
        text = chunk(b"tEXt", KEY.encode() + b"\0" + PLAIN.to_json().encode())
        rows = zlib.compress(bytes((1 + -(-side // 8)) * side))
        return SIGNATURE + header + text + chunk(b"IDAT", rows) + chunk(b"IEND", b"")

    assert from_png(whole(2048)) == PLAIN
    with pytest.raises(DesignError, match="not a picture that can be opened here"):
        from_png(whole(9_600))


def test_no_other_format_is_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    spy = (lambda *_: opened.append("open"), lambda head: bool(opened.append("accept")) or True)
    monkeypatch.setitem(Image.OPEN, "SPY", spy)
    monkeypatch.setattr(Image, "ID", ["SPY", *Image.ID])
    for data in (FOREIGN["EPS"], FOREIGN["JPEG"], FOREIGN["TIFF"]):
        with pytest.raises(DesignError):
            from_png(data)
    assert opened == []


def test_a_file_cut_or_damaged_anywhere_is_refused_or_the_design(renderer: Renderer) -> None:
    data, stamped = to_png(renderer, FULL, 0), renderer.stamped(FULL)
    cut = [data[:length] for length in range(0, len(data), 7)]
    damaged = [
        data[:index] + bytes([data[index] ^ 0x55]) + data[index + 1 :]
        for index in range(0, len(data), 3)
    ]
    refused = []
    for some in (cut, damaged):
        count = 0
        for each in some:
            try:
                assert from_png(each) == stamped
            except DesignError:
                count += 1
        refused.append(count / len(some))
    assert refused[0] > 0.95  # Pillow forgives a missing end once all pixels are there
    assert refused[1] > 0.5


def test_a_huge_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(DesignError, match="too large"):
        from_png(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[1]",
        '{"generator": 5}',
        '{"generator": "colour", "seed": -1}',
        '{"generator": "colour", "seed": NaN}',
        '{"generator": "colour", "truncation": 1' + "0" * 400 + "}",
        '{"generator": "colour", "colour": "red"}',
        '{"generator": "colour"',
        "[" * 500_000,
        '{"generator": "' + "x" * 4_000_000 + '"}',
        b"\xff\xfe\x80",
        b"\x1f\x8b\x08",
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_damaged_design_is_refused(text: str | bytes) -> None:
    with pytest.raises(DesignError):
        from_png(carrying(text))


def test_a_design_for_a_generator_that_is_not_here_is_opened_and_then_refused(
    renderer: Renderer,
) -> None:
    elsewhere = from_png(carrying('{"generator":"elsewhere"}'))
    with pytest.raises(DesignError, match="'elsewhere' is not here"):
        to_png(renderer, elsewhere)


# --- zips --------------------------------------------------------------------------------------

NAMES = [
    *("Blue bag", "Blue bag", "blue BAG", "Blue bag 2", ""),
    *("../../etc/passwd", "/root", "C:\\x", "a/b\\c", "..", ".", ".hidden", "a\0b", "a\nb"),
    *("CON", "nul", "com1", "x" * 500, "𝒳" * 500, "鞄" * 500, "tail ", "  ", "é", "Ärmel-Weste_3"),
    *("a:b", "a*b?", '"a"', "<a>|", "~", "-", "a.png", "\ud800"),
]


def zipped(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


def test_a_zip_holds_every_design_in_order(renderer: Renderer) -> None:
    kept = [("First", PLAIN), ("Second", FULL), ("First", DESIGNS["grey"])]
    with zipped(to_zip(renderer, kept)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["First.png", "Second.png", "First 2.png"]
        for name, (_, design) in zip(archive.namelist(), kept, strict=True):
            assert archive.read(name) == to_png(renderer, design)


def test_names_in_a_zip_are_unique_and_safe(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "to_png", partial(to_png, size=0))  # large ones take long
    with zipped(to_zip(renderer, [(name, PLAIN) for name in NAMES])) as archive:
        found = archive.namelist()
        assert from_png(archive.read(found[0])) == renderer.stamped(PLAIN)
    assert len(found) == len(NAMES)
    assert len({name.lower() for name in found}) == len(NAMES)  # also where case is not told apart
    devices = {"con", "prn", "aux", "nul", "com1", "lpt1"}
    for name in found:
        stem, suffix = name[:-4], name[-4:]
        assert suffix == ".png"
        assert stem and stem == stem.strip()
        assert all(character.isalnum() or character in " -_" for character in stem)
        assert stem.lower() not in devices
        assert len(name.encode()) <= 255


def test_a_good_name_stays_as_it_is() -> None:
    for name in ("Blue bag", "Ärmel-Weste_3", "鞄 12", "console", "com12"):
        assert file_name(name) == name
    assert file_name("con") == "design con"
    assert file_name("../") == "design"


def test_one_design_that_cannot_be_drawn_stops_the_zip(renderer: Renderer) -> None:
    with pytest.raises((DesignError, CheckpointError), match="is not here"):
        to_zip(renderer, [("a", PLAIN), ("b", Design("nowhere"))])


def test_an_empty_zip_is_a_zip(renderer: Renderer) -> None:
    with zipped(to_zip(renderer, [])) as archive:
        assert archive.namelist() == []
