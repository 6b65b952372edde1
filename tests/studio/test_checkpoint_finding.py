"""Checkpoints are found in their order, under their names, and other folders passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoint_cards import BROKEN_CARDS, COLOUR, Make, edit, write_card

from studio.checkpoint import CARD, find, read


def test_checkpoints_come_in_the_order_of_their_cards(make_checkpoint: Make, tmp_path: Path):
    orders = {
        "zebra": 1,
        "apple": 2.5,
        "mango": 2,
        "late": None,
        "early": None,
        "text": "0",
        "nan": float("nan"),
        "huge": 10**400,
    }
    for name, order in orders.items():
        make_checkpoint(tmp_path / name, COLOUR)
        if order is not None:
            edit(read(tmp_path / name), order=order)
    assert list(find(tmp_path)) == [
        *("zebra", "mango", "apple"),
        *("early", "huge", "late", "nan", "text"),
    ]


def test_broken_and_foreign_folders_are_passed_over(make_checkpoint: Make, tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "good", COLOUR)
    for name, card in BROKEN_CARDS.items():
        write_card(tmp_path / name, card)
    (tmp_path / "a file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "card a folder" / CARD).mkdir(parents=True)
    (tmp_path / "loop").symlink_to("loop")
    assert list(find(tmp_path)) == ["good"]
    assert list(find(tmp_path / "a file", tmp_path / "nowhere", tmp_path)) == ["good"]
    assert find() == find(tmp_path / "photos") == {}


def test_a_folder_that_may_not_be_read_is_passed_over(
    make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoint(tmp_path / "good", COLOUR)
    make_checkpoint(tmp_path / "private", COLOUR)

    def refusing(method: Callable) -> Callable:
        def guarded(path: Path, *args: Any, **kwargs: Any) -> Any:
            if "private" in path.parts[len(tmp_path.parts) : -1]:
                raise PermissionError(13, "Permission denied", str(path))
            return method(path, *args, **kwargs)

        return guarded

    for name in ("stat", "is_file", "read_text", "read_bytes"):
        monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))
    assert list(find(tmp_path)) == ["good"]


def test_run_folders_are_found_by_the_runs_name(make_checkpoint: Make, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_checkpoint(runs / "my-bags" / "checkpoint", COLOUR)
    make_checkpoint(runs / "my-bags" / "snapshots" / "0001", COLOUR)
    (runs / "just-begun" / "samples").mkdir(parents=True)
    found = find(tmp_path / "checkpoints", runs)
    assert list(found) == ["my-bags"]
    assert found["my-bags"].folder == runs / "my-bags" / "checkpoint"


def test_the_first_root_wins_where_names_are_equal(make_checkpoint: Make, tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "one" / "bags", COLOUR, title="First")
    make_checkpoint(tmp_path / "two" / "bags" / "checkpoint", COLOUR, title="Second")
    assert find(tmp_path / "one", tmp_path / "two")["bags"].title == "First"
    assert find(tmp_path / "two", tmp_path / "one")["bags"].title == "Second"
