"""The idx format of MNIST and its kin, and where to find Fashion-MNIST in it."""

from __future__ import annotations

import gzip
import math
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from train.data.archives import DataError

# Nothing compressed with deflate unpacks to more than this many times its own size.
DEFLATE_CEILING = 1_040
# Bytes of arrays, as stored or as resized, that one step of reading handles.
BLOCK_BYTES = 2**21
FASHION_MNIST = "fashion-mnist"
FASHION_MNIST_LABELS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


class IdxFile:
    """A file of uint8 arrays of one shape in the idx format of MNIST, gzipped or not.

    ``shape`` is what the header states: (N, H, W) with 3 ``dimensions``, (N,) with 1.

    Raises:
        DataError: it is of another kind, damaged, or longer or shorter than its header says.
    """

    def __init__(self, path: Path, dimensions: int) -> None:
        self.path = path
        try:
            with open(path, "rb") as raw:
                zipped = raw.read(2) == b"\x1f\x8b"
                size = os.fstat(raw.fileno()).st_size
            self._file = gzip.open(path) if zipped else open(path, "rb")  # noqa: SIM115
        except OSError as error:
            raise DataError(f"{path} can't be opened; check its permissions.") from error
        try:
            header = self._read(4 + 4 * dimensions)
            if header[:4] != bytes((0, 0, 8, dimensions))[: len(header)]:
                raise DataError(
                    f"{path} is not an idx file of {'images' if dimensions == 3 else 'labels'}; "
                    "give Fashion-MNIST's own files, or a folder or zip of images."
                )
            if len(header) < 4 + 4 * dimensions:
                raise self._cut_short()
            self.shape: tuple[int, ...] = struct.unpack(f">{dimensions}I", header[4:])
            if 0 in self.shape[1:]:
                raise DataError(f"{path} states images without any pixels; download it again.")
            # So that a false count can't make anyone reserve room for more than there can be.
            if math.prod(self.shape) > size * (DEFLATE_CEILING if zipped else 1):
                raise self._cut_short()
        except DataError:
            self.close()
            raise

    def __enter__(self) -> IdxFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def blocks(self, count: int) -> Iterator[np.ndarray]:
        """Its arrays in order, up to ``count`` at a time: uint8 (n, ...)."""
        total, *rest = self.shape
        for start in range(0, total, count):
            shape = (min(count, total - start), *rest)
            data = self._read(math.prod(shape))
            if len(data) < math.prod(shape):
                raise self._cut_short()
            yield np.frombuffer(data, np.uint8).reshape(shape)
        if self._read(1):
            raise DataError(
                f"{self.path} holds more than the {total} it states; download it again."
            )

    def _read(self, count: int) -> bytes:
        try:
            return self._file.read(count)
        except EOFError as error:
            raise self._cut_short() from error
        except (OSError, zlib.error) as error:
            raise DataError(f"{self.path} is damaged; download it again.") from error

    def _cut_short(self) -> DataError:
        return DataError(f"{self.path} is cut short; download it again.")


def is_idx(path: Path) -> bool:
    """Whether to read a file as idx: by its content, or by what its name promises."""
    with open(path, "rb") as file:
        head = file.read(3)
    return head in (b"\x1f\x8b\x08", b"\0\0\x08") or "idx3-ubyte" in path.name


def find_images(folder: Path) -> Path | None:
    """The images of (Fashion-)MNIST in a folder: the training set, or else the test set."""
    for part in ("train", "t10k"):
        for name in (f"{part}-images-idx3-ubyte", f"{part}-images.idx3-ubyte"):
            for path in (folder / name, folder / f"{name}.gz"):
                if path.is_file():
                    return path
    return None


def download_fashion_mnist() -> Path:
    """The folder of Fashion-MNIST's idx files, downloaded unless an earlier call has done so.

    It lies in $STUDIO_CACHE, or ~/.cache/atelier.

    Raises:
        DataError: the download failed.
    """
    cache = Path(os.environ.get("STUDIO_CACHE") or "~/.cache/atelier").expanduser()
    folder = cache / FASHION_MNIST
    if folder.is_dir():
        return folder
    # Slow to import, and of no use to those who bring their own images.
    from torchvision.datasets import FashionMNIST

    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Moved once complete, so that a download cut short is never taken for the data.
        with tempfile.TemporaryDirectory(dir=cache) as partial:
            FashionMNIST(partial, train=True, download=True)
            os.rename(Path(partial, "FashionMNIST", "raw"), folder)
    except Exception as error:  # Network, disk or checksum: torchvision raises many kinds.
        raise DataError(
            "Fashion-MNIST could not be downloaded; check the network, or give the path of a "
            "folder that holds train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz."
        ) from error
    return folder


def load_labels(images: Path, count: int) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    """The labels next to an idx file of images; None when there are none."""
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = (images.with_name(name), images.with_name(f"{name}.gz"))
    path = next((p for p in beside if name != images.name and p.is_file()), None)
    if path is None:
        return None, ()
    with IdxFile(path, 1) as file:
        if file.shape[0] != count:
            raise DataError(
                f"{path} holds {file.shape[0]:,} labels for {count:,} images; use the two files "
                "that belong together."
            )
        labels = np.concatenate(list(file.blocks(BLOCK_BYTES))).astype(np.int64)
    # Other sets in this format are named alike; with more classes it can't be Fashion-MNIST.
    known = labels.max() < len(FASHION_MNIST_LABELS)
    label_names = FASHION_MNIST_LABELS if known else tuple(map(str, range(labels.max() + 1)))
    return torch.from_numpy(labels), label_names
