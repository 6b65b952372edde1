"""Photos to learn from, what is told of each, and which of them are held out."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.data.captions import load_columns
from train.data.images import DataError, load_images
from train.data.reading import find
from train.extractor import attributes
from train.extractor.network import SIDE

HELD_OUT = 10  # one product of so many
LEAST = 20  # photos with a value, so that it can be learnt
# Columns of a metadata.csv that tell what a thing is, by what they are called here.
COLUMNS = {
    "category": ("category",),
    "type": ("type",),
    "colour": ("colour", "color"),
    "pattern": ("pattern",),
}
TEXTS = ("text", "caption")
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Photos:
    """Photos of one or more places.

    Attributes:
        images: uint8 (N, 3, SIDE, SIDE).
        told: by the name of a task, such as "category" or "sleeves", a value for each photo; "" is
            unknown.
        held_out: bool (N,), which photos nothing is learnt from.
        places: how many photos came from each place.
    """

    images: Tensor
    told: Mapping[str, tuple[str, ...]]
    held_out: np.ndarray
    places: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Task:
    """What photos are told apart by: ``labels``, int64 (N,), index ``values`` or are UNKNOWN."""

    name: str
    values: tuple[str, ...]
    labels: Tensor


def load(
    places: Sequence[str],
    *,
    fit: str = "crop",
    held_out: Collection[str] | None = None,
    progress: bool = False,
) -> Photos:
    """Read the photos of all ``places``, and what folders, columns and captions tell of them.

    The category is the first-level folder, where folders are categories, else a column of that
    name. ``held_out`` names files to hold out; without it a tenth of all products is. Photos with
    the same description, or else title, are of one product: another colour of a dress that was
    learnt from is not new.

    Raises:
        DataError: nothing usable is at a place, or a name to hold out is nowhere.
    """
    images, aside, told = [], [], []
    names: set[str] = set()
    counts: Counter[str] = Counter()
    wanted = set(held_out or ())
    for place in places:
        data = load_images(place, SIDE, 3, fit=fit, progress=progress)
        columns = load_columns(find(place), data.names)
        texts = _first(columns, TEXTS, len(data))
        own = {name: _first(columns, called, len(data)) for name, called in COLUMNS.items()}
        if data.labels is not None:
            own["category"] = tuple(data.label_names[label] for label in data.labels.tolist())
        told.append({**own, **attributes.read(texts)})
        images.append(data.images)
        names.update(data.names)
        counts[find(place).name] += len(data)
        if held_out is None:
            aside += [_held_out(*each) for each in zip(data.names, texts, strict=True)]
        else:
            aside += [name in wanted for name in data.names]
    if missing := sorted(wanted - names):
        raise DataError(f"There is no photo {missing[0]}, which is to be held out.")
    together = {name: tuple(value for each in told for value in each[name]) for name in told[0]}
    return Photos(torch.cat(images), together, np.array(aside), counts)


def tasks_of(photos: Photos) -> list[Task]:
    """What can be learnt of the photos: at least two values, each of LEAST photos or more."""
    learnt = ~photos.held_out
    found = []
    for name, told in photos.told.items():
        counted = Counter(value for value, use in zip(told, learnt, strict=True) if use and value)
        values = tuple(sorted(value for value, count in counted.items() if count >= LEAST))
        if len(values) >= 2:
            index = {value: at for at, value in enumerate(values)}
            labels = torch.tensor([index.get(value, UNKNOWN) for value in told])
            found.append(Task(name, values, labels))
    return found


def _first(
    columns: Mapping[str, tuple[str, ...]], names: Sequence[str], count: int
) -> tuple[str, ...]:
    return next((columns[name] for name in names if name in columns), ("",) * count)


def _held_out(name: str, text: str) -> bool:
    product = text.partition(". ")[2] or name
    return zlib.crc32(product.encode()) % HELD_OUT == 0
