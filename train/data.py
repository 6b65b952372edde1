"""Training images: any folder, zip or idx file becomes one uint8 tensor of squares."""

from __future__ import annotations

import math
import os
import shutil
import statistics
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import psutil
import torch
from PIL import Image
from tqdm import tqdm

from train.archives import DataError, open_members
from train.idx import (
    BLOCK_BYTES,
    FASHION_MNIST,
    IdxFile,
    download_fashion_mnist,
    find_images,
    is_idx,
    load_labels,
)
from train.pixels import LARGE_PIXELS, prepare, read_member

__all__ = ["DataError", "ImageSet", "NativeSizes", "load_images", "prepare"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


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
    """

    images: torch.Tensor
    labels: torch.Tensor | None
    label_names: tuple[str, ...]
    names: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    native_sizes: NativeSizes

    def __len__(self) -> int:
        return len(self.images)


def load_images(
    path: str | Path,
    size: int,
    channels: int,
    *,
    minimum: int = 16,
    memory_limit: int | None = None,
    progress: bool = False,
    workers: int | None = None,
) -> ImageSet:
    """Read every image at ``path`` as a square of ``size`` pixels in 1 or 3 ``channels``.

    ``path`` is a folder or zip of images at any depth, an idx file of images or a folder with
    Fashion-MNIST's, or "fashion-mnist", which is downloaded to $STUDIO_CACHE or ~/.cache/atelier.
    The first-level folder is the label when two or more of them hold images and none lies outside;
    a folder that wraps everything in a zip doesn't count.

    Files that can't be read are listed in the result and stop nothing. Images beyond
    ``memory_limit`` bytes (half the free memory unless given) go to a temporary file. The result is
    the same for any number of ``workers``.

    Raises:
        DataError: there is nothing usable at ``path``, or fewer than ``minimum`` images.
        ValueError: ``size`` or ``channels`` is out of range.
    """
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"Images are at least 1 px with 1 or 3 channels, not {size}, {channels}.")
    if memory_limit is None:
        memory_limit = psutil.virtual_memory().available // 2
    place = _find(path)
    if workers is None:
        workers = min(os.cpu_count() or 1, 16)
    loader = _Loader(place, size, channels, minimum, memory_limit, progress, workers)
    # Pillow warns about odd files; what matters of that ends up in `skipped`.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return loader.load_idx() if place.is_file() and is_idx(place) else loader.load_files()


def _find(path: str | Path) -> Path:
    """The folder, zip or idx file of images that ``path`` means."""
    place = Path(path).expanduser()
    if str(path) == FASHION_MNIST and not place.exists():
        place = download_fashion_mnist()
    try:
        if place.is_dir():
            return find_images(place) or place
        with open(place, "rb") as file:
            head = file.read(4)
    except FileNotFoundError:
        raise DataError(f"There is no file or folder at {place}; check the path.") from None
    except OSError as error:
        raise DataError(f"{place} can't be opened; check its permissions.") from error
    if head[:2] != b"PK" and place.suffix.lower() != ".zip" and not is_idx(place):
        raise DataError(
            f"{place} is a single file that is neither a zip nor an idx file; give a folder or a "
            "zip of images."
        )
    return place


@dataclass
class _Loader:
    """One call of :func:`load_images`, its ``place`` found."""

    place: Path
    size: int
    channels: int
    minimum: int
    memory_limit: int
    progress: bool
    workers: int

    def load_files(self) -> ImageSet:
        names: list[str] = []
        sides: list[int] = []
        skipped: list[tuple[str, str]] = []
        with open_members(self.place) as members:
            if not members:
                raise DataError(
                    f"There are no images in {self.place}; give a folder or zip of JPEG, PNG or "
                    "WebP files."
                )
            images = self._allocate(len(members))
            read = partial(read_member, size=self.size, channels=self.channels)
            with self._bar(len(members)) as bar:
                results = _map_in_order(read, members, self.workers)
                for member, result in zip(members, results, strict=True):
                    bar.update()
                    if isinstance(result, str):
                        skipped.append((member.name, result))
                        continue
                    images[len(names)], side = result
                    names.append(member.name)
                    sides.append(side)
        if self.place.is_file():
            names, skipped = _unwrap(names, skipped)
        self._check_minimum(len(names), skipped)
        labels, label_names = _folder_labels(names)
        native = NativeSizes(min(sides), round(statistics.median(sides)), max(sides))
        return ImageSet(
            torch.from_numpy(images[: len(names)]),
            labels,
            label_names,
            tuple(names),
            tuple(skipped),
            native,
        )

    def load_idx(self) -> ImageSet:
        with IdxFile(self.place, 3) as file:
            count, height, width = file.shape
            if height * width > LARGE_PIXELS:
                raise DataError(
                    f"The images in {self.place} are {width:,} by {height:,} pixels, too large for "
                    "an idx file; give them as a folder of files."
                )
            self._check_minimum(count, [])
            images = self._allocate(count)
            largest = max(height * width, self.size**2 * self.channels)
            blocks = file.blocks(max(1, BLOCK_BYTES // largest))
            resize = partial(_resize_block, size=self.size, channels=self.channels)
            done = 0
            with self._bar(count) as bar:
                for block in _map_in_order(resize, blocks, self.workers):
                    images[done : done + len(block)] = block
                    done += len(block)
                    bar.update(len(block))
        labels, label_names = load_labels(self.place, count)
        part, found, _ = self.place.name.partition("-images")
        names = tuple(f"{part if found else 'image'}-{index:05d}" for index in range(count))
        native = NativeSizes(*[min(height, width)] * 3)
        return ImageSet(torch.from_numpy(images), labels, label_names, names, (), native)

    def _bar(self, total: int) -> tqdm:
        return tqdm(total=total, desc="Reading images", unit="image", disable=not self.progress)

    def _allocate(self, count: int) -> np.ndarray:
        """Room for the images: memory, or a file without a name when they exceed the limit."""
        shape = (count, self.channels, self.size, self.size)
        needed = math.prod(shape)
        if needed <= self.memory_limit:
            return np.empty(shape, np.uint8)
        # A mapped file that outgrows its disk kills the process instead of raising.
        if needed > shutil.disk_usage(tempfile.gettempdir()).free:
            raise DataError(
                f"The images need {needed / 2**30:,.1f} GB at {self.size} px, more than memory and "
                "the temporary folder have free; choose a smaller size or set TMPDIR."
            )
        with tempfile.TemporaryFile() as file:
            return np.memmap(file, np.uint8, "w+", shape=shape)

    def _check_minimum(self, found: int, skipped: Sequence[tuple[str, str]]) -> None:
        if found >= max(self.minimum, 1):
            return
        message = f"{self.place} holds {found or 'no'} usable image{'' if found == 1 else 's'}"
        message += f", and at least {self.minimum} are needed"
        if skipped:
            first = ", ".join(f"{name} ({reason})" for name, reason in skipped[:3])
            more = f" and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
            message += f"; {len(skipped):,} could not be read: {first}{more}"
        raise DataError(f"{message}.")


def _map_in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Iterator[_Result]:
    """``map`` in threads that hold only a few results ahead of the reader."""
    ahead: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _resize_block(block: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Grey images (n, H, W) as :func:`prepare` returns each: (n, channels, size, size)."""
    if block.shape[1:] == (size, size):
        return np.broadcast_to(block[:, None], (len(block), channels, size, size))
    return np.stack([prepare(Image.fromarray(image), size, channels) for image in block])


def _unwrap(
    names: list[str], skipped: list[tuple[str, str]]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Names without the one folder that holds every image, if there is one."""
    top = names[0].partition("/")[0] + "/" if names else ""
    if not top or not all(name.startswith(top) for name in names):
        return names, skipped
    stripped = [(name.removeprefix(top), reason) for name, reason in skipped]
    return [name.removeprefix(top) for name in names], stripped


def _folder_labels(names: Sequence[str]) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    folders = [name.rpartition("/")[0].partition("/")[0] for name in names]
    label_names = tuple(sorted(set(folders)))
    if "" in label_names or len(label_names) < 2:
        return None, ()
    index = {name: number for number, name in enumerate(label_names)}
    return torch.tensor([index[folder] for folder in folders]), label_names
