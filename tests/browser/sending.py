"""A visitor who sends photos, and what stands in the left column of the training tab then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from visiting import Visitor

CHECKED = ".at-checked .at-filled"
START = ".at-photos .at-start"


def enter(visitor: Visitor) -> Visitor:
    """Go to the training tab."""
    visitor.tab("Train on my photos")
    visitor.find(".at-choose-photos").wait_for()
    return visitor


def choose(visitor: Visitor, kind: str, *paths: Path) -> None:
    """Answer the browser's own dialog for files."""
    with visitor.page.expect_file_chooser() as chooser:
        visitor.find(f".at-choose-{kind}").click()
    chooser.value.set_files([str(path) for path in paths])


def checked(visitor: Visitor, count: int) -> None:
    """Wait until the photos are checked and may be trained on."""
    visitor.find(CHECKED).first.wait_for()
    visitor.find(".at-checked:not([aria-busy])").wait_for()
    assert visitor.find(".at-photos-count").inner_text() == f"{count} photos"
    assert visitor.find(START).is_enabled()


def plan(visitor: Visitor) -> dict[str, Any]:
    return visitor.module("train-plan.js", "({ plan }) => plan")


def wish(visitor: Visitor) -> dict[str, Any]:
    """What the page would ask the studio to train."""
    return visitor.module("train-plan.js", "({ wish }) => wish()")


def reason(visitor: Visitor) -> str:
    """Why nothing can be started."""
    assert visitor.find(START).is_disabled()
    return visitor.find(".at-start-reason").inner_text()
