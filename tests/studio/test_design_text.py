"""Designs go through JSON and links unchanged; designs made from seeds and variations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from example_designs import EXAMPLES, FULL, PLAIN

from studio.design import (
    MAX_CODE,
    MAX_SEED,
    MAX_VARIATIONS,
    Design,
    DesignError,
    from_code,
    from_dict,
    from_json,
    from_seed,
    variation,
)

CODE = "eNqrVkpPzUstSizJL1KyUkpKTC9W0lEqTk1NUbIyrwUAl4oJoQ"


@pytest.mark.parametrize("design", EXAMPLES.values(), ids=EXAMPLES)
def test_a_design_comes_back_the_same(design: Design) -> None:
    assert from_dict(design.to_dict()) == design
    assert from_dict(json.loads(json.dumps(design.to_dict()))) == design
    assert from_json(design.to_json()) == design
    assert from_json(design.to_json().encode()) == design
    assert from_code(design.to_code()) == design
    assert hash(from_code(design.to_code())) == hash(design)


@pytest.mark.parametrize("design", EXAMPLES.values(), ids=EXAMPLES)
def test_a_code_is_safe_in_a_link(design: Design) -> None:
    code = design.to_code()
    assert code.isascii() and code.replace("-", "").replace("_", "").isalnum()
    assert len(code) <= MAX_CODE


def test_defaults_are_left_out() -> None:
    assert PLAIN.to_dict() == {"generator": "bags", "seed": 7}
    assert PLAIN.to_json() == '{"generator":"bags","seed":7}'
    assert from_dict({"generator": "bags"}) == Design("bags", seed=0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"seed": 7}, {"seed": 7.0}),
        ({"truncation": 1}, {}),
        ({"truncation": 0.7}, {"truncation": 0.70000004}),
        ({"truncation": 0.0}, {"truncation": -0.0}),
        ({"directions": [[4, 1], [2, -1]]}, {"directions": ((2.0, -1.0), (4, 1.0))}),
        ({"directions": [[4, 0.0]]}, {}),
        ({"directions": [[4, -0.00001]]}, {"directions": []}),
        ({"dimensions": [[4, 1], [4, 2]]}, {"dimensions": [[4, 2]]}),
        ({"variations": [[1, 0.12345678]]}, {"variations": [[1.0, 0.1235]]}),
        ({"blend": None}, {}),
    ],
)
def test_equal_designs_have_equal_text(first: dict, second: dict) -> None:
    one, other = (from_dict({"generator": "bags", **values}) for values in (first, second))
    assert one == other
    assert one.to_json() == other.to_json()
    assert one.to_code() == other.to_code()


def test_the_text_of_a_design_is_pinned() -> None:
    # Pictures and links that are already out there hold this.
    text = (
        '{"dimensions":[[3,6.0],[127,-6.0]],"directions":[[0,-2.5],[9,0.0001]],'
        '"fingerprint":"0123456789ab","generator":"bags","seed":4294967295,"truncation":0.65,'
        '"variations":[[5,0.3],[5,0.3],[0,1.0]]}'
    )
    assert FULL.to_json() == text
    assert from_json(text) == FULL
    assert from_code(CODE) == PLAIN


def test_the_order_of_keys_changes_nothing() -> None:
    values = FULL.to_dict()
    assert from_dict(dict(reversed(values.items()))).to_json() == FULL.to_json()


def test_the_order_of_variations_is_kept() -> None:
    values = {"generator": "bags", "variations": [[9, 0.5], [1, 0.5], [9, 0.5]]}
    assert from_dict(values).variations == ((9, 0.5), (1, 0.5), (9, 0.5))


@pytest.mark.parametrize(
    ("name", "value", "least", "most"),
    [("seed", 0, 0, MAX_SEED), ("truncation", 0.0, 0.0, 1.5)],
)
def test_the_ends_of_a_range_belong_to_it(name: str, value: Any, least: Any, most: Any) -> None:
    for end in (least, most):
        assert getattr(from_dict({"generator": "a", name: end}), name) == end


def test_from_seed_checks_what_it_is_given() -> None:
    assert from_seed("bags", 3, truncation=0.5) == Design("bags", seed=3, truncation=0.5)
    for values in ({"seed": -1}, {"seed": True}, {"seed": 1, "truncation": 9}, {"seed": 1, "x": 1}):
        with pytest.raises(DesignError):
            from_seed("bags", **values)


def test_a_variation_adds_one_step() -> None:
    near = variation(FULL, 11, 0.25)
    assert near == replace(FULL, variations=(*FULL.variations, (11, 0.25)))
    assert from_code(near.to_code()) == near


def test_a_variation_by_any_amount_comes_back_the_same() -> None:
    near = variation(PLAIN, 11, 1 / 3)
    assert from_json(near.to_json()) == near
    for seed, amount in ((-1, 0.5), (1, 1.5), (1, float("nan")), (True, 0.5)):
        with pytest.raises(DesignError):
            variation(PLAIN, seed, amount)


def test_beyond_the_limit_the_oldest_variation_is_dropped() -> None:
    design = PLAIN
    for seed in range(MAX_VARIATIONS + 3):
        design = variation(design, seed, 0.5)
    assert len(design.variations) == MAX_VARIATIONS
    assert design.variations[0] == (3, 0.5)
    assert design.variations[-1] == (MAX_VARIATIONS + 2, 0.5)
    assert from_code(design.to_code()) == design


def test_generators_names_all_that_are_needed() -> None:
    assert PLAIN.generators() == {"bags"}
    assert Design("a", blend=(Design("b"), Design("c"), 0.5)).generators() == {"a", "b", "c"}
