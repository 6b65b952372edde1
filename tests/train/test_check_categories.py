"""Folders as categories: what the check says of them, and to whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from image_files import encode, fill, make_zip
from product_photos import product

from train.commands import check as command
from train.data.check import check
from train.data.report import Report

COATS, DRESSES = {"Coats": 22}, {"Dresses": 20}


def files(wrap: str = "", **counts: int) -> dict[str, bytes]:
    """Different photos in folders of these names, as many as wished."""
    names = [f"{wrap}{name}/{n:03d}.png" for name, count in counts.items() for n in range(count)]
    return {name: encode(product(seed)) for seed, name in enumerate(names)}


def said(report: Report) -> tuple[str, str]:
    """The one sentence about categories, and its kind; empty if there is none."""
    found = [each for each in report.sentences if "categories found" in each[1]]
    return found[0] if found else ("", "")


@pytest.mark.parametrize("kind", ["folder", "sent folder", "zip", "wrapped zip"])
def test_top_folders_are_named_and_counted(tmp_path: Path, kind: str) -> None:
    made = files("Autumn/" if " " in kind else "", **COATS, **DRESSES)
    path = make_zip(tmp_path / "a.zip", made) if "zip" in kind else fill(tmp_path, made)
    found = check(path)
    assert found.categories == (("Coats", 22), ("Dresses", 20))
    assert said(found) == ("note", "2 categories found: Coats (22) and Dresses (20).")
    assert json.loads(json.dumps(found.to_dict()))["categories"] == [["Coats", 22], ["Dresses", 20]]


def test_what_becomes_of_them_is_said(tmp_path: Path) -> None:
    path = fill(tmp_path, files(**COATS, **DRESSES))
    assert said(check(path, conditional=True))[1].endswith("(20). Each is learnt by its name.")
    assert said(check(path, conditional=False))[1].endswith(
        "(20). They are learnt together, as one."
    )


def test_categories_of_few_photos_are_a_warning_where_they_count(tmp_path: Path) -> None:
    path = fill(tmp_path, files(Bags=2, **COATS))
    kind, text = said(check(path, conditional=True))
    assert kind == "warning" and "1 of them has fewer than 20 photos" in text
    assert said(check(path, conditional=False))[0] == "note"


def test_many_are_not_all_named(tmp_path: Path) -> None:
    path = fill(tmp_path, files(**{f"c{n:02d}": 2 for n in range(11)}))
    text = said(check(path))[1]
    assert text.startswith("11 categories found: c00 (2), ") and text.endswith(" and 3 more.")


@pytest.mark.parametrize(
    "made",
    [files(Coats=20), files(**COATS) | {"cover.png": encode(product(99))}],
    ids=["one folder", "a photo outside"],
)
def test_other_photos_have_no_categories(tmp_path: Path, made: dict[str, bytes]) -> None:
    found = check(fill(tmp_path, made), conditional=True)
    assert found.categories == () and said(found) == ("", "")


def test_copies_make_no_category(tmp_path: Path) -> None:
    made = files(Coats=20)
    found = check(fill(tmp_path, made | {"Twins/1.png": made["Coats/000.png"]}))
    assert found.leave_out == ("Twins/1.png",) and found.categories == ()


def test_the_shell_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert command.main([str(fill(tmp_path, files(**COATS, **DRESSES)))]) == 0
    assert "2 categories found: Coats (22) and Dresses (20)." in capsys.readouterr().out
