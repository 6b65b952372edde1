"""What a training on rented hardware hands over: a run folder's results in a repository.

The rented machine pushes them with :class:`Outbox`, the follower and a later machine fetch them
with :class:`Inbox`. Both know the same few file names and take no other: a name that is not in the
table is never downloaded, so none can lead out of the run's folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.files import put, write_text_whole, write_whole
from train.rented.hub import HubError, UnreachableError, in_words
from train.runs.run import (
    ACTIVE,
    BEST,
    CHECKPOINT,
    CURVES,
    LOG,
    LOOKS,
    SAMPLES,
    SETTINGS,
    STATE,
    STATUS,
)
from train.runs.settings import Settings

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MB, GB = 2**20, 2**30
# Patterns of the names, and how large such a file may be.
FILES = tuple(
    (re.compile(pattern), limit)
    for pattern, limit in (
        (re.escape(STATUS), MB),
        (f"({'|'.join(map(re.escape, (LOG, CURVES, LOOKS)))})", 256 * MB),
        (rf"{SAMPLES}/generated-images-\d{{8}}\.png", 64 * MB),
        (re.escape(STATE), 16 * GB),
        # studio.words.WORDS, without what reading it would import.
        (rf"(({CHECKPOINT}|{BEST})/)?words\.json", 4 * MB),
        (rf"({CHECKPOINT}|{BEST})/card\.json", 4 * MB),
        (rf"({CHECKPOINT}|{BEST})/(preview\.jpg|directions\.json)", 64 * MB),
        (
            rf"({CHECKPOINT}|{BEST})/(generator|flow|condition|encoder|discriminator)\.safetensors",
            8 * GB,
        ),
        (rf"({CHECKPOINT}|{BEST})/generator\.onnx", 8 * GB),
    )
)
FOLDERS = (CHECKPOINT, BEST)  # that are only of use as a whole
MOST_FILES, MOST_BYTES = 20_000, 64 * GB
FETCHED = ".fetched.json"  # which version of each file is here
ATTEMPT = "attempt"  # in status.json: which of a run's jobs wrote it
# In status.json too: those settings that a training itself may change.
CHANGED, CHANGEABLE = "changed", ("recipe", "rate_lowered")
PRECISION, PRECISIONS = "precision", ("bf16", "fp32")  # and what "auto" came to, of options
ENDS = ("finished", "stopped", "failed")
HANDING_OVER = "Handing over the results."


def limit(name: str) -> int | None:
    """How many bytes the result called ``name`` may have; None when nothing is called that."""
    return next((most for pattern, most in FILES if pattern.fullmatch(name)), None)


class Outbox:
    """Pushes what changed in a run's folder, one commit at a time.

    Args:
        repository: a model repository, "user/name".
        attempt: marks the status as written by this job.
        state_seconds: no two pushes of the state, which is large, are closer than that.
    """

    def __init__(
        self, api: HfApi, repository: str, folder: Path, attempt: str, state_seconds: float = 0.0
    ) -> None:
        self.api, self.repository, self.folder = api, repository, folder
        self.attempt, self.state_seconds = attempt, state_seconds
        self._pushed: dict[str, tuple[int, ...]] = {}
        # What the status said of the state that was pushed last.
        self._saved: dict[str, Any] = {"saved_at": None, "saved_step": None}
        self._state_at = -float("inf")

    def assume_pushed(self) -> None:
        """Take all that is in the folder now as known to the repository."""
        self._pushed = self._versions()
        self._note_saved(self.folder / STATUS)

    def push(self, *, with_state: bool = False, last: bool = False) -> bool:
        """Commit what changed; whether there was anything.

        ``with_state`` includes the state, however recently it was pushed. Only the ``last`` push,
        which has everything, says that the training ended: whoever reads that reads no further.

        Raises:
            HubError: it did not work; the next push makes up for it.
        """
        versions = self._versions()
        withheld = (
            STATE in versions
            and versions[STATE] != self._pushed.get(STATE)
            and time.monotonic() - self._state_at < self.state_seconds
            and not (with_state or last)
        )
        if withheld:
            del versions[STATE]
        if last:
            self._pushed.pop(STATUS, None)
        changed = [name for name in versions if versions[name] != self._pushed.get(name)]
        gone = [n for n in self._pushed if n.startswith(SAMPLES + "/") and n not in versions]
        if not changed and not gone:
            return False
        with tempfile.TemporaryDirectory() as place, in_words():
            copies = self._copies(changed, Path(place))
            if STATUS in copies:
                self._sign(copies[STATUS], withheld, last)
            # Of a folder that was written anew, what is no longer in it.
            new = {name.partition("/")[0] for name in copies} & set(FOLDERS)
            gone += [n for n in self._pushed if n.partition("/")[0] in new and n not in copies]
            self._commit(copies, gone)
        for name in gone:
            del self._pushed[name]
        self._pushed |= {name: versions[name] for name in copies if name in versions}
        if STATE in copies:
            self._state_at = time.monotonic()
        return True

    def _versions(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for name in self._names():
            with suppress(FileNotFoundError):
                status = os.stat(self.folder / name)
                found[name] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found

    def _names(self) -> Iterator[str]:
        yield STATE  # first, so that no log is older than the state that it is resumed with
        for place in ("", SAMPLES, *FOLDERS):
            with suppress(FileNotFoundError):
                for each in sorted(os.listdir(self.folder / place)):
                    name = f"{place}/{each}" if place else each
                    if name != STATE and limit(name) is not None:
                        yield name

    def _copies(self, names: Iterable[str], place: Path) -> dict[str, Path]:
        """The files as they are at one moment: the training goes on replacing them meanwhile."""
        copies = {}
        for name in names:
            copy = place / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                shutil.copyfile(self.folder / name, copy)
                copies[name] = copy
        for folder in FOLDERS:
            if any(name.startswith(folder + "/") for name in copies):
                self._copy_whole(folder, place, copies)
        return copies

    def _copy_whole(self, folder: str, place: Path, copies: dict[str, Path]) -> None:
        """Copy a folder, until it was not swapped for another one meanwhile."""
        for _ in range(5):
            for name in [each for each in copies if each.startswith(folder + "/")]:
                del copies[name]
            with suppress(FileNotFoundError):
                before = os.stat(self.folder / folder).st_ino
                for name in [each for each in self._names() if each.startswith(folder + "/")]:
                    copies[name] = shutil.copyfile(self.folder / name, place / name)
                if os.stat(self.folder / folder).st_ino == before:
                    return

    def _note_saved(self, path: Path) -> None:
        status = read_json(path)
        self._saved = {name: status.get(name) for name in self._saved}

    def _sign(self, path: Path, withheld: bool, last: bool) -> None:
        """Add attempt and settings to a status; as saved counts only what was handed over."""
        if not withheld:
            self._note_saved(path)
        settings = Settings.from_dict(read_json(self.folder / SETTINGS))
        changed = {name: getattr(settings, name) for name in CHANGEABLE}
        if precision := settings.options.get(PRECISION):
            changed[PRECISION] = precision
        status = {**read_json(path), **self._saved, ATTEMPT: self.attempt, CHANGED: changed}
        if status.get("state") in ENDS and not last:
            status |= {"state": "finishing", "sentence": HANDING_OVER}
        path.write_text(json.dumps(status), encoding="utf-8")

    def _commit(self, copies: dict[str, Path], gone: list[str]) -> None:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        self.api.create_commit(
            self.repository,
            [
                *(CommitOperationAdd(name, str(path)) for name, path in copies.items()),
                *(CommitOperationDelete(name) for name in gone),
            ],
            commit_message=f"Step {read_json(self.folder / STATUS).get('step') or 0}",
        )


class Inbox:
    """Fetches what changed in a repository into a run's folder, each file whole."""

    def __init__(self, api: HfApi, repository: str, folder: Path) -> None:
        self.api, self.repository, self.folder = api, repository, folder
        self._seen = ""
        self._status: dict[str, Any] = {}

    def fetch(self, *, with_state: bool) -> dict[str, Any]:
        """Bring the folder up to date, all but its status; returns that, empty if there is none.

        Raises:
            HubError: it did not work, or a file there is larger than such a file can be.
        """
        with in_words():
            newest = str(self.api.repo_info(self.repository).sha)
            if newest != self._seen or with_state:
                self._fetch(newest, with_state)
                self._seen = newest
        return dict(self._status)

    def _fetch(self, revision: str, with_state: bool) -> None:
        there = self._listed(revision)
        before = read_json(self.folder / FETCHED)
        here = {name: version for name, version in before.items() if name in there}
        for name in set(before) - set(there):
            if name.startswith(SAMPLES + "/") and limit(name):
                (self.folder / name).unlink(missing_ok=True)  # drawn after the save gone back to
        new = {name for name, (_, version) in there.items() if here.get(name) != version}
        new |= {name for name in there if not (self.folder / name).exists()}
        folders = {name.partition("/")[0] for name in new} & set(FOLDERS)
        new |= {name for name in there if name.partition("/")[0] in folders}  # whole ones
        if not with_state:
            new.discard(STATE)
        with self._downloaded(revision, {name: there[name][0] for name in new}) as place:
            if STATUS in new:
                self._status = known(read_json(place / STATUS))
            for name in new - {STATUS}:
                if name.partition("/")[0] not in folders:
                    (self.folder / name).parent.mkdir(exist_ok=True)
                    put(place / name, self.folder / name)  # the note below is not to outlive it
            for folder in folders:
                with write_whole(self.folder / folder) as fresh:
                    for path in (place / folder).iterdir():
                        os.replace(path, fresh / path.name)
        here |= {name: there[name][1] for name in new - {STATUS}}
        write_text_whole(self.folder / FETCHED, json.dumps(here))

    def _listed(self, revision: str) -> dict[str, tuple[int, str]]:
        """Size and version of each result there is."""
        from huggingface_hub.hf_api import RepoFile

        found = {}
        for entry in self.api.list_repo_tree(self.repository, recursive=True, revision=revision):
            most = limit(entry.path)
            if most is None or not isinstance(entry, RepoFile):
                continue
            if entry.size > most:
                raise HubError(f"{self.repository} holds a {entry.path} of an impossible size.")
            found[entry.path] = (int(entry.size), str(entry.blob_id))
        if len(found) > MOST_FILES or sum(size for size, _ in found.values()) > MOST_BYTES:
            raise HubError(f"{self.repository} holds more than a training ever writes.")
        return found

    @contextmanager
    def _downloaded(self, revision: str, sizes: dict[str, int]) -> Iterator[Path]:
        """Yields a folder with these files, which goes away again."""
        for left in self.folder.glob(".fetching-*"):  # by a kill
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=self.folder) as place:
            if sizes:
                self.api.snapshot_download(
                    self.repository,
                    revision=revision,
                    local_dir=place,
                    allow_patterns=sorted(sizes),  # no name here has a wildcard in it
                )
            for name, size in sizes.items():
                path = Path(place, name)
                if not path.exists():  # a lost connection is not always told of
                    raise UnreachableError(f"{name} did not arrive")
                if path.is_symlink() or path.stat().st_size != size:
                    raise HubError(f"{name} did not arrive as {self.repository} describes it.")
            yield Path(place)


def known(status: dict[str, Any]) -> dict[str, Any]:
    """A status from elsewhere, if it is one: its state is one there is, and its sentence text."""
    if status.get("state") in (*ACTIVE, *ENDS) and isinstance(status.get("sentence"), str):
        return status
    return {}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty where there is none."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}
