"""What holds for every design that can be made, whatever its values."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from studio import design
from studio.design import Design, DesignError, from_code, from_dict, from_json, variation

seeds = st.integers(0, design.MAX_SEED)
shares = st.floats(0, 1)
names = st.text(min_size=1, max_size=100)


def offsets(most: int) -> st.SearchStrategy[list[list[Any]]]:
    steps = st.floats(-design.MAX_STEPS, design.MAX_STEPS)
    return st.lists(st.tuples(st.integers(0, most - 1), steps).map(list), max_size=8)


def plain(generator: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Designs without a blend, as JSON."""
    return st.fixed_dictionaries(
        {"generator": generator},
        optional={
            "seed": seeds,
            "truncation": st.floats(0, 1.5),
            "directions": offsets(design.MAX_DIRECTIONS),
            "dimensions": offsets(design.MAX_DIMENSIONS),
            "variations": st.lists(st.tuples(seeds, shares).map(list), max_size=5),
            "label": st.none() | st.integers(0, design.MAX_LABEL),
            "text": st.text(max_size=60),
            "guidance": st.floats(0, design.MAX_GUIDANCE),
            "fingerprint": st.text("0123456789abcdef", max_size=64),
        },
    )


def blended(
    name: str, parents: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Designs of the same generator with two of the parents."""
    amounts = st.lists(shares, min_size=1, max_size=2)
    return st.builds(
        lambda whole, first, second, how_far: {**whole, "blend": [first, second, *how_far]},
        *(plain(st.just(name)), parents, parents, amounts),
    )


def of_generator(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Designs of one generator, blends of blends too."""
    alone = plain(st.just(name))
    once = blended(name, alone)
    return alone | once | blended(name, alone | once)


designs = names.flatmap(of_generator)


@given(designs)
def test_a_design_comes_back_from_all_that_it_is_written_as(values: dict[str, Any]) -> None:
    made = from_dict(values)
    assert from_dict(made.to_dict()) == made
    assert from_json(made.to_json()) == made
    code = made.to_code()
    assert from_code(code) == made and code.isascii() and not set(code) & set("+/= ")
    assert from_code(code).to_json() == made.to_json()


@given(designs, seeds, shares)
def test_a_variation_is_a_design_too(values: dict[str, Any], seed: int, amount: float) -> None:
    made = variation(from_dict(values), seed, amount)
    assert from_json(made.to_json()) == made
    assert made.variations[-1][0] == seed


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(plain(names), st.sampled_from(sorted(Design.__dataclass_fields__)), anything)
def test_whatever_is_sent_is_a_design_or_a_sentence(
    values: dict[str, Any], part: str, value: Any
) -> None:
    try:
        made = from_dict({**values, part: value})
    except DesignError as error:
        assert str(error).endswith(".")
    else:
        assert from_json(made.to_json()) == made


@given(st.text(max_size=200))
def test_whatever_a_link_holds_is_a_design_or_a_sentence(code: str) -> None:
    try:
        from_code(code)
    except DesignError as error:
        assert str(error).endswith(".")
