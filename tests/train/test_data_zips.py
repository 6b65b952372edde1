"""Zips: never extracted, and broken, hostile or oddly named ones do no harm."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from image_files import (
    BLUE,
    RED,
    encode,
    load,
    make_zip,
    mixed_folder,
    plain,
    random_image,
    reasons,
    same,
)
from PIL import Image

from train.data import archives
from train.data.images import DataError


def test_zip_equals_folder(tmp_path):
    folder = mixed_folder(tmp_path / "folder")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    stored = load(make_zip(tmp_path / "a.zip", files))
    deflated = load(make_zip(tmp_path / "b.zip", files, zipfile.ZIP_DEFLATED), workers=4)
    assert same(load(folder), stored)
    assert same(stored, deflated)


def test_zip_is_not_extracted_and_its_names_never_climb(tmp_path):
    names = ["../../evil.png", "/root.png", "C:\\windows\\back.png", "a/./../b.png", "..\\up.png"]
    path = make_zip(tmp_path / "a.zip", {name: encode(plain()) for name in names})
    loaded = load(path)
    assert loaded.names == ("a/b.png", "evil.png", "root.png", "up.png", "windows/back.png")
    assert list(tmp_path.iterdir()) == [path]


def patch(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def set_flags(path: Path, name: str, flags: int) -> None:
    """Overwrite a member's flags, before its contents and in the table of contents."""
    content = bytearray(path.read_bytes())
    raw = name.encode()
    for magic, flag_at, name_at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
        start = content.find(magic)
        while content[start + name_at : start + name_at + len(raw)] != raw:
            start = content.index(magic, start + 1)
        content[start + flag_at : start + flag_at + 2] = struct.pack("<H", flags)
    path.write_bytes(content)


def test_encrypted_member(tmp_path):
    path = make_zip(tmp_path / "a.zip", {n: encode(plain()) for n in ("a.png", "ok.png")})
    set_flags(path, "a.png", 1)
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "password" in reasons(loaded)["a.png"]


@pytest.mark.parametrize("flags", [0x800, 0], ids=["marked", "unmarked"])
def test_utf8_member_names(tmp_path, flags):
    names = ("été/é.png", "冬/1.png")
    path = make_zip(tmp_path / "a.zip", {name: encode(plain()) for name in names})
    for name in names:
        set_flags(path, name, flags)
    assert load(path).label_names == ("été", "冬")


def test_member_names_in_an_unknown_encoding(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"aé.png": encode(plain())})
    set_flags(path, "aé.png", 0)
    patch(path, "é".encode(), b"\x8f\x9a")
    (name,) = load(path).names
    assert name.startswith("a")
    assert name.endswith(".png")


def test_member_name_marked_as_utf8_that_is_not(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"aé.png": encode(plain())})
    patch(path, "é".encode(), b"\xff\xfe")
    with pytest.raises(DataError, match="broken"):
        load(path)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.95])
def test_broken_zip(tmp_path, keep):
    path = make_zip(tmp_path / "a.zip", {f"{n}.png": encode(random_image(n)) for n in range(4)})
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    with pytest.raises(DataError, match=r"The zip .*a\.zip is broken or incomplete"):
        load(path)


def test_damaged_member_stops_no_other(tmp_path):
    files = {"bad.ppm": encode(plain(RED), "PPM"), "ok.png": encode(plain())}
    path = make_zip(tmp_path / "a.zip", files)
    patch(path, bytes(RED) * 4, bytes(BLUE) * 4)
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "damaged" in reasons(loaded)["bad.ppm"]


def test_zip_bomb_is_refused_and_plain_bitmaps_are_not(tmp_path):
    bomb = b"BM" + b"\0" * (2 * 2**20)
    flat = np.full((1024, 1024, 3), 255, np.uint8)
    flat[256:768, 256:768] = np.random.default_rng(0).integers(0, 256, (512, 512, 3))
    bitmap = encode(Image.fromarray(flat), "BMP")
    files = {"bomb.bmp": bomb, "small.bmp": encode(plain(size=64), "BMP"), "white.bmp": bitmap}
    loaded = load(make_zip(tmp_path / "a.zip", files, zipfile.ZIP_DEFLATED))
    assert loaded.names == ("small.bmp", "white.bmp")
    assert "zip bomb" in reasons(loaded)["bomb.bmp"]


def test_member_limits(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {"big.png": b"\0" * 70_000, "ok.png": encode(plain())})
    with monkeypatch.context() as patched:
        patched.setenv("STUDIO_MAX_IMAGE_MB", str(66_000 / 2**20))
        assert "too large" in reasons(load(path))["big.png"]
    with monkeypatch.context() as patched:
        patched.setenv("STUDIO_MAX_ZIP_FILES", "1")
        with pytest.raises(DataError, match="2 files, more than the 1"):
            load(path)
    with monkeypatch.context() as patched:
        patched.setenv("STUDIO_MAX_ZIP_GB", str(70_000 / 2**30))
        with pytest.raises(DataError, match="unpacks to"):
            load(path)


def test_table_of_contents_that_is_too_long(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {f"{n}.png": encode(plain()) for n in range(40)})
    monkeypatch.setattr(archives, "MAX_TABLE_BYTES", 1000)
    with pytest.raises(DataError, match="broken"):
        load(path)


def test_member_that_understates_its_size(tmp_path):
    bitmap = encode(plain(), "BMP")
    path = make_zip(tmp_path / "a.zip", {"a.bmp": bitmap, "ok.png": encode(plain())})
    size = struct.pack("<I", len(bitmap))
    patch(path, size + struct.pack("<HH", 5, 0), struct.pack("<I", 60) + struct.pack("<HH", 5, 0))
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "damaged" in reasons(loaded)["a.bmp"]


def test_uncommon_compression_is_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.png": encode(plain())}, zipfile.ZIP_BZIP2)
    with pytest.raises(DataError, match="uncommon"):
        load(path)


def test_link_in_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/hostname")
        archive.writestr("ok.png", encode(plain()))
    assert reasons(load(path)) == {"link.png": archives.LINK}
