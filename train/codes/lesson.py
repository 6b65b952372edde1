"""What is learnt from a set of photos by an encoder, and which of them are held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.words import Encoder as Words
from studio.words import fit as words_of
from train.data.captions import load_captions
from train.data.held_out import hold_out
from train.data.images import ImageSet, only
from train.data.outlines import cleanest
from train.data.reading import find

HELD_OUT, MOST_HELD_OUT, SPLIT_SEED = 0.1, 500, 0
MOST_PHOTOS = 12_000
MOST_REPEATED = 4  # so often a photo of a rare category is shown, for one of a common one
DROPPED = 0.1  # of the texts: pictures of no words are learnt too
TEXTS = 8


@dataclass(frozen=True)
class Lesson:
    """What is learnt from, and what is held out.

    Args:
        images, condition: to learn from, uint8 (N, C, S, S) and what is told of each.
        held_out: uint8 (n, C, S, S).
        different: how many of ``images`` are different ones.
        classes: names of the categories.
        words: what turns a text into a vector.
        texts: some captions.
    """

    images: Tensor
    condition: Tensor | None
    held_out: Tensor
    different: int
    classes: tuple[str, ...]
    words: Words | None
    texts: tuple[str, ...]


def chosen(
    data: ImageSet,
    place: str,
    *,
    by_words: bool,
    vocabulary: str = "words",
    classes: Sequence[str] = (),
    combinations: bool = False,
    clean: float = 1.0,
    seed: int = 0,
) -> Lesson:
    """Choose what to learn from: of each category equally many photos, or nearly.

    Args:
        data: all photos; ``place`` is where they were read, to look for captions.
        by_words: whether the generator draws by words, which then are those of the captions.
        vocabulary: how they are chosen, of :data:`studio.words.VOCABULARIES`.
        classes: categories that the generator draws. If the photos are of the very same ones, they
            keep their order: designs know them by it.
        combinations: hold out what trainings with ``--hold-out`` do, see
            :mod:`train.data.held_out`, instead of a tenth.
        clean: the share of each category's photos, with the cleanest outlines, that are used.
        seed: decides which photos of many, and in what order.

    Raises:
        DataError: it draws by words, and the photos have no captions.
    """
    random = torch.Generator().manual_seed(seed)
    if set(data.label_names) == set(classes) and classes:
        places = torch.tensor([list(classes).index(name) for name in data.label_names])
        data = replace(data, labels=places[data.labels], label_names=tuple(classes))
    words = None
    if by_words:
        captions, kept = load_captions(find(place), data.names)
        data = replace(data if len(kept) == len(data) else only(data, kept), captions=captions)
        words = words_of(captions.texts, captions.values(), vocabulary=vocabulary)
    if clean < 1:
        data = only(data, cleanest(data.images, data.labels, clean).tolist())
    held, rest = split(data, combinations)
    order = rest[torch.randperm(len(rest), generator=random)]
    condition, different, texts = None, min(len(order), MOST_PHOTOS), ()
    if words:
        assert data.captions is not None
        order = order[:MOST_PHOTOS]
        vectors = torch.from_numpy(words.vectors([data.captions.texts[at] for at in order]))
        dropped = torch.rand(len(order), generator=random) < DROPPED
        condition = vectors * ~dropped[:, None]
        texts = tuple(data.captions.texts[at] for at in order[:TEXTS])
    elif data.label_names:
        assert data.labels is not None
        labels = data.labels[order]
        share = max(1, MOST_PHOTOS // len(labels.unique()))
        of_each = [order[labels == label][:share] for label in labels.unique()]
        most = max(map(len, of_each))
        different = sum(map(len, of_each))
        order = torch.cat([each.repeat(MOST_REPEATED)[:most] for each in of_each])
        condition = data.labels[order]
    else:
        order = order[:MOST_PHOTOS]
    return Lesson(
        data.images[order],
        condition,
        data.images[held[:MOST_HELD_OUT]],
        different,
        () if words else data.label_names,
        words,
        texts,
    )


def split(data: ImageSet, combinations: bool) -> tuple[Tensor, Tensor]:
    """Positions of the images that are held out, and of the rest.

    Whatever the seed of the rest they are the same: who goes on from what was learnt with another
    seed learns from none of them.
    """
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(SPLIT_SEED))
    if combinations:
        assert data.captions is not None, "combinations are told by captions"
        aside = torch.zeros(len(data), dtype=torch.bool)
        aside[list(hold_out(data.captions).images)] = True
        return order[aside[order]], order[~aside[order]]
    count = max(1, round(HELD_OUT * len(data)))
    return order[:count], order[count:]
