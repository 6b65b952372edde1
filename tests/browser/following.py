"""A visitor who follows trainings: the parts of the tab's right side, and what they tell."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator
from visiting import Visitor

FRAME = ".at-frame"
CAPTION = ".at-lapse-caption"
LAPSE = ".at-lapse-range"
CHART = ".at-chart-canvas"
VERDICT = ".at-verdict-words"
TITLES = ".at-run strong"
ACTIONS = ".at-watch-actions"
# Seconds; a process that trains loads torch first, maybe beside others that do the same.
PATIENCE = 60


def row(visitor: Visitor, title: str) -> Locator:
    """The line of a run in the list."""
    return visitor.find(".at-run").filter(has=visitor.page.get_by_text(title, exact=True))


def act(visitor: Visitor, title: str, action: str) -> Locator:
    """One of the buttons in the line of a run."""
    return row(visitor, title).get_by_role("button", name=action, exact=True)


def ask(visitor: Visitor, action: str) -> None:
    """Press one of the buttons for the run that is watched."""
    visitor.find(ACTIONS).get_by_role("button", name=action, exact=True).click()


def look_again(visitor: Visitor) -> None:
    """Turn to the page, which then asks at once for what it else asks for now and then."""
    visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def knows(visitor: Visitor, condition: str, value: Any = None) -> None:
    """Look until a JavaScript function of what the page knows, and of ``value``, is true.

    It knows {run, curve, looks, frames} of the watched run; see training-store.js.
    """
    found = f"({{ training }}, value) => Boolean(({condition})(training, value))"

    def known() -> bool:
        look_again(visitor)
        visitor.page.wait_for_timeout(100)
        return visitor.module("training-store.js", found, value)

    visitor.until(known, PATIENCE)


def comes_to(visitor: Visitor, state: str) -> None:
    """Wait until the watched run is in a state."""
    knows(visitor, "({ run }, state) => run?.state === state", state)


def step(visitor: Visitor) -> int | None:
    """The step that the watched run is at; None before its process has said so."""
    return visitor.module("training-store.js", "({ training }) => training.run?.status.step")


def settled(visitor: Visitor, selector: str) -> str:
    """Wait until a canvas has not changed for a moment, as when a fade is over; its look."""
    visitor.page.evaluate("delete window.lastLook")
    visitor.page.wait_for_function(
        """(selector) => {
            const look = window.lookAt(selector), same = look === window.lastLook;
            window.lastLook = look;
            return same;
        }""",
        arg=selector,
        polling=400,
    )
    return visitor.look(selector)
