"""Files and folders that nobody ever sees half of, also after a kill or a power cut.

A kill can't part what was written from its name, a power cut can: the name may reach the disk
first, and then names an empty file. So what nobody could make again is forced to the disk before it
gets its name, and its name thereafter: settings, states, checkpoints, what a run starts from, where
a rented machine is. What is written each second, or found anew when it is missing, is not:
that would keep the disk busy for nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()


@contextmanager
def write_whole(folder: Path) -> Iterator[Path]:
    """Write a folder in a temporary place beside it and swap it in: nobody sees half of one.

    It survives a power cut: all of it is on the disk before the one that was there is given up.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile's, which nobody but this user could open.
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    fresh.mkdir()
    try:
        yield fresh
        for path in (*fresh.rglob("*"), fresh):
            sync(path)
        old = fresh.with_name(fresh.name + "-old")
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
        sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def tidy(parent: Path) -> None:
    """Finish or undo what a killed process left half done in a folder that nobody writes to now."""
    for path in parent.iterdir():
        # As write_whole and the writers of files below name what is not in its place yet; files
        # once had the number of a process at their end.
        found = re.fullmatch(r"\.(.+)-[0-9a-f]{8}(-old)?|\.(.+)\.(\d+|[0-9a-f]{8})", path.name)
        if not found:
            continue
        if found[2] and not (parent / found[1]).exists():
            os.rename(path, parent / found[1])  # killed between the two renames
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_file_whole(path: Path, write: Callable[[Any], Any], *, lasting: bool = True) -> None:
    """Have ``write`` fill a binary file beside ``path`` and rename it there once it is whole.

    Whatever goes wrong, a full disk or a kill, the file that was there before stays as it was. Any
    number of threads and processes may write the same one: the last to end wins. ``lasting`` has it
    survive a power cut, which takes the time that the disk takes.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(fresh, "wb") as file:
            write(file)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        _rename(fresh, path, lasting=lasting)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_text_whole(path: Path, text: str, *, lasting: bool = True) -> None:
    """As :func:`write_file_whole`, for a text."""
    data = text.encode()
    write_file_whole(path, lambda file: file.write(data), lasting=lasting)


def put(fresh: Path, path: Path) -> None:
    """Rename a file that is whole to its place, where it survives a power cut."""
    sync(fresh)
    _rename(fresh, path, lasting=True)


def _rename(fresh: Path, path: Path, *, lasting: bool) -> None:
    os.replace(fresh, path)
    if lasting:
        sync(path.parent)


def sync(path: Path) -> None:
    """Return when a file's bytes, or the names in a folder, are on the disk.

    Where a folder can't be asked for that (Windows, some shares), its names get there by themselves
    a little later.

    Raises:
        OSError: a file can't be written to the disk.
    """
    if path.is_dir():
        with suppress(OSError):
            _sync(path, os.O_RDONLY)
    else:
        _sync(path, os.O_RDWR)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
