"""Recipes learn what they always did: the order of random draws and every step stay the same."""

from __future__ import annotations

import json
import math
from pathlib import Path

import golden
import pytest

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))


def test_every_recipe_is_measured() -> None:
    assert GOLDEN.keys() == golden.recipes().keys()


@pytest.mark.parametrize("name", GOLDEN)
def test_a_recipe_learns_what_it_always_did(name: str) -> None:
    found, wanted = golden.measured(golden.recipes()[name]), GOLDEN[name]
    assert found["random"] == wanted["random"]
    assert found["place"] == wanted["place"]
    assert found["numbers"] == pytest.approx(wanted["numbers"], rel=0.01, abs=0.005)
    for network in golden.NETWORKS:
        (far, *sketch), (wanted_far, *wanted_sketch) = found[network], wanted[network]
        apart = math.dist(sketch, wanted_sketch) / math.hypot(*wanted_sketch)
        assert far == pytest.approx(wanted_far, rel=0.02), network
        assert apart < 0.4, network
