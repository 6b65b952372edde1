"""The images of a run: read as its settings say, and recognised when it is resumed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from studio import words
from studio.generators import build
from train.data.archives import DataError
from train.data.captions import Captions, load_captions
from train.data.idx import FASHION_MNIST
from train.data.images import ImageSet, load_images, only
from train.data.reading import find
from train.recipes import Recipe
from train.runs.run import START, RunError
from train.runs.settings import Settings


def load(settings: Settings, *, quiet: bool = False) -> ImageSet:
    """Read a run's images as its settings say; tell in a few lines what was and wasn't found.

    Where its generator draws by words, only images with a caption are used.

    Raises:
        DataError: there are none, or they can't be used.
    """
    known = settings.data_digest and settings.data != FASHION_MNIST
    if known and not Path(settings.data).exists():
        raise DataError(
            f"The images of this run are no longer at {settings.data}. If they were moved, name "
            "their new place: python -m train --resume RUN --data PLACE"
        )
    generator = build(settings.recipe["generator"])
    size = generator.image_size
    data = load_images(
        settings.data,
        size,
        generator.channels,
        fit=settings.fit,
        leave_out=frozenset(settings.leave_out),
        progress=not quiet,
    )
    if generator.words:
        captions, kept = load_captions(find(settings.data), data.names)
        data = replace(data if len(kept) == len(data) else only(data, kept), captions=captions)
    if quiet:
        return data
    print(f"{len(data)} images, prepared as {size}x{size}.")
    if data.skipped:
        print(f"{len(data.skipped)} could not be used:")
        for name, reason in data.skipped[:10]:
            print(f"  {name}: {reason}")
        if len(data.skipped) > 10:
            print(f"  and {len(data.skipped) - 10} more")
    for problem in data.captions.problems if data.captions else ():
        print(problem)
    return data


def digest(data: ImageSet) -> str:
    """Identifies a set of images by its names and first pixels, cheaply."""
    result = hashlib.sha256("\n".join(data.names).encode("utf-8", "surrogateescape"))
    result.update(str(tuple(data.images.shape)).encode())
    result.update(data.images[:256].numpy().tobytes())
    if data.captions:
        result.update("\n".join(data.captions.texts).encode("utf-8", "surrogateescape"))
    return result.hexdigest()


def check_same(settings: Settings, found: str) -> None:
    """Make sure that images of the digest ``found`` are those that a run was started on.

    Raises:
        RunError: they are others.
    """
    if settings.data_digest not in (None, found):
        raise RunError(
            f"{settings.data} no longer holds the images this run was started on; start a new "
            "run instead. If they were moved, name their new place with --resume and --data."
        )


def choose_words(folder: Path, captions: Captions, recipe: Recipe) -> None:
    """Decide, once, on the words that a run's generator draws by; what it starts from has its own.

    Args:
        folder: the run's.
        captions: of its images.
        recipe: says how terms are chosen, and how many at most.

    Raises:
        WordsError: the captions have no words, or what it starts from has a damaged list.
    """
    if (folder / words.WORDS).exists():
        return
    begun = folder / START
    if (begun / words.WORDS).exists():
        encoder = words.load(begun)
    else:
        most = recipe.generator["words"]
        encoder = words.fit(captions.texts, captions.values(), most, recipe.vocabulary)
    words.save(encoder, folder)


def condition(folder: Path, data: ImageSet) -> Tensor | None:
    """What a run's networks are told of each image.

    Its class, int64 (N,); or its caption as a vector, float32 (N, terms); or nothing.
    """
    if not data.captions:
        return data.labels
    return torch.from_numpy(words.load(folder).vectors(data.captions.texts))


def place_of(path: str) -> str:
    """A path as the settings keep it: good from any working folder."""
    return path if path == FASHION_MNIST else str(Path(path).resolve())
