"""Zips made to do harm: bombs, lies about themselves, names that mislead; and the settings."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from pathlib import Path

import pytest
from image_files import encode, load, make_zip, plain, random_image, reasons

from studio.errors import UserError
from train.data import archives
from train.data.images import DataError
from train.data.limits import Limits, limits

PNG = encode(plain())


def edit_table(path: Path, name: str, offset: int, kind: str, value: int) -> None:
    """Change a number in a member's entry of the table of contents."""
    content = bytearray(path.read_bytes())
    raw = name.encode()
    entry = content.index(b"PK\1\2")
    while content[entry + 46 : entry + 46 + len(raw)] != raw:
        entry = content.index(b"PK\1\2", entry + 1)
    struct.pack_into(kind, content, entry + offset, value)
    path.write_bytes(content)


# Bombs --------------------------------------------------------------------------------------------


def test_bomb_of_overlapping_files(tmp_path):
    names = [f"{n}.png" for n in range(9)]
    path = make_zip(tmp_path / "a.zip", {name: encode(random_image(9)) for name in names})
    for name in names:
        edit_table(path, name, 42, "<I", 0)  # all begin where the first does
    with pytest.raises(DataError, match=r"likely a zip bomb: its files overlap"):
        load(path)


def test_bomb_whose_files_lie_within_one_another(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("inner.png", PNG)
    quoted = inner.getvalue()[: inner.getvalue().index(b"PK\1\2")]
    path = make_zip(tmp_path / "a.zip", {"outer.png": quoted, "other.png": PNG})
    edit_table(path, "other.png", 42, "<I", 30 + len("outer.png"))
    with pytest.raises(DataError, match="overlap"):
        load(path)


def test_bomb_of_many_small_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "TOTAL_RATIO_FREE_BYTES", 2**20)
    flat = {f"{n}.bmp": encode(plain(size=300), "BMP") for n in range(8)}
    path = make_zip(tmp_path / "a.zip", flat, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="bomb: it unpacks to more than 200 times its size"):
        load(path)
    monkeypatch.setenv("STUDIO_MAX_ZIP_RATIO", "2000")
    assert len(load(path)) == 8


def test_bomb_by_count_is_refused_before_its_table_becomes_objects(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_MAX_ZIP_FILES", "10")
    path = make_zip(tmp_path / "a.zip", {f"{n}.png": b"" for n in range(40)})
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *_: pytest.fail("an entry was made"))
    with pytest.raises(DataError, match="holds 40 files, more than the 10 that are read"):
        load(path)


def test_stated_size_beyond_all_limits(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"big.png": PNG, "ok.png": PNG})
    edit_table(path, "big.png", 24, "<I", 2**32 - 2)
    assert reasons(load(path)) == {"big.png": "too large: more than 64 MB"}


def test_stated_size_a_little_beyond_the_contents(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"long.png": PNG, "ok.png": PNG}, zipfile.ZIP_DEFLATED)
    edit_table(path, "long.png", 24, "<I", len(PNG) + 500)
    loaded = load(path)
    assert "ok.png" in loaded.names
    assert len(loaded) + len(loaded.skipped) == 2


def test_member_that_begins_beyond_the_end(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"gone.png": PNG, "ok.png": PNG})
    edit_table(path, "gone.png", 42, "<I", 2**31)
    assert "damaged" in reasons(load(path))["gone.png"]


def test_name_that_differs_between_table_and_contents(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"good.png": PNG, "ok.png": PNG})
    content = path.read_bytes()
    start = content.index(b"PK\1\2")
    path.write_bytes(content[:start] + content[start:].replace(b"good.png", b"evil.png"))
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "damaged" in reasons(loaded)["evil.png"]


@pytest.mark.parametrize("name", ["more.zip", "x/MORE.ZIP", "a.tar.gz", "b.7z", "c.rar"])
def test_nested_archives_are_refused_by_name(tmp_path, name):
    path = make_zip(tmp_path / "a.zip", {name: PNG, "ok.png": PNG})
    assert "unpack it first" in reasons(load(path))[name]


def test_nested_archive_that_poses_as_a_picture(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", {"a.png": PNG}).read_bytes()
    loaded = load(make_zip(tmp_path / "a.zip", {"photo.jpg": inner, "ok.png": PNG}))
    assert reasons(loaded) == {"photo.jpg": "not an image"}


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("/etc/passwd.png", "etc/passwd.png"),
        ("//server/share/a.png", "server/share/a.png"),
        ("\\\\server\\share\\a.png", "server/share/a.png"),
        ("C:\\a.png", "a.png"),
        ("C:a.png", "a.png"),
        ("c:d:a.png", "a.png"),
        ("../" * 40 + "a.png", "a.png"),
        ("x/..../a.png", "x/a.png"),
        ("x/ /a.png", "x/a.png"),
        ("red\x1b[31m.png", "red\ufffd[31m.png"),
        ("line\nbreak.png", "line\ufffdbreak.png"),
        ("gnp.\u202egpj.exe", "gnp.\ufffdgpj.exe"),
        ("zero\u200bwidth.png", "zero\ufffdwidth.png"),
    ],
)
def test_names_are_made_safe(tmp_path, name, safe):
    (found,) = load(make_zip(tmp_path / "a.zip", {name: PNG})).names
    # The one folder that wraps everything doesn't count.
    assert found == (safe.partition("/")[2] if "/" in safe else safe)
    assert found.isprintable()


def test_very_long_name_is_cut(tmp_path):
    (name,) = load(make_zip(tmp_path / "a.zip", {"n" * 60_000 + ".png": PNG})).names
    assert name == "n" * 196 + ".png"


def test_names_that_become_equal_stay_apart(tmp_path):
    names = ["a.png", "../a.png", "/a.png", "a (2).png", "b\x01.png", "b\x02.png"]
    loaded = load(make_zip(tmp_path / "a.zip", dict.fromkeys(names, PNG)))
    assert len(set(loaded.names)) == 6
    assert {"a.png", "a (2).png", "a (3).png", "b\ufffd.png", "b\ufffd (2).png"} < set(loaded.names)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_many_times_costs_no_more(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for _ in range(20_000):
            archive.writestr("a.png", b"")
    start = time.process_time()
    with archives.open_members(path) as members:
        assert len({member.name for member in members}) == 20_000
    assert time.process_time() - start < 5


def test_japanese_names_of_an_old_windows_zip(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"AAAA.png": PNG, "BBBB.png": PNG})
    raw = "鞄靴".encode("cp932")
    path.write_bytes(path.read_bytes().replace(b"AAAA", raw))
    names = load(path).names
    assert len(set(names)) == 2
    assert all(name.isprintable() and name.endswith(".png") for name in names)


def test_hidden_files_are_passed_over(tmp_path):
    names = ["__MACOSX/._a.png", ".DS_Store", "x/.hidden.png", ".git/a.png", "x\\.b.png"]
    loaded = load(make_zip(tmp_path / "a.zip", dict.fromkeys([*names, "ok.png"], PNG)))
    assert loaded.names == ("ok.png",)
    assert loaded.skipped == ()


# Settings -----------------------------------------------------------------------------------------


def test_default_limits():
    assert limits() == Limits(500_000, 64 * 2**30, 64 * 2**20, 512 * 2**20, 200.0)


def test_limits_from_the_environment(monkeypatch):
    monkeypatch.setenv("STUDIO_MAX_ZIP_FILES", "1000")
    monkeypatch.setenv("STUDIO_MAX_ZIP_GB", "0.5")
    monkeypatch.setenv("STUDIO_MAX_IMAGE_MB", " 8 ")
    monkeypatch.setenv("STUDIO_MAX_ZIP_RATIO", "")
    assert limits() == Limits(1000, 2**29, 8 * 2**20, 64 * 2**20, 200.0)


@pytest.mark.parametrize("value", ["lots", "0", "-3", "nan", "inf", "1e999", "1,5"])
def test_limits_that_are_nonsense_are_refused(tmp_path, monkeypatch, value):
    path = make_zip(tmp_path / "a.zip", {"a.png": PNG})
    monkeypatch.setenv("STUDIO_MAX_ZIP_GB", value)
    with pytest.raises(UserError) as error:
        load(path)
    assert str(error.value) == (
        f"The setting STUDIO_MAX_ZIP_GB is '{value}'; it must be a number above 0, such as 64."
    )


def test_small_image_limit_leaves_the_table_of_contents_alone(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {f"{n:0100d}.png": PNG for n in range(40)})
    monkeypatch.setenv("STUDIO_MAX_IMAGE_MB", "0.002")
    assert len(load(path)) == 40
