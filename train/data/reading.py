"""One pass over the pictures of a folder, zip or idx file, whoever looks at them."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import psutil
from PIL import Image
from tqdm import tqdm

from studio import photos
from studio.photos import LARGE_PIXELS
from train.data.archives import DataError, Member, open_members
from train.data.idx import (
    BLOCK_BYTES,
    FASHION_MNIST,
    IdxFile,
    download_fashion_mnist,
    find_images,
    is_idx,
)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
Look = Callable[[Image.Image, tuple[int, int]], _Result]


@dataclass(frozen=True)
class Reading(Generic[_Result]):
    """``count`` pictures under way: ``results`` has each one's name and what came of it, in order.

    What came of it is what the look returned, or a str with the reason why it can't be read.
    """

    count: int
    results: Iterator[tuple[str, _Result | str]]


def find(path: str | Path) -> Path:
    """The folder, zip or idx file of images that ``path`` means.

    Raises:
        DataError: there is nothing there, or another kind of file.
    """
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
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path.
        raise DataError(f"{place} can't be opened; check its permissions.") from error
    if head[:2] != b"PK" and place.suffix.lower() != ".zip" and not is_idx(place):
        raise DataError(
            f"{place} is a single file that is neither a zip nor an idx file; give a folder or a "
            "zip of images."
        )
    return place


@contextmanager
def read_pictures(
    place: Path,
    look: Look[_Result],
    size: int,
    *,
    only: Set[str] | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Iterator[Reading[_Result]]:
    """Look at every picture of a place that :func:`find` found; usable inside the ``with`` block.

    ``look`` is called in ``workers`` threads as :func:`studio.photos.read` says.
    Pictures come in the order of their names; ``only`` the ones with these names, if given.

    Raises:
        DataError: the place holds no pictures, or can't be read as a whole.
    """
    bar = partial(progress_bar, disable=not progress)
    workers = worker_count(workers)
    # Pillow warns about odd files; what matters of that ends up in the reasons.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if place.is_file() and is_idx(place):
            with idx_file(place) as file:
                count = file.shape[0] if only is None else len(only)
                results = _idx_results(file, look, workers, only)
                yield Reading(count, iter(bar(results, total=count)))
            return
        with open_members(place) as members:
            if not members:
                raise DataError(
                    f"There are no images in {place}; give a folder or zip of JPEG, PNG or WebP "
                    "files."
                )
            if only is not None:
                members = [member for member in members if member.name in only]
            names = (member.name for member in members)
            read = partial(read_member, look=look, size=size)
            results = zip(names, map_in_order(read, members, workers), strict=True)
            yield Reading(len(members), iter(bar(results, total=len(members))))


def read_member(member: Member, look: Look[_Result], size: int) -> _Result | str:
    """As :func:`studio.photos.read`, of a file of a folder or zip."""
    return member.refusal or photos.read(member.open, member.name, look, size)


progress_bar = partial(tqdm, desc="Reading images", unit="image")


def worker_count(wanted: int | None) -> int:
    """How many threads read: as many as wanted, or as there are cores, up to 16."""
    return wanted or min(os.cpu_count() or 1, 16)


@contextmanager
def idx_file(place: Path) -> Iterator[IdxFile]:
    """An open idx file of images of a bearable size.

    Raises:
        DataError: it is another kind of file, damaged, or its images are too large.
    """
    with IdxFile(place, 3) as file:
        _, height, width = file.shape
        if height * width > LARGE_PIXELS:
            raise DataError(
                f"The images in {place} are {width:,} by {height:,} pixels, too large for an idx "
                "file; give them as a folder of files."
            )
        yield file


def idx_blocks(file: IdxFile, bytes_each: int = 0) -> Iterator[np.ndarray]:
    """An idx file's images in blocks that stay small, also when each becomes ``bytes_each``."""
    _, height, width = file.shape
    return file.blocks(max(1, BLOCK_BYTES // max(height * width, bytes_each)))


def idx_name(place: Path, index: int) -> str:
    """What an image of an idx file is called, like "train-00042"."""
    part, found, _ = place.name.partition("-images")
    return f"{part if found else 'image'}-{index:05d}"


def _idx_results(
    file: IdxFile, look: Look[_Result], workers: int, only: Set[str] | None
) -> Iterator[tuple[str, _Result | str]]:
    def look_at(block: list[tuple[str, np.ndarray]]) -> list[tuple[str, _Result]]:
        images = ((name, Image.fromarray(pixels)) for name, pixels in block)
        return [(name, look(image, image.size)) for name, image in images]

    def chosen() -> Iterator[list[tuple[str, np.ndarray]]]:
        start = 0
        for block in idx_blocks(file):
            named = ((idx_name(file.path, start + i), pixels) for i, pixels in enumerate(block))
            yield [(name, pixels) for name, pixels in named if only is None or name in only]
            start += len(block)

    for results in map_in_order(look_at, chosen(), workers):
        yield from results


def map_in_order(
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


def allocate(shape: Sequence[int], memory_limit: int | None, what: str) -> np.ndarray:
    """Room for uint8 values: memory, or a file without a name when they exceed the limit.

    The limit is half the free memory unless given; ``what`` begins the sentence of the error.

    Raises:
        DataError: the temporary folder has no room for them either.
    """
    if memory_limit is None:
        memory_limit = psutil.virtual_memory().available // 2
    needed = math.prod(shape)
    if needed <= memory_limit:
        return np.empty(shape, np.uint8)
    # A mapped file that outgrows its disk kills the process instead of raising.
    if needed > shutil.disk_usage(tempfile.gettempdir()).free:
        raise DataError(
            f"{what} need {needed / 2**30:,.1f} GB, more than memory and the temporary folder have "
            "free; choose a smaller size or set TMPDIR."
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=tuple(shape))


def unwrapped(names: Sequence[str]) -> str:
    """The one folder that holds every image, like "photos/"; empty if there is none."""
    top = names[0].partition("/")[0] + "/" if names else ""
    return top if top and all(name.startswith(top) for name in names) else ""
