"""Files and folders that are written whole, and what a kill in the middle leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.files import tidy, write_file_whole, write_text_whole, write_whole


def test_what_a_kill_left_is_tidied_up(tmp_path: Path) -> None:
    for name in ("kept", ".hidden", "a-0123abcd", ".reserve"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".state.pt.4711").write_text("half")
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
