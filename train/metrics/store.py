"""What was computed of real images, kept on disk for the next measurement."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import Tensor

from studio.files import write_file_whole
from studio.settings import cache_folder

Arrays = dict[str, np.ndarray]
FORMAT = "1"  # of what is kept; a change of what it means must change it
DIGEST = 32  # bytes of SHA-256 before the content


def default_folder() -> Path:
    """Where what was measured is kept, in Atelier's cache."""
    return cache_folder() / "measures"


class Store:
    """A folder of arrays by key; with no folder, nothing is kept.

    A file begins with the hash of its content, and one that does not fit is computed again: half a
    file or a flipped bit would otherwise be a wrong number that nobody notices.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def get(self, kind: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
        """The arrays kept under ``kind`` and ``key``, or those that ``compute`` makes, kept now.

        The numbers are the same either way. A folder that can't be written to costs a note on
        stderr and the time.
        """
        if self.folder is None:
            return compute()
        path = self.folder / f"{kind}-{key[:32]}.bin"
        found = _read(path)
        if found is None:
            found = compute()
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                content = save(found)
                digest = hashlib.sha256(content).digest()
                write_file_whole(path, lambda file: file.writelines((digest, content)))
            except OSError as error:
                print(f"Nothing could be kept for the next time: {error}.", file=sys.stderr)
        return found


def key_of(*parts: str | int | Tensor | None) -> str:
    """A SHA-256 in hex that stands for all the parts: tensors by their shape, type and bytes."""
    digest = hashlib.sha256(FORMAT.encode())
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(f"|{part.dtype} {tuple(part.shape)}|".encode())
            for block in part.split(1000):
                digest.update(block.contiguous().cpu().numpy().tobytes())
        else:
            digest.update(f"|{part!r}|".encode())
    return digest.hexdigest()


def _read(path: Path) -> Arrays | None:
    """The arrays in a file; None if there is none, or not a whole one."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            return None
        return load(content[DIGEST:])
    except (OSError, SafetensorError):
        return None
