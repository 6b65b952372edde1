"""Captioned images that a training does not see, to ask its generator for what it never saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from train.data.archives import DataError
from train.data.captions import Captions
from train.data.images import ImageSet, only

SHARE = 0.1
COMBINATIONS = 60
# Colours and types with fewer images are not learnt well enough to be combined anew.
COMMON = 100
# A combination of more images is too much to take from the training, one of fewer says little.
FEWEST, MOST = 3, 40
COLOUR, TYPE = ("colour", "color"), ("type",)


@dataclass(frozen=True)
class HeldOut:
    """What is kept from a training.

    Args:
        combinations: (colour, type) that no image of the training has.
        images: positions of those images and of a tenth of all others, in order.
    """

    combinations: tuple[tuple[str, str], ...]
    images: tuple[int, ...]


def hold_out(captions: Captions, seed: int = 0) -> HeldOut:
    """Choose what is kept from a training on images with these captions, decided by ``seed``.

    Raises:
        DataError: the captions have no columns with colours and types, or too few combinations.
    """
    pairs = list(zip(*colours_and_types(captions), strict=True))
    colours, types = (Counter(part) for part in zip(*pairs, strict=True))
    counted = Counter(pairs)
    possible = sorted(
        pair
        for pair, count in counted.items()
        if FEWEST <= count <= MOST and min(colours[pair[0]], types[pair[1]]) >= COMMON
    )
    if len(possible) < COMBINATIONS:
        raise DataError(
            f"Only {len(possible)} combinations of a colour and a type are common enough to hold "
            f"some out; {COMBINATIONS} are needed."
        )
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = random.choice(len(possible), COMBINATIONS, replace=False)
    combinations = {possible[at] for at in chosen}
    aside = random.random(len(pairs)) < SHARE
    images = [at for at, pair in enumerate(pairs) if pair in combinations or aside[at]]
    return HeldOut(tuple(sorted(combinations)), tuple(images))


def without_held_out(data: ImageSet) -> tuple[ImageSet, list[str]]:
    """Captioned images without those that are held out, and the names of these, in order.

    Raises:
        DataError: as :func:`hold_out`.
    """
    assert data.captions is not None
    aside = set(hold_out(data.captions).images)
    kept = [at for at in range(len(data)) if at not in aside]
    return only(data, kept), [data.names[at] for at in sorted(aside)]


def has_colours_and_types(captions: Captions) -> bool:
    """Whether the captions have the columns that tell them."""
    return all(any(name in captions.fields for name in names) for names in (COLOUR, TYPE))


def colours_and_types(captions: Captions) -> tuple[Sequence[str], Sequence[str]]:
    """The colour and the type of each image.

    Raises:
        DataError: the captions lack one of the columns.
    """
    found = []
    for names in (COLOUR, TYPE):
        column = next((name for name in names if name in captions.fields), None)
        if column is None:
            raise DataError(
                f"Holding images out needs a column {names[0]} in metadata.csv, to tell what was "
                "not seen."
            )
        found.append(captions.fields[column])
    return found[0], found[1]
