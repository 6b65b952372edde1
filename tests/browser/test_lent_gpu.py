"""On a Space that lends its GPU by the minute, designing costs a visitor none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser
from serving import Server
from test_network import ready, sent
from visiting import BLEND, FIRST_SLIDER, Visitor

# In place of Hugging Face's package: it writes down what asks for a GPU, and lends none.
SPACES = """
import os
from pathlib import Path

def note(line):
    with Path(os.environ["SPACES_NOTES"]).open("a") as file:
        file.write(line + "\\n")

def GPU(duration):
    def decorate(function):
        note(f"declared {function.__name__}")
        return lambda *arguments: note(f"called {function.__name__}")
    return decorate
"""


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spaces") / "notes.txt"


@pytest.fixture(scope="module")
def server(browser: Browser, studio_checkpoints: Path, notes: Path) -> Iterator[Server]:
    """The studio as it runs on such a Space; it comes after the browser, which may be missing."""
    (notes.parent / "spaces.py").write_text(SPACES)
    result = Server(studio_checkpoints, notes.parent)
    result.environment |= {
        "SPACES_ZERO_GPU": "true",
        "SPACES_NOTES": str(notes),
        "PYTHONPATH": str(notes.parent),
    }
    yield result.start().wait()
    result.stop()


def test_only_training_asks_for_it(make_visitor: Callable[..., Visitor], notes: Path) -> None:
    visitor = make_visitor().open()
    addresses = sent(visitor)
    ready(visitor)
    with visitor.hold(FIRST_SLIDER) as move:
        for part in np.linspace(0.3, 0.7, 12):
            move(part)
            visitor.page.wait_for_timeout(20)
    visitor.until(lambda: any("run/sheet" in each for each in addresses))
    visitor.find(".at-surprise").click()
    visitor.drawn()
    visitor.tab("Blend")
    look = visitor.look(BLEND)
    visitor.find(".at-blend .at-amount").fill("0.9")
    visitor.sees_other_than(look, BLEND)
    # What trains is declared, so a call would have been written down.
    assert notes.read_text().split("\n") == ["declared work_on", ""]
