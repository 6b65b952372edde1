"""The ONNX file of a checkpoint: found where there is one that belongs to it, or made.

Making one is left to a process of its own: it takes seconds in which a page would not answer, and
leaves much behind in the memory.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import studio
from studio.checkpoint import GENERATOR, Checkpoint, CheckpointError, read, update_card
from studio.files import write_file_whole
from studio.onnx_export import WEIGHTS, ExportError
from studio.settings import cache_folder

FILE = "generator.onnx"
HASH = "onnx_sha256"  # on the card
NAME_DIGITS = 32  # of each hash in a name: 64 are too long for some file systems' paths
LONGEST_EXPORT = 600  # seconds
# Files are made on the CPU, and one thread is enough: a training may go on beside it.
ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}

_exporting = threading.Lock()
_failed: dict[str, str] = {}  # why, by the weights' hash


@dataclass(frozen=True)
class Exported:
    """A file, the SHA-256 of its bytes in hex, and how many they are."""

    path: Path
    sha256: str
    bytes: int


def of_checkpoint(checkpoint: Checkpoint) -> Exported:
    """The file of a checkpoint's generator: the one there is, or written now.

    One is written at a time; whoever asks for the same meanwhile gets that one. It lies in the
    checkpoint's folder, or in the cache where that can't be written to. A failure is remembered.

    Raises:
        ExportError: the generator can't be exported, or the file can't be written anywhere.
        checkpoint.CheckpointError: the checkpoint has been replaced since it was read.
    """
    if found := find(checkpoint):
        return found
    weights = checkpoint.card[WEIGHTS]
    with _exporting:
        if found := find(checkpoint):
            return found
        if weights in _failed:
            raise ExportError(_failed[weights])
        before = _written(checkpoint)
        try:
            return _keep(checkpoint, exported(checkpoint))
        except ExportError as error:
            now = read(checkpoint.folder).card[WEIGHTS]
            if now != weights or _written(checkpoint) != before:
                raise CheckpointError(str(error)) from error  # it may have met half of each
            _failed[weights] = str(error)
            raise


def find(checkpoint: Checkpoint) -> Exported | None:
    """The whole file of a checkpoint's weights that there is; None if there is none."""
    weights = checkpoint.card[WEIGHTS]
    if not re.fullmatch("[0-9a-f]{64}", weights):
        return None  # cards are other people's
    with suppress(CheckpointError, OSError):
        card = read(checkpoint.folder).card  # as it is now: an export adds to it
        found = _whole(checkpoint.folder / FILE, weights)
        if found and card[WEIGHTS] == weights and card.get(HASH) == found.sha256:
            return found
    with suppress(OSError):
        for path in _cache().glob(f"{weights[:NAME_DIGITS]}-*.onnx"):
            found = _whole(path, weights)
            if found and path.stem.endswith(f"-{found.sha256[:NAME_DIGITS]}"):
                return found
    return None


def _written(checkpoint: Checkpoint) -> tuple[int, int] | None:
    """What changes when the weights are written again, even the same ones; None without them."""
    with suppress(OSError):
        found = (checkpoint.folder / GENERATOR).stat()
        return found.st_ino, found.st_mtime_ns
    return None


def exported(checkpoint: Checkpoint) -> bytes:
    """The file that a process of its own makes of a checkpoint as it is now.

    Raises:
        ExportError: the generator can't be exported.
    """
    with tempfile.TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder, FILE)
        what = (checkpoint.folder.resolve(), path)
        command = [sys.executable, "-m", "studio.onnx_export", *map(str, what)]
        try:
            done = subprocess.run(
                command,
                cwd=Path(studio.__file__).parents[1],
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=LONGEST_EXPORT,
                encoding="utf-8",
                errors="replace",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ExportError(f"The export was given up: {error}.") from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise ExportError(said[-1] if said else f"The export ended with {done.returncode}.")
        return path.read_bytes()


def _whole(path: Path, weights: str) -> Exported | None:
    """A file whose metadata says that it was made of these weights; None if it does not.

    The entry is looked for as protobuf writes it, two texts with their lengths, as this must work
    without the packages that read such files.

    Raises:
        OSError: it can't be read.
    """
    data = path.read_bytes()
    entry = b"\x0a%c%b\x12%c%b" % (len(WEIGHTS), WEIGHTS.encode(), len(weights), weights.encode())
    return Exported(path, hashlib.sha256(data).hexdigest(), len(data)) if entry in data else None


def _keep(checkpoint: Checkpoint, data: bytes) -> Exported:
    """Write a file to the checkpoint's folder and its hash on the card, or else to the cache."""
    weights, found = checkpoint.card[WEIGHTS], hashlib.sha256(data).hexdigest()
    path = checkpoint.folder / FILE
    try:
        # The card first: that fails where other weights have taken the place of these.
        update_card(checkpoint, **{HASH: found})
        write_file_whole(path, lambda file: file.write(data))
    except OSError:
        path = _cache() / f"{weights[:NAME_DIGITS]}-{found[:NAME_DIGITS]}.onnx"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file_whole(path, lambda file: file.write(data))
        except OSError as error:
            raise ExportError(f"The exported generator can't be written: {error}.") from error
    return Exported(path, found, len(data))


def _cache() -> Path:
    return cache_folder() / "networks"
