"""The images of a run: read as its settings say, and recognised when it is resumed."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from studio import words
from studio.generators import build
from train.data.archives import DataError
from train.data.captions import Captions, load_captions
from train.data.idx import FASHION_MNIST
from train.data.images import ImageSet, joined, load_images, only
from train.data.reading import find
from train.recipes import Recipe
from train.runs.run import START, RunError
from train.runs.settings import Settings

# Of the size that images are learnt at, the part that an image must have had.
SHARP = 0.78


def load(settings: Settings, *, quiet: bool = False) -> ImageSet:
    """Read a run's images as its settings say; tell in a few lines what was and wasn't found.

    Where its generator draws by words, only images with a caption are used.

    Raises:
        DataError: there are none, or they can't be used.
    """
    places = settings.data, *settings.more
    for place in places:
        known = settings.data_digest and place != FASHION_MNIST
        if known and not Path(place).exists():
            raise DataError(
                f"The images of this run are no longer at {place}. If they were moved, name "
                "their new place: python -m train --resume RUN --data PLACE"
            )
    generator = build(settings.recipe["generator"])
    size = generator.image_size
    tops = folders(places)
    sets = []
    for place, top in zip(places, tops, strict=True):
        within = f"{top}/" if settings.more else ""
        leave_out = (name for name in settings.leave_out if name.startswith(within))
        data = load_images(
            place,
            size,
            generator.channels,
            fit=settings.fit,
            ground=settings.ground,
            leave_out=frozenset(name.removeprefix(within) for name in leave_out),
            progress=not quiet,
        )
        if generator.words:
            captions, kept = load_captions(find(place), data.names)
            data = replace(data if len(kept) == len(data) else only(data, kept), captions=captions)
        sets.append(data)
    data = joined(sets, tops) if settings.more else sets[0]
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


def folders(places: Sequence[str]) -> list[str]:
    """What to call each of several places of images: as its file or folder is called."""
    names: list[str] = []
    for place in places:
        stem = Path(place).stem.strip() or "images"
        taken = sum(name == stem or name.startswith(f"{stem} ") for name in names)
        names.append(f"{stem} {taken + 1}" if taken else stem)
    return names


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


def sharp(data: ImageSet) -> Tensor | None:
    """Of each image, bool (N,), whether it was large enough to show what its pixels could.

    A smaller one was enlarged, and a network that learnt its finest detail would learn to blur.
    """
    if data.sides is None:
        return None
    return data.sides >= SHARP * data.images.shape[-1]


def aside(data: ImageSet, share: float) -> Tensor | None:
    """Of each image, bool (N,), whether it is among the ``share`` that is watched; None for none.

    Names alone decide, so that the same images are watched whatever they are learnt with.
    """
    if not share:
        return None
    names = (name.encode("utf-8", "surrogateescape") for name in data.names)
    chosen = torch.tensor([zlib.crc32(name) % 1000 < 1000 * share for name in names])
    return chosen if 0 < int(chosen.sum()) < len(chosen) else None


def place_of(path: str) -> str:
    """A path as the settings keep it: good from any working folder."""
    return path if path == FASHION_MNIST else str(Path(path).resolve())
