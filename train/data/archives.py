"""The files of a folder or a zip, read without trusting either.

A zip is never extracted. Its members are read into memory one at a time, under limits that
environment variables set; what breaks a limit is refused with a reason in plain words.
"""

from __future__ import annotations

import io
import os
import re
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from studio.errors import UserError
from studio.photos import UnreadableError
from train.data.limits import Limits, limits

# Small members may unpack to many times their size: a tiny flat picture costs nothing to open.
RATIO_FREE_BYTES = 2**20
# The same for a zip as a whole, which may hold many such pictures.
TOTAL_RATIO_FREE_BYTES = 2**30
# ZipFile reads a zip's table of contents in one go, as long as the zip says it is.
MAX_TABLE_BYTES = 64 * 2**20
ENTRY = b"PK\1\2"
LOCAL_HEADER_BYTES = 30
MAX_NAME = 200  # characters; a zip allows 65,535

SIDE_SUFFIXES = frozenset(
    (".csv", ".tsv", ".txt", ".json", ".jsonl", ".md", ".yaml", ".yml", ".xml", ".ini", ".db")
)
SIDE_NAMES = frozenset(("readme", "license", "licence", "copying"))
ARCHIVE_SUFFIXES = frozenset(
    (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz", ".xz", ".txz", ".zst", ".7z", ".rar")
)
LINK = "a link, and links are not followed"
NESTED = "an archive inside the data set; unpack it first"


class DataError(UserError):
    """A data set that can't be used; the message tells a person what is wrong and what to do."""


@dataclass(frozen=True)
class Member:
    """A file that may be an image.

    ``name`` is relative, has forward slashes and only printable characters, never climbs, and no
    other member of the same place has it.
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
    bounds = limits()
    if path.is_dir():
        yield _folder_members(path, bounds)
        return
    with _GuardedReader(path, bounds) as file, _open_zip(file, path) as archive:
        yield _zip_members(archive, path, bounds)


def read_side_files(path: Path, name: str, most: int) -> list[tuple[str, bytes]]:
    """Files of a name that are no images, at the top of a folder or zip or one folder below it.

    Returns (folder, content) of each, the folder relative, "" or ending in a slash.

    Raises:
        DataError: the zip is broken, or a file is not to be read or larger than ``most`` bytes.
    """
    if path.is_dir():
        folders = sorted(each for each in path.iterdir() if each.is_dir())
        places = [each for each in folders if not (each.is_symlink() or _is_hidden(each.name))]
        found = []
        for place in (path, *places):
            file = place / name
            if file.is_symlink() or not file.is_file():
                continue
            if file.stat().st_size > most:
                raise DataError(f"{file} can't be used: it is {_too_large(most)}.")
            folder = "" if place == path else f"{place.name}/"
            found.append((folder, file.read_bytes()))
        return found
    bounds = limits()
    with _GuardedReader(path, bounds) as handle, _open_zip(handle, path) as archive:
        infos = [info for info in archive.infolist() if not info.filename.endswith(("/", "\\"))]
        _check_whole(infos, path, bounds)
        found = []
        for info in infos:
            *above, last = _zip_name(info)
            if last.lower() != name or len(above) > 1 or any(map(_is_hidden, above)):
                continue
            refusal = _zip_refusal(info, bounds)
            if not refusal and info.file_size > most:
                refusal = _too_large(most)
            if refusal:
                raise DataError(f"{last} in {path} can't be used: it is {refusal}.")
            try:
                with archive.open(info) as member:
                    content = member.read(info.file_size)
            except Exception as error:  # as many kinds as for a zip as a whole
                raise DataError(f"{last} in {path} is damaged; make the zip again.") from error
            found.append(("".join(f"{each}/" for each in above), content))
        return sorted(found)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_side_file(name: str) -> bool:
    """Whether a file is known to be no image, so that skipping it needs no mention."""
    stem, suffix = os.path.splitext(name.lower())
    return suffix in SIDE_SUFFIXES or (not suffix and stem in SIDE_NAMES)


def _printable(name: str) -> str:
    """``name`` without control characters and undecodable bytes: safe to print and to store."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)


def _sorted(found: list[tuple[str, Member]]) -> list[Member]:
    """Members by the given names, each with a name of its own: names lose parts to be safe."""
    taken: dict[str, int] = {}  # and how many want the name: a zip may hold the same many times
    result = []
    for _, member in sorted(found, key=lambda pair: pair[0]):
        stem, suffix = os.path.splitext(member.name)
        name = member.name
        while name in taken:
            taken[member.name] += 1
            name = f"{stem} ({taken[member.name]}){suffix}"
        taken[name] = 1
        result.append(replace(member, name=name))
    return result


# Folders ------------------------------------------------------------------------------------------


def _folder_members(root: Path, bounds: Limits) -> list[Member]:
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
        opener = partial(_open_file, entry.path, bounds.folder_file_bytes)
        name = relative.as_posix()
        found.append((name, Member(_printable(name), opener, refusal)))
    return _sorted(found)


def _open_file(path: str, most: int) -> BinaryIO:
    file = open(path, "rb")  # noqa: SIM115 - the caller closes it
    if os.fstat(file.fileno()).st_size > most:
        file.close()
        raise UnreadableError(_too_large(most))
    return file


def _too_large(most: int) -> str:
    return f"too large: more than {most / 2**20:,.3g} MB"


# Zips ---------------------------------------------------------------------------------------------


class _GuardedReader(io.BufferedReader):
    """A zip's file, which refuses a table of contents that would fill the memory.

    ``ZipFile`` makes an object of a few hundred bytes of each entry of 46 bytes or more, and offers
    no say before it is done.
    """

    def __init__(self, path: Path, bounds: Limits) -> None:
        super().__init__(io.FileIO(path))
        self._path, self._most = path, bounds.members

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_TABLE_BYTES:
            raise zipfile.BadZipFile("The table of contents is too long.")
        content = super().read(size)
        # Twice, as the mark of an entry may also stand in a name by chance.
        if content.startswith(ENTRY) and content.count(ENTRY) > 2 * self._most:
            raise _too_many(self._path, content.count(ENTRY), self._most)
        return content


def _open_zip(file: BinaryIO, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except DataError:
        raise
    # Besides BadZipFile, a malformed zip can surface as any of several errors of the parser.
    except Exception as error:
        raise DataError(
            f"The zip {path} is broken or incomplete; copy, download or make it again."
        ) from error


def _too_many(path: Path, count: int, most: int) -> DataError:
    return DataError(
        f"The zip {path} holds {count:,} files, more than the {most:,} that are read from one zip; "
        "unpack it and give the folder."
    )


def _zip_members(archive: zipfile.ZipFile, path: Path, bounds: Limits) -> list[Member]:
    infos = [info for info in archive.infolist() if not info.filename.endswith(("/", "\\"))]
    _check_whole(infos, path, bounds)
    lock = threading.Lock()
    found = []
    for info in infos:
        parts = _zip_name(info)
        if not (any(map(_is_hidden, parts)) or _is_side_file(parts[-1])):
            name = _printable("/".join(parts))[-MAX_NAME:].lstrip("/")
            opener = partial(_open_member, archive, info, lock)
            found.append((name, Member(name, opener, _zip_refusal(info, bounds))))
    return _sorted(found)


def _check_whole(infos: Sequence[zipfile.ZipInfo], path: Path, bounds: Limits) -> None:
    """Raise a DataError if the files of a zip break a limit together."""
    if len(infos) > bounds.members:
        raise _too_many(path, len(infos), bounds.members)
    read = [info for info in infos if not _zip_refusal(info, bounds)]
    total = sum(info.file_size for info in read)
    if total > bounds.total_bytes:
        raise DataError(
            f"The zip {path} unpacks to {total / 2**30:,.3g} GB, more than the "
            f"{bounds.total_bytes / 2**30:,.3g} GB that are read from one zip; unpack it if you "
            "trust it, and give the folder."
        )
    # Files that share their bytes unpack to more than the ratio of each would tell (Fifield, "A
    # better zip bomb", 2019).
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise DataError(
                f"The zip {path} is likely a zip bomb: its files overlap. Make it again with "
                "another program if you trust it."
            )
        end = info.header_offset + LOCAL_HEADER_BYTES + info.compress_size
    packed = sum(info.compress_size for info in read)
    if total > TOTAL_RATIO_FREE_BYTES and total > bounds.ratio * packed:
        raise DataError(
            f"The zip {path} is likely a zip bomb: it unpacks to more than {bounds.ratio:,g} times "
            "its size. Unpack it if you trust it, and give the folder."
        )


def _zip_name(info: zipfile.ZipInfo) -> list[str]:
    """The parts of a member's path, without those that would lead out of a folder."""
    name = info.filename
    if not info.flag_bits & 0x800:  # Not marked as UTF-8, which many tools write all the same.
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    parts = re.split(r"[/\\]", re.sub(r"^([A-Za-z]:)+", "", name))
    return [part for part in parts if part.strip(". ") and not part.endswith(":")] or ["unnamed"]


def _zip_refusal(info: zipfile.ZipInfo, bounds: Limits) -> str:
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
    if info.file_size > bounds.member_bytes:
        return _too_large(bounds.member_bytes)
    if info.file_size > RATIO_FREE_BYTES and ratio > bounds.ratio:
        return f"likely a zip bomb: it unpacks to more than {bounds.ratio:,g} times its size"
    return ""


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock) -> BinaryIO:
    # ZipFile counts its open members without a lock of its own.
    with lock, archive.open(info) as file:
        return io.BytesIO(file.read(info.file_size))  # A size that _zip_refusal has checked.
