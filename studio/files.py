"""Files and folders that nobody ever sees half of."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """Write a folder in a temporary place beside it and swap it in: nobody sees half of one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile's, which nobody but this user could open.
    fresh = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    fresh.mkdir()
    try:
        yield fresh
        old = fresh.with_name(fresh.name + "-old")
        if folder.exists():
            os.rename(folder, old)
        os.rename(fresh, folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def tidy(parent: Path) -> None:
    """Finish or undo what a killed process left half done in a folder that nobody writes to now."""
    for path in parent.iterdir():
        # As write_whole and the writers of files below name what is not in its place yet.
        found = re.fullmatch(r"\.(.+)-[0-9a-f]{8}(-old)?|\.(.+)\.\d+", path.name)
        if not found:
            continue
        if found[2] and not (parent / found[1]).exists():
            os.rename(path, parent / found[1])  # killed between the two renames
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_file_whole(path: Path, write: Callable[[Any], Any]) -> None:
    """Have ``write`` fill a binary file beside ``path`` and rename it there once it is on disk.

    Whatever goes wrong, a full disk or a kill, the file that was there before stays as it was.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(fresh, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def write_text_whole(path: Path, text: str) -> None:
    """Write a text file beside its place and rename it there, so no reader sees half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
