"""The files of a folder or a zip, read without trusting either.

A zip is never extracted. Its members are read into memory one at a time, under the limits below;
what breaks a limit is refused with a reason in plain words.
"""

from __future__ import annotations

import io
import os
import re
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

MAX_FOLDER_FILE_BYTES = 512 * 2**20
MAX_MEMBER_BYTES = 64 * 2**20
MAX_MEMBERS = 500_000
MAX_TOTAL_BYTES = 64 * 2**30
# Deflate tops out near 1:1030 on constant bytes. Photographs, even as BMP on plain white, stay well
# below 1:100; small members are let through, since a tiny flat picture costs nothing to open.
MAX_RATIO = 200
RATIO_FREE_BYTES = 2**20

SIDE_SUFFIXES = frozenset(
    (".csv", ".tsv", ".txt", ".json", ".jsonl", ".md", ".yaml", ".yml", ".xml", ".ini", ".db")
)
SIDE_NAMES = frozenset(("readme", "license", "licence", "copying"))
ARCHIVE_SUFFIXES = frozenset(
    (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz", ".xz", ".txz", ".zst", ".7z", ".rar")
)
LINK = "a link, and links are not followed"
NESTED = "an archive inside the data set; unpack it first"


class DataError(ValueError):
    """A data set that can't be used; the message tells a person what is wrong and what to do."""


class UnreadableError(Exception):
    """One file that can't be used; the message is the reason in plain words."""


@dataclass(frozen=True)
class Member:
    """A file that may be an image.

    ``name`` is relative, has forward slashes and only printable characters, and never climbs.
    ``open`` returns its bytes as a seekable file, or raises :class:`UnreadableError`; a member with
    a ``refusal`` is not to be opened, for that reason.
    """

    name: str
    open: Callable[[], BinaryIO]
    refusal: str = ""


@contextmanager
def open_members(path: Path) -> Iterator[list[Member]]:
    """The files of a folder or zip that may be images, by name; usable inside the ``with`` block.

    Raises:
        DataError: the folder can't be listed, or the zip is broken or breaks a limit as a whole.
    """
    if path.is_dir():
        yield _folder_members(path)
        return
    with _GuardedReader(io.FileIO(path)) as file, _open_zip(file, path) as archive:
        yield _zip_members(archive, path)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_side_file(name: str) -> bool:
    """Whether a file is known to be no image, so that skipping it needs no mention."""
    stem, suffix = os.path.splitext(name.lower())
    return suffix in SIDE_SUFFIXES or (not suffix and stem in SIDE_NAMES)


def _printable(name: str) -> str:
    """``name`` without control characters and undecodable bytes: safe to print and to store."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)


# Folders ------------------------------------------------------------------------------------------


def _folder_members(root: Path) -> list[Member]:
    try:
        entries = list(os.scandir(root))
    except OSError as error:
        raise DataError(f"The folder {root} can't be opened; check its permissions.") from error
    found: list[tuple[str, Member]] = []
    while entries:
        entry = entries.pop()
        if _is_hidden(entry.name):
            continue
        relative = Path(entry.path).relative_to(root)
        refusal = ""
        try:
            # Junctions are Windows' other kind of link; Python 3.12 is the first to tell them.
            if entry.is_symlink() or getattr(entry, "is_junction", lambda: False)():
                refusal = LINK
            elif entry.is_dir(follow_symlinks=False):
                entries += os.scandir(entry.path)
                continue
            elif not entry.is_file(follow_symlinks=False):
                refusal = "not an ordinary file"
        except OSError:
            refusal = "it can't be opened; check its permissions"
        if _is_side_file(entry.name):
            continue
        if relative.suffix.lower() in ARCHIVE_SUFFIXES:
            refusal = refusal or NESTED
        opener = partial(_open_file, entry.path)
        name = relative.as_posix()
        found.append((name, Member(_printable(name), opener, refusal)))
    return [member for _, member in sorted(found, key=lambda pair: pair[0])]


def _open_file(path: str) -> BinaryIO:
    file = open(path, "rb")  # noqa: SIM115 - the caller closes it
    if os.fstat(file.fileno()).st_size > MAX_FOLDER_FILE_BYTES:
        file.close()
        raise UnreadableError(f"too large: more than {MAX_FOLDER_FILE_BYTES // 2**20} MB")
    return file


# Zips ---------------------------------------------------------------------------------------------


class _GuardedReader(io.BufferedReader):
    """A file that refuses huge single reads.

    ``ZipFile`` reads the whole table of contents in one go, as long as the zip says it is.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_MEMBER_BYTES:
            raise zipfile.BadZipFile("The table of contents is too long.")
        return super().read(size)


def _open_zip(file: BinaryIO, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    # Besides BadZipFile, a malformed zip can surface as any of several errors of the parser.
    except Exception as error:
        raise DataError(
            f"The zip {path} is broken or incomplete; copy, download or make it again."
        ) from error


def _zip_members(archive: zipfile.ZipFile, path: Path) -> list[Member]:
    infos = [info for info in archive.infolist() if not info.filename.endswith(("/", "\\"))]
    if len(infos) > MAX_MEMBERS:
        raise DataError(
            f"The zip {path} holds {len(infos):,} files, more than the {MAX_MEMBERS:,} that are "
            "read from one zip; unpack it and give the folder."
        )
    total = sum(info.file_size for info in infos)
    if total > MAX_TOTAL_BYTES:
        raise DataError(
            f"The zip {path} unpacks to {total / 2**30:,.0f} GB, more than the "
            f"{MAX_TOTAL_BYTES // 2**30} GB that are read from one zip; unpack it if you trust it, "
            "and give the folder."
        )
    lock = threading.Lock()
    members = []
    for info in infos:
        parts = _zip_name(info)
        if not (any(map(_is_hidden, parts)) or _is_side_file(parts[-1])):
            name = _printable("/".join(parts))
            opener = partial(_open_member, archive, info, lock)
            members.append(Member(name, opener, _zip_refusal(info)))
    return sorted(members, key=lambda member: member.name)


def _zip_name(info: zipfile.ZipInfo) -> list[str]:
    """The parts of a member's path, without those that would lead out of a folder."""
    name = info.filename
    if not info.flag_bits & 0x800:  # Not marked as UTF-8, which many tools write all the same.
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    parts = re.split(r"[/\\]", name)
    return [part for part in parts if part.strip(". ") and not part.endswith(":")] or ["unnamed"]


def _zip_refusal(info: zipfile.ZipInfo) -> str:
    """Why a member is not to be read; empty when nothing speaks against it."""
    ratio = info.file_size / max(info.compress_size, 1)
    if stat.S_ISLNK(info.external_attr >> 16):
        return LINK
    if os.path.splitext(info.filename)[1].lower() in ARCHIVE_SUFFIXES:
        return NESTED
    if info.flag_bits & 0x1:
        return "protected by a password; make the zip without one"
    # The other methods can't be told to stop unpacking at a limit.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "compressed in an uncommon way; make the zip with ordinary (deflate) compression"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"too large: more than {MAX_MEMBER_BYTES // 2**20} MB"
    if info.file_size > RATIO_FREE_BYTES and ratio > MAX_RATIO:
        return f"likely a zip bomb: it unpacks to more than {MAX_RATIO} times its size"
    return ""


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock) -> BinaryIO:
    # ZipFile counts its open members without a lock of its own.
    with lock, archive.open(info) as file:
        return io.BytesIO(file.read(info.file_size))  # A size that _zip_refusal has checked.
