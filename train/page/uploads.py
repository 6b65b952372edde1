"""Photos that people sent: where they lie until a run has learnt from them.

One upload is a folder ``.uploads/<id>`` beside the runs: either ``photos/`` with the files as they
were called, or one zip, and ``upload.json`` with what is known of it. Names are other people's, so
they are made harmless before they become paths.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import UserError
from studio.files import write_text_whole

FOLDER = ".uploads"
PHOTOS, ARCHIVE, KNOWN = "photos", "photos.zip", "upload.json"
UNUSED_SECONDS = 24 * 3600
SWEEP_SECONDS = 3600  # between two looks for unused ones
LONGEST_PART = 120  # characters of a file or folder name
DEEPEST = 8  # folders
# Left free whatever happens, so that trainings can go on saving.
DISK_RESERVE = 512 * 2**20
ALONE = (
    "A zip goes alone: send one zip and nothing else, or unpack it and send the photos with the "
    "others."
)
GONE = "These photos are no longer here: unused photos are kept for a day. Send them again."
NAMELESS = "Photos"


class UploadError(UserError):
    """Photos that can't be taken; the message says why, for a person."""


@dataclass(frozen=True)
class Limits:
    """How much one upload may hold."""

    bytes: int = 2048 * 2**20
    files: int = 20_000


class Uploads:
    """The uploads beside the runs in ``root``; safe to use from several threads."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self.root, self.limits = root / FOLDER, limits
        self._lock = threading.Lock()
        self._swept = -float("inf")
        # Gradio names what it receives after its content, so the same photo sent twice arrives as
        # one file; where it went is where the second one is taken from.
        self._taken: dict[Path, Path] = {}

    def new(self) -> str:
        """Make room for an upload; its id is a secret of whoever sends it."""
        self._check_disk(0)
        name = secrets.token_hex(12)
        (self.root / name).mkdir(parents=True)
        self._write(name, {"files": 0, "bytes": 0, "archive": "", "name": ""})
        return name

    def add(self, name: str, files: Sequence[tuple[Path, str]]) -> dict[str, Any]:
        """Move files (path, relative name) into an upload.

        Returns the totals so far and [name, reason] of each file that was not taken.

        Raises:
            UploadError: there is no such upload, it would hold too much, or a zip is not alone.
        """
        with self._lock:
            known = self._read(name)
            arriving = [path for path, _ in files]
            try:
                self._check(known, files)
            except UploadError:
                for path in arriving:
                    path.unlink(missing_ok=True)
                raise
            refused = []
            for path, called in files:
                try:
                    known["bytes"] += self._take(path, self._place(name, called))
                except OSError:
                    refused.append([called, "it can't be stored under this name, or is gone"])
                    continue
                known["files"] += 1
                if is_zip(called):
                    known["archive"] = parts(called)[-1]
            known["name"] = known["name"] or name_of([called for _, called in files])
            self._write(name, known)
            return {"files": known["files"], "bytes": known["bytes"], "refused": refused}

    def path(self, name: str) -> Path:
        """The folder or zip of an upload, to train on.

        Raises:
            UploadError: there is no such upload, or nothing in it.
        """
        known = self._read(name)
        os.utime(self.root / name / KNOWN)  # someone still works with it
        path = self.root / name / (ARCHIVE if known["archive"] else PHOTOS)
        if not path.exists():
            raise UploadError("No photos have arrived yet. Send some first.")
        return path

    def totals(self, name: str) -> tuple[int, int]:
        """How many files and bytes an upload holds."""
        known = self._read(name)
        return known["files"], known["bytes"]

    def name(self, name: str) -> str:
        """What to call an upload: its zip or its folder."""
        return self._read(name)["name"] or NAMELESS

    def holder(self, path: str) -> str:
        """The id of the upload that ``path`` is in; "" when it is in none."""
        with suppress(ValueError):
            return Path(path).relative_to(self.root.resolve()).parts[0]
        return ""

    def drop(self, name: str) -> None:
        """Delete an upload, if it is there."""
        if re.fullmatch(r"[0-9a-f]{24}", name):
            shutil.rmtree(self.root / name, ignore_errors=True)

    def sweep(self, used: Callable[[], Collection[str]]) -> None:
        """Now and then drop what nobody uses; ``used`` tells what somebody does."""
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            self.drop_unused(used())

    def drop_unused(self, used: Collection[str], age: float = UNUSED_SECONDS) -> None:
        """Delete the uploads that nobody touched for ``age`` seconds, except those in ``used``."""
        for folder in self.root.iterdir() if self.root.is_dir() else ():
            with suppress(OSError):
                known = folder / KNOWN
                touched = (known if known.exists() else folder).stat().st_mtime
                if folder.name not in used and touched < time.time() - age:
                    self.drop(folder.name)

    # ------------------------------------------------------------------------------------------

    def _read(self, name: Any) -> dict[str, Any]:
        if isinstance(name, str) and re.fullmatch(r"[0-9a-f]{24}", name):
            with suppress(OSError, ValueError):
                return json.loads((self.root / name / KNOWN).read_text(encoding="utf-8"))
        raise UploadError(GONE)

    def _write(self, name: str, known: dict[str, Any]) -> None:
        write_text_whole(self.root / name / KNOWN, json.dumps(known))

    def _check(self, known: dict[str, Any], files: Sequence[tuple[Path, str]]) -> None:
        zips = sum(is_zip(called) for _, called in files)
        if known["archive"] or (zips and len(files) + known["files"] > 1):
            raise UploadError(ALONE)
        if known["files"] + len(files) > self.limits.files:
            raise UploadError(f"At most {self.limits.files:,} photos can be taken. Choose fewer.")
        size = sum(path.stat().st_size for path, _ in files if path.exists())
        if known["bytes"] + size > self.limits.bytes:
            raise UploadError(
                f"At most {self.limits.bytes / 1e6:,.0f} MB of photos can be taken. Choose fewer, "
                "or make them smaller."
            )
        self._check_disk(size)

    def _check_disk(self, size: int) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.root).free < size + DISK_RESERVE:
            raise UploadError(
                "The studio's disk is nearly full, so it can't take photos now. Delete trainings "
                "that are no longer needed, then try again."
            )

    def _place(self, name: str, called: str) -> Path:
        """Where a file goes: a path inside the upload that nothing has yet."""
        if is_zip(called):
            return self.root / name / ARCHIVE
        place = (self.root / name / PHOTOS).joinpath(*parts(called))
        place.parent.mkdir(parents=True, exist_ok=True)
        number, stem = 1, place.stem
        while place.exists():
            number += 1
            place = place.with_name(f"{stem} ({number}){place.suffix}")
        return place

    def _take(self, source: Path, place: Path) -> int:
        if source.exists():
            shutil.move(source, place)
            self._taken[source] = place
        else:
            shutil.copyfile(self._taken.get(source, source), place)
        return place.stat().st_size


def is_zip(name: str) -> bool:
    """Whether a file is called a zip."""
    return name.lower().endswith(".zip")


def parts(name: str) -> list[str]:
    """The parts of a relative path that somebody sent: printable, short, and never climbing.

    Those that would lead out of a folder or hide a file are left out.
    """
    found = []
    for part in re.split(r"[/\\]", name):
        # Not in names on Windows; the rest can be neither printed nor, in part, stored.
        safe = "".join(
            char if char.isprintable() and char not in '<>:"|?*' else "_" for char in part
        )
        safe = safe.strip().lstrip(".").rstrip(". ")
        if len(safe) > LONGEST_PART:
            stem, dot, suffix = safe.rpartition(".")
            suffix = dot + suffix if stem and len(suffix) < 8 else ""
            safe = safe[: LONGEST_PART - len(suffix)] + suffix
        if safe:
            found.append(safe)
    return found[-DEEPEST:] or ["unnamed"]


def name_of(names: Sequence[str]) -> str:
    """What to call photos: the one zip or the one folder they come from; "" when there is none."""
    split = [parts(each) for each in names]
    if len(split) == 1 and is_zip(names[0]):
        return split[0][-1][: -len(".zip")] or NAMELESS
    tops = {each[0] if len(each) > 1 else "" for each in split}
    return tops.pop() if len(tops) == 1 else ""
