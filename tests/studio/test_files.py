"""Files and folders that are written whole, and what a kill in the middle leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio.files import put, tidy, write_file_whole, write_text_whole, write_whole


def test_what_a_kill_left_is_tidied_up(tmp_path: Path) -> None:
    for name in ("kept", ".hidden", "a-0123abcd", ".reserve"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".state.pt.4711").write_text("half, of an earlier version")
    (tmp_path / ".settings.json.89abcdef").write_text("half")
    (tmp_path / "checkpoint").mkdir()
    for name in (".checkpoint-0123abcd", ".checkpoint-0123abcd-old", ".best-89abcdef"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text("{}")
    tidy(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".hidden",
        ".reserve",
        "a-0123abcd",
        "checkpoint",
        "kept",
    ]


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint-0123abcd").mkdir()
    (tmp_path / ".checkpoint-0123abcd-old").mkdir()
    (tmp_path / ".checkpoint-0123abcd-old" / "card.json").write_text("old")
    tidy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    assert (tmp_path / "checkpoint" / "card.json").read_text() == "old"


@pytest.mark.parametrize("kind", ["file", "text", "folder"])
def test_a_failed_write_leaves_what_was_there_and_no_litter(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
        with pytest.raises(ZeroDivisionError), write_whole(path) as fresh:
            (fresh / "half").write_text("half")
            raise ZeroDivisionError
    elif kind == "file":
        path.write_text("before")
        with pytest.raises(ZeroDivisionError):
            write_file_whole(path, lambda file: file.write(b"half") / 0)
        assert path.read_text() == "before"
    else:
        path.write_text("before")
        with pytest.raises(UnicodeEncodeError):
            write_text_whole(path, "\ud800")
        assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_may_write_the_same_file(tmp_path: Path) -> None:
    path, texts = tmp_path / "thing", [str(number) * 5000 for number in range(4)]

    def write_often(text: str) -> None:
        for _ in range(100):
            write_text_whole(path, text, lasting=False)
            assert path.read_text() in texts

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_often, texts))
    assert list(tmp_path.iterdir()) == [path]


# --- a power cut ---------------------------------------------------------------------------------


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is asked of the disk, in order: ("sync" or "rename", the number of a file or folder)."""
    asked: list[tuple[str, int]] = []
    fsync = os.fsync

    def note_sync(descriptor: int) -> None:
        asked.append(("sync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    def noting(rename: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def note_rename(source: Path, target: Path) -> None:
            asked.append(("rename", os.stat(source).st_ino))
            rename(source, target)

        return note_rename

    monkeypatch.setattr(os, "fsync", note_sync)
    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, noting(getattr(os, name)))
    return asked


def number(path: Path) -> int:
    return path.stat().st_ino


@pytest.mark.skipif(os.name == "nt", reason="Windows can't be asked for a folder's names")
@pytest.mark.parametrize("kind", ["file", "text", "put"])
def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_thereafter(
    tmp_path: Path, disk: list[tuple[str, int]], kind: str
) -> None:
    path = tmp_path / "thing"
    if kind == "file":
        write_file_whole(path, lambda file: file.write(b"whole"))
    elif kind == "text":
        write_text_whole(path, "whole")
    else:
        (tmp_path / "fresh").write_text("whole")
        put(tmp_path / "fresh", path)
    mine = number(path)
    assert disk == [("sync", mine), ("rename", mine), ("sync", number(tmp_path))]


@pytest.mark.skipif(os.name == "nt", reason="Windows can't be asked for a folder's names")
def test_a_folder_is_on_the_disk_before_the_one_it_replaces_is_given_up(
    tmp_path: Path, disk: list[tuple[str, int]]
) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    before = number(folder)
    with write_whole(folder) as fresh:
        (fresh / "card.json").write_text("{}")
        (fresh / "samples").mkdir()
        (fresh / "samples" / "sheet.png").write_bytes(b"")
    parts = [number(path) for path in (*folder.rglob("*"), folder)]
    count = len(parts)
    assert sorted(disk[:count]) == sorted(("sync", each) for each in parts)
    renamed = [("rename", before), ("rename", number(folder)), ("sync", number(tmp_path))]
    assert disk[count:] == renamed


def test_what_is_written_each_second_leaves_the_disk_in_peace(
    tmp_path: Path, disk: list[tuple[str, int]]
) -> None:
    write_text_whole(tmp_path / "thing", "whole", lasting=False)
    assert disk == [("rename", number(tmp_path / "thing"))]
