"""Runs in a folder: found, waiting in line, held by the one process that trains, newly named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from train.runs.queue import try_lock
from train.runs.run import LOCK, Run, RunError, reap
from train.runs.status import Status

LONGEST_NAME = 40


def find(root: Path) -> list[Run]:
    """All runs in a folder, newest first; what can't be read is passed over."""
    reap()
    return sorted(_find(root), key=lambda run: run.settings.created_at, reverse=True)


def _find(root: Path) -> Iterator[Run]:
    for child in root.iterdir() if root.is_dir() else ():
        if not child.name.startswith("."):
            with suppress(RunError):
                yield Run.open(child)


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Be the one process that trains ``run``, inside the ``with`` block.

    Raises:
        RunError: another one does.
    """
    lock = try_lock(run.folder, LOCK, patience=5.0)
    if lock is None:
        raise RunError(f"{run.folder} is being trained by another process.")
    try:
        yield
    finally:
        lock.release()


def line_up(runs: Collection[Run]) -> list[Run]:
    """Those of ``runs`` whose process waits for a device, first come first."""
    waiting = [(run.status(), run) for run in runs]
    waiting = [each for each in waiting if each[0].state == "waiting" and each[1].is_alive]
    return [run for _, run in sorted(waiting, key=lambda each: _arrival(*each))]


def _arrival(status: Status, run: Run) -> tuple[float, str]:
    return status.queued_at or 0.0, run.id


def new_folder(root: Path, title: str, taken: Collection[str] = ()) -> Path:
    """A folder for a run called ``title``, named so that it suits a file system and a link.

    ``taken`` are names that are no longer to be had, besides those of the runs there are.
    """
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_title.lower()).strip("-")[:LONGEST_NAME].strip("-")
    name = name or "run"
    number, folder = 1, root / name
    while folder.name in taken or folder.exists():
        number += 1
        folder = root / f"{name}-{number}"
    return folder
