"""Training images: any folder, zip or idx file becomes one uint8 tensor of squares."""

from __future__ import annotations

import statistics
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from studio.framing import CROP, FITS, squared
from train.data.archives import DataError
from train.data.captions import Captions
from train.data.idx import is_idx, load_labels
from train.data.reading import (
    allocate,
    find,
    idx_blocks,
    idx_file,
    idx_name,
    map_in_order,
    progress_bar,
    read_pictures,
    unwrapped,
    worker_count,
)

__all__ = ["DataError", "ImageSet", "NativeSizes", "load_images", "only"]


class NativeSizes(NamedTuple):
    """The images' shorter sides in pixels before they were resized."""

    smallest: int
    median: int
    largest: int


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images ready for training, in the order of their names.

    ``images`` is uint8 (N, C, H, W) in 0..255, and may lie in a memory-mapped file. ``labels`` is
    int64 (N,), each an index into ``label_names``, or None. ``names`` are relative file names, or
    like "train-00042" from an idx file. ``skipped`` has (name, reason) for each unreadable file.
    ``captions`` are the images' texts where they were asked for. ``sides`` are the sides of their
    squares in pixels before they were resized, int32 (N,), where they came from files.
    """

    images: torch.Tensor
    labels: torch.Tensor | None
    label_names: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    native_sizes: NativeSizes
    captions: Captions | None = None
    sides: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)


def load_images(
    path: str | Path,
    size: int,
    channels: int,
    *,
    fit: str = "crop",
    leave_out: Set[str] = frozenset(),
    ground: int | None = None,
    minimum: int = 16,
    memory_limit: int | None = None,
    progress: bool = False,
    workers: int | None = None,
) -> ImageSet:
    """Read every image at ``path`` as a square of ``size`` pixels in 1 or 3 ``channels``.

    ``path`` is a folder or zip of images at any depth, an idx file of images or a folder with
    Fashion-MNIST's, or "fashion-mnist", which is downloaded to $STUDIO_CACHE or ~/.cache/atelier.
    The first-level folder is the label when two or more of them hold images and none lies outside;
    a folder that wraps everything doesn't count.

    ``fit`` and ``ground`` make squares as :func:`studio.framing.squared` says. Images whose
    names, as the result would have them, are in ``leave_out`` are not used.

    Files that can't be read are listed in the result and stop nothing. Images beyond
    ``memory_limit`` bytes (half the free memory unless given) go to a temporary file. The result is
    the same for any number of ``workers``.

    Raises:
        DataError: there is nothing usable at ``path``, or fewer than ``minimum`` images.
        ValueError: ``size``, ``channels`` or ``fit`` is out of range.
    """
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"Images are at least 1 px with 1 or 3 channels, not {size}, {channels}.")
    if fit not in FITS:
        raise ValueError(f"The fit is one of {', '.join(FITS)}, and not {fit!r}.")
    place = find(path)
    loader = _Loader(place, size, channels, fit, ground, minimum, memory_limit, progress, workers)
    loaded = loader.load_idx() if place.is_file() and is_idx(place) else loader.load_files()
    kept = [index for index, name in enumerate(loaded.names) if name not in leave_out]
    loader.check_minimum(len(kept), len(loaded) - len(kept), loaded.skipped)
    return loaded if len(kept) == len(loaded) else only(loaded, kept)


@dataclass
class _Loader:
    """One call of :func:`load_images`, its ``place`` found."""

    place: Path
    size: int
    channels: int
    fit: str
    ground: int | None
    minimum: int
    memory_limit: int | None
    progress: bool
    workers: int | None

    def load_files(self) -> ImageSet:
        names: list[str] = []
        natives: list[tuple[int, int]] = []
        skipped: list[tuple[str, str]] = []

        def look(image: Image.Image, native: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
            return squared(image, self.size, self.channels, self.fit, self.ground), native

        with read_pictures(
            self.place, look, self.size, workers=self.workers, progress=self.progress
        ) as reading:
            images = self._allocate(reading.count)
            for name, result in reading.results:
                if isinstance(result, str):
                    skipped.append((name, result))
                    continue
                images[len(names)], native = result
                names.append(name)
                natives.append(native)
        if self.place.is_file():
            top = unwrapped(names)
            names = [name.removeprefix(top) for name in names]
            skipped = [(name.removeprefix(top), reason) for name, reason in skipped]
        labels, label_names = folder_labels(names)
        return ImageSet(
            torch.from_numpy(images[: len(names)]),
            labels,
            label_names,
            tuple(names),
            tuple(skipped),
            _native_sizes([min(native) for native in natives]),
            sides=torch.tensor(
                [min(native) if self.fit == CROP else max(native) for native in natives],
                dtype=torch.int32,
            ),
        )

    def load_idx(self) -> ImageSet:
        resize = partial(
            _resize_block,
            size=self.size,
            channels=self.channels,
            fit=self.fit,
            ground=self.ground,
        )
        with idx_file(self.place) as file:
            count, height, width = file.shape
            self.check_minimum(count, 0, ())  # before the disk is asked for room for none
            images = self._allocate(count)
            blocks = idx_blocks(file, self.size**2 * self.channels)
            done = 0
            with progress_bar(total=count, disable=not self.progress) as bar:
                for block in map_in_order(resize, blocks, worker_count(self.workers)):
                    images[done : done + len(block)] = block
                    done += len(block)
                    bar.update(len(block))
        labels, label_names = load_labels(self.place, count)
        names = tuple(idx_name(self.place, index) for index in range(count))
        native = _native_sizes([min(height, width)])
        return ImageSet(torch.from_numpy(images), labels, label_names, names, (), native)

    def _allocate(self, count: int) -> np.ndarray:
        shape = (count, self.channels, self.size, self.size)
        return allocate(shape, self.memory_limit, f"The images at {self.size} px")

    def check_minimum(self, found: int, left_out: int, skipped: Sequence[tuple[str, str]]) -> None:
        """Raise a DataError with the reasons if fewer than the minimum are found."""
        if found >= max(self.minimum, 1):
            return
        message = f"{self.place} holds {found or 'no'} usable image{'' if found == 1 else 's'}"
        message += f", and at least {self.minimum} are needed"
        if left_out:
            message += f"; {left_out:,} {'was' if left_out == 1 else 'were'} left out as asked"
        if skipped:
            first = ", ".join(f"{name} ({reason})" for name, reason in skipped[:3])
            more = f" and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
            message += f"; {len(skipped):,} could not be read: {first}{more}"
        raise DataError(f"{message}.")


def only(loaded: ImageSet, kept: Sequence[int]) -> ImageSet:
    """The images at the ``kept`` positions, moved together in place: they may lie in a file."""
    pixels = loaded.images.numpy()
    for target, source in enumerate(kept):
        if target != source:
            pixels[target] = pixels[source]
    names = tuple(loaded.names[index] for index in kept)
    labels, label_names = None, ()
    if loaded.labels is not None:
        # A class that is left without an image is none, and one class alone tells nothing.
        used, labels = torch.unique(loaded.labels[list(kept)], return_inverse=True)
        label_names = tuple(loaded.label_names[index] for index in used.tolist())
        if len(label_names) < 2:
            labels, label_names = None, ()
    images = loaded.images[: len(kept)]
    captions = loaded.captions and loaded.captions.only(kept)
    sides = None if loaded.sides is None else loaded.sides[list(kept)]
    return replace(
        loaded,
        images=images,
        labels=labels,
        label_names=label_names,
        names=names,
        captions=captions,
        sides=sides,
    )


def _native_sizes(sides: Sequence[int]) -> NativeSizes:
    sides = sides or [0]
    return NativeSizes(min(sides), round(statistics.median(sides)), max(sides))


def _resize_block(
    block: np.ndarray, size: int, channels: int, fit: str, ground: int | None
) -> np.ndarray:
    """Grey images (n, H, W) as :func:`squared` returns each: (n, channels, size, size)."""
    if block.shape[1:] == (size, size) and ground is None:
        return np.broadcast_to(block[:, None], (len(block), channels, size, size))
    images = map(Image.fromarray, block)
    return np.stack([squared(image, size, channels, fit, ground) for image in images])


def joined(sets: Sequence[ImageSet], names: Sequence[str]) -> ImageSet:
    """Several sets as one: as if each were in a folder of its own, called as ``names`` say.

    So each becomes a class, see :func:`load_images`. There are captions only if all have some.
    """
    count, shape = sum(map(len, sets)), sets[0].images.shape[1:]
    images, done = allocate((count, *shape), None, "The images of all places"), 0
    for each in sets:
        images[done : done + len(each)] = each.images.numpy()
        done += len(each)
    paths = tuple(
        f"{top}/{name}" for top, each in zip(names, sets, strict=True) for name in each.names
    )
    labels, label_names = folder_labels(paths)
    captions = [each.captions for each in sets if each.captions]
    sides = [each.sides for each in sets if each.sides is not None]
    natives = [each.native_sizes for each in sets]
    return ImageSet(
        torch.from_numpy(images),
        labels,
        label_names,
        paths,
        tuple(skipped for each in sets for skipped in each.skipped),
        NativeSizes(
            min(each.smallest for each in natives),
            round(statistics.median(each.median for each in natives)),
            max(each.largest for each in natives),
        ),
        Captions.joined(captions) if len(captions) == len(sets) else None,
        torch.cat(sides) if len(sides) == len(sets) else None,
    )


def folder_labels(names: Sequence[str]) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    """Labels int64 (N,) by the top folders of images, and those folders' names in order.

    They are None and () unless there are two folders or more, and no image lies outside them.
    """
    while top := unwrapped(names):
        names = [name.removeprefix(top) for name in names]
    folders = [name.rpartition("/")[0].partition("/")[0] for name in names]
    label_names = tuple(sorted(set(folders)))
    if "" in label_names or len(label_names) < 2:
        return None, ()
    index = {name: number for number, name in enumerate(label_names)}
    return torch.tensor([index[folder] for folder in folders]), label_names
