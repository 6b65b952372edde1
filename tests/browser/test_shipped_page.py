"""The generators that ship: each is picked, drawn and shaped on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser
from serving import Server
from visiting import FIRST_SLIDER, Visitor

from studio import checkpoint, design
from studio.render import Renderer

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
NAMES = sorted(checkpoint.find(SHIPPED))


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The studio as it ships, in place of the tiny one that other tests visit."""
    result = Server(SHIPPED, tmp_path_factory.mktemp("shipped"))
    yield result.start().wait()
    result.stop()


def test_each_generator_is_drawn_and_follows_the_hand(visitor: Visitor) -> None:
    renderer = Renderer(SHIPPED)
    for name in [*NAMES[1:], NAMES[0]]:
        if visitor.design()["generator"] != name:
            visitor.choose(name)
        visitor.wait("() => document.querySelectorAll('.at-slider').length === 10")
        before = visitor.drawn()
        with visitor.hold(FIRST_SLIDER) as move:
            move(0.8)
            visitor.sees_other_than(before)
        visitor.drawn()
        expected = renderer.pixels(design.from_dict(visitor.design())).astype(int)
        # Another number of threads may round a sum otherwise.
        assert np.abs(visitor.pixels()[..., :3] - expected).max() <= 1
        assert expected.std() > 5  # a picture, not an empty ground
