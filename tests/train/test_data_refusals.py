"""Files that are no images are named with a reason; data sets without enough are refused."""

from __future__ import annotations

import gzip
import os
import struct
import zlib

import numpy as np
import pytest
import torch
from image_files import (
    SIZE,
    encode,
    fill,
    load,
    make_zip,
    pixels,
    plain,
    random_image,
    reasons,
    truncated,
)
from PIL import Image

from studio import photos as photos_
from train.data import archives
from train.data.images import DataError, load_images


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


# load_images: files that can't be read ------------------------------------------------------------


BAD = {
    "truncated.jpg": (truncated("JPEG"), "cut short"),
    "truncated.png": (truncated("PNG"), "cut short"),
    "truncated.gif": (truncated("GIF"), "cut short"),
    "truncated.webp": (truncated("WEBP"), "damaged"),
    "header.png": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"this is no picture", "not an image"),
    "page.htm": (b"<html>", "not an image"),
    "bomb.png": (png_header(20_000, 20_000), "too large: more than 100 million pixels"),
    "large.png": (png_header(10_001, 10_000), "too large: more than 100 million pixels"),
    "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged"),
    "film.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "not an image"),
    "photo.dng": (encode(random_image(), "TIFF"), "camera raw"),
    "drawing.svg": (b"<svg/>", "export them as PNG"),
    "program.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n", "not an image"),
    "more.zip": (b"PK\x03\x04", "unpack it first"),
    "more.tar.gz": (b"\x1f\x8b", "unpack it first"),
}


def test_without_the_plug_in_a_phones_photos_are_refused_with_advice(tmp_path, monkeypatch):
    monkeypatch.delitem(Image.OPEN, "HEIF")
    loaded = load(fill(tmp_path, {"ok.png": encode(plain()), "photo.heic": BAD["photo.heic"][0]}))
    assert reasons(loaded) == {"photo.heic": photos_.HEIC}


def test_photos_as_phones_take_them_are_read(tmp_path):
    loaded = load(fill(tmp_path, {"IMG_0001.HEIC": encode(plain((200, 30, 60)), "HEIF")}))
    assert loaded.names == ("IMG_0001.HEIC",) and not loaded.skipped
    assert abs(loaded.images[0].float().mean((1, 2)) - torch.tensor([200, 30, 60])).max() < 8


@pytest.mark.parametrize("zipped", [False, True])
def test_unreadable_files_are_named_with_a_reason(tmp_path, zipped):
    files = {name: content for name, (content, _) in BAD.items()} | {"ok.png": encode(plain())}
    loaded = load(make_zip(tmp_path / "a.zip", files) if zipped else fill(tmp_path, files))
    assert loaded.names == ("ok.png",)
    assert np.array_equal(loaded.images[0].numpy(), pixels(plain()))
    found = reasons(loaded)
    assert list(found) == sorted(BAD)
    for name, (_, reason) in BAD.items():
        assert reason in found[name], name


def test_noise_in_place_of_bytes_never_stops_a_load(tmp_path):
    random = np.random.default_rng(0)
    kinds = ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "JPEG2000")
    for number in range(160):
        kind = kinds[number % len(kinds)]
        content = np.frombuffer(encode(random_image(number), kind), np.uint8).copy()
        content[random.integers(0, len(content), 8)] = random.integers(0, 256, 8)
        fill(tmp_path, {f"{number:03d}.{kind}": content.tobytes()})
    fill(tmp_path, {"ok.png": encode(plain())})
    loaded = load(tmp_path)
    assert loaded.names[-1] == "ok.png"
    assert len(loaded) + len(loaded.skipped) == 161
    assert len(loaded.skipped) > 10


def test_file_over_the_byte_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_MAX_IMAGE_MB", "0.125")
    fill(tmp_path, {"big.png": encode(plain()) + b"\0" * 2**20, "ok.png": encode(plain())})
    assert reasons(load(tmp_path)) == {"big.png": "too large: more than 1 MB"}


def test_links_are_not_followed(tmp_path):
    outside = fill(tmp_path / "outside", {"secret.png": encode(plain())})
    inside = fill(tmp_path / "inside", {"ok.png": encode(plain())})
    (inside / "loop").symlink_to(inside, target_is_directory=True)
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "file.png").symlink_to(outside / "secret.png")
    (inside / "gone.png").symlink_to(outside / "nothing")
    loaded = load(inside)
    assert loaded.names == ("ok.png",)
    assert reasons(loaded) == dict.fromkeys(
        ("file.png", "folder", "gone.png", "loop"), archives.LINK
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_does_not_block(tmp_path):
    fill(tmp_path, {"ok.png": encode(plain())})
    os.mkfifo(tmp_path / "pipe.png")
    assert reasons(load(tmp_path)) == {"pipe.png": "not an ordinary file"}


def test_file_name_that_is_no_text(tmp_path):
    try:
        with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9\x1b.png"), "wb") as file:
            file.write(encode(plain()))
    except OSError:
        pytest.skip("This file system takes text only.")
    (name,) = load(tmp_path).names
    assert name == "caf\ufffd\ufffd.png"
    name.encode("utf-8")


# Data sets that can't be used ---------------------------------------------------------------------


def test_missing_path(tmp_path):
    with pytest.raises(DataError, match=r"no file or folder at .*nowhere"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("files", [{}, {"notes.txt": b"x"}, {"a/.DS_Store": b"x"}])
def test_nothing_to_read(tmp_path, files):
    with pytest.raises(DataError, match=r"There are no images in .*; give a folder or zip"):
        load(fill(tmp_path, files))
    with pytest.raises(DataError, match=r"There are no images in .*; give a folder or zip"):
        load(make_zip(tmp_path / "a.zip", files))


@pytest.mark.parametrize("name", ["a.png", "a.tar", "weights.pt"])
def test_single_file_of_another_kind(tmp_path, name):
    fill(tmp_path, {name: encode(plain())})
    with pytest.raises(DataError, match="give a folder or a zip"):
        load(tmp_path / name)


def test_other_gzip(tmp_path):
    fill(tmp_path, {"photos.tar.gz": gzip.compress(b"x" * 600)})
    with pytest.raises(DataError, match="not an idx file"):
        load(tmp_path / "photos.tar.gz")


def test_too_few_images_names_the_unreadable(tmp_path):
    files = {f"{n}.png": encode(plain()) for n in range(3)}
    fill(tmp_path, files | {f"bad-{n}.jpg": b"" for n in range(5)})
    with pytest.raises(DataError) as error:
        load(tmp_path, minimum=4)
    message = str(error.value)
    assert "holds 3 usable images, and at least 4 are needed; 5 could not be read" in message
    assert "bad-0.jpg (empty), bad-1.jpg (empty), bad-2.jpg (empty) and 2 more." in message
    assert len(load(tmp_path, minimum=3)) == 3


def test_no_usable_image_at_all(tmp_path):
    fill(tmp_path, {"a.jpg": b"text"})
    with pytest.raises(DataError, match=r"no usable images.*1 could not be read: a\.jpg"):
        load(tmp_path, minimum=0)


def test_default_minimum(tmp_path):
    fill(tmp_path, {f"{n}.png": encode(plain()) for n in range(15)})
    with pytest.raises(DataError, match="at least 16"):
        load_images(tmp_path, SIZE, 3)
    fill(tmp_path, {"last.png": encode(plain())})
    assert len(load_images(str(tmp_path), SIZE, 3)) == 16


@pytest.mark.parametrize(("size", "channels"), [(0, 3), (8, 2), (8, 4)])
def test_arguments_out_of_range(tmp_path, size, channels):
    with pytest.raises(ValueError, match="1 or 3 channels"):
        load(tmp_path, size, channels)
