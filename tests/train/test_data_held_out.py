"""What a training does not see, to ask its generator for it afterwards."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from train.data.captions import Captions
from train.data.held_out import (
    COMBINATIONS,
    COMMON,
    FEWEST,
    MOST,
    HeldOut,
    colours_and_types,
    has_colours_and_types,
    hold_out,
)
from train.data.images import DataError

Pair = tuple[str, str]


def captions_of(pairs: list[Pair], colour: str = "colour", kind: str = "type") -> Captions:
    texts = tuple(" ".join(pair) for pair in pairs)
    colours, types = (tuple(part) for part in zip(*pairs, strict=True))
    return Captions(texts, {colour: colours, kind: types})


def wardrobe() -> list[Pair]:
    """14 colours and 14 types, some frequent together and some rarely, and a rare one of each."""
    pairs = []
    for row in range(14):
        for column in range(14):
            frequent = (row + column) % 4 == 0
            pairs += [(f"colour {row}", f"type {column}")] * (90 if frequent else 5 + row + column)
    pairs += [("rare colour", "type 0"), ("colour 0", "rare type")] * 20
    np.random.default_rng(0).shuffle(pairs)
    return [tuple(pair) for pair in pairs]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return wardrobe()


@pytest.fixture(scope="module")
def held(pairs: list[Pair]) -> HeldOut:
    return hold_out(captions_of(pairs))


def trained(pairs: list[Pair], held: HeldOut) -> list[Pair]:
    aside = set(held.images)
    return [pair for at, pair in enumerate(pairs) if at not in aside]


def test_the_seed_alone_decides(pairs: list[Pair], held: HeldOut) -> None:
    assert hold_out(captions_of(pairs)) == held
    assert hold_out(captions_of(pairs), seed=1).combinations != held.combinations


def test_no_image_of_the_training_has_a_held_out_combination(
    pairs: list[Pair], held: HeldOut
) -> None:
    assert len(set(held.combinations)) == len(held.combinations) == COMBINATIONS
    assert not set(held.combinations) & set(trained(pairs, held))


def test_a_tenth_of_the_other_images_is_held_out(pairs: list[Pair], held: HeldOut) -> None:
    assert list(held.images) == sorted(set(held.images))
    others = [at for at, pair in enumerate(pairs) if pair not in held.combinations]
    share = len(set(held.images) & set(others)) / len(others)
    assert share == pytest.approx(0.1, abs=0.02)


def test_colours_and_types_are_still_learnt(pairs: list[Pair], held: HeldOut) -> None:
    for part in (0, 1):
        before = Counter(pair[part] for pair in pairs)
        after = Counter(pair[part] for pair in trained(pairs, held))
        assert all(after[name] >= count / 3 for name, count in before.items())


def test_combinations_are_neither_rare_nor_frequent_and_their_parts_common(
    pairs: list[Pair], held: HeldOut
) -> None:
    counted = Counter(pairs)
    colours, types = (Counter(pair[part] for pair in pairs) for part in (0, 1))
    for colour, kind in held.combinations:
        assert FEWEST <= counted[colour, kind] <= MOST
        assert colours[colour] >= COMMON and types[kind] >= COMMON


def test_the_column_may_be_spelt_in_american(pairs: list[Pair], held: HeldOut) -> None:
    american = captions_of(pairs, "color")
    assert has_colours_and_types(american)
    assert hold_out(american) == held
    assert list(zip(*colours_and_types(american), strict=True)) == pairs


@pytest.mark.parametrize(("missing", "kind"), [("colour", "shade"), ("type", "kind")])
def test_a_missing_column_is_named(pairs: list[Pair], missing: str, kind: str) -> None:
    names = {"colour": "colour", "type": "type", missing: kind}
    captions = captions_of(pairs[:5], names["colour"], names["type"])
    assert not has_colours_and_types(captions)
    with pytest.raises(DataError, match=f"needs a column {missing} in metadata.csv"):
        hold_out(captions)


def test_too_few_combinations_are_counted() -> None:
    few = [(f"colour {row}", f"type {column}") for row in range(7) for column in range(7)] * 20
    with pytest.raises(DataError, match=f"Only 49 combinations .* {COMBINATIONS} are needed"):
        hold_out(captions_of(few))
    with pytest.raises(DataError, match="Only 0 combinations"):
        hold_out(captions_of(few[:3]))
