"""A run is a process and a folder: create, list, look at, ask, start and delete runs.

Nothing here imports torch: a page looks at runs every second, and a run that waits is to weigh
little. What the training itself writes is in :mod:`train.work.recorder`. Layout of one run::

    settings.json     all that resuming needs besides the state: train.runs.settings
    status.json       what the process does or why it ended, replaced whole about once a second:
                      train.runs.status
    log.jsonl         one line of means each time the recipe logs
    curves.jsonl      one line of means for about every five hundred images
    looks.jsonl       one line for each look at the samples: distance and health
    samples/          generated-images-00001234.png …: step 1234, always from the same latents
    statistics-….pt   what a teacher saw of the photos, until the end
    codes-….pt        their codes, likewise
    state.pt          everything random and every weight, replaced whole at each save
    checkpoint/       what the studio opens
    best/             the checkpoint with the lowest distance at any look so far
    snapshots/        earlier checkpoints, when they were asked for
    start/            weights that the run starts from, when it doesn't start from nothing
    requests/         what the process is asked to do: stop, save, sample, checkpoint
    output.txt        what the process printed
    lock              held by the process for as long as it lives
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio.errors import UserError
from studio.files import sync, write_text_whole
from train.recipes import Recipe, from_dict
from train.runs.queue import is_held
from train.runs.settings import RENTED, Settings
from train.runs.status import Status

SETTINGS, STATUS = "settings.json", "status.json"
LOG, CURVES, LOOKS = "log.jsonl", "curves.jsonl", "looks.jsonl"
SAMPLES, STATE, OUTPUT, LOCK = "samples", "state.pt", "output.txt", "lock"
CHECKPOINT, BEST, SNAPSHOTS, START = "checkpoint", "best", "snapshots", "start"
REQUESTS = "requests"
STATISTICS = "statistics-*.pt", "codes-*.pt"
FRAME = "generated-images-{:08d}.png"
WISHES = ("stop", "save", "sample", "checkpoint")
# States of a living process; the others are ends.
ACTIVE = ("waiting", "preparing", "training", "finishing")
INTERRUPTED = (
    "The training ended without a word; the machine may have been switched off or run out of "
    "memory. The last save is whole: resume to go on from there."
)
UNFOLLOWED = (
    "Nobody on this computer follows the rented machine any more; it may well go on. Resume to "
    "follow it again."
)
HOME = Path(__file__).resolve().parents[2]
TAIL = 4000  # bytes of what a process printed last


class RunError(UserError):
    """A run that can't be used; the message says why, for a person."""


class Run:
    """One run folder and its settings. Any process may look; one process at a time trains."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings

    @classmethod
    def create(
        cls,
        folder: Path,
        settings: Settings | Mapping[str, Any],
        fill: Callable[[Path], Any] = lambda folder: None,
    ) -> Run:
        """Start a run in an empty or new folder.

        ``fill`` puts there what the run begins with. Only then its settings make the folder a run,
        so none is ever resumed without that; and what fails leaves nothing behind.

        Raises:
            RunError: the folder holds something already, or can't be made.
            ValueError: these are no settings.
        """
        if not isinstance(settings, Settings):
            settings = Settings.from_dict(settings)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(
                f"{folder} is not empty. Choose another --out, or go on with "
                f"`python -m train --resume {folder}`."
            )
        run = cls(folder, replace(settings, created_at=time.time()))
        new = not folder.exists()
        try:
            (folder / SAMPLES).mkdir(parents=True)
            fill(folder)
            run.save_settings()
            sync(folder.parent)
        except BaseException as error:
            _undo(folder, new)
            if isinstance(error, OSError):
                raise RunError(f"{folder} can't be made: {error}.") from error
            raise
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open a run that is there.

        Raises:
            RunError: there is no run, or its settings can't be read.
        """
        try:
            text = (folder / SETTINGS).read_text(encoding="utf-8")
            settings = Settings.from_dict(json.loads(text))
            from_dict(settings.recipe)
        except FileNotFoundError as error:
            raise RunError(f"There is no run in {folder}: it has no {SETTINGS}.") from error
        except (OSError, ValueError) as error:
            raise RunError(f"{folder / SETTINGS} can't be used: {error}") from error
        return cls(folder, settings)

    @property
    def id(self) -> str:
        """The run's name: its folder's, and that of the generator it makes."""
        return self.folder.name

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.settings.card.get("title") or self.id)

    @property
    def recipe(self) -> Recipe:
        """The recipe, with whatever was changed when the run was started."""
        return from_dict(self.settings.recipe)

    @property
    def is_alive(self) -> bool:
        """Whether a process trains it or waits to, here on this machine."""
        return is_held(self.folder, LOCK)

    @property
    def where(self) -> str:
        """Where it is trained, of :data:`train.runs.settings.PLACES`."""
        return self.settings.where

    @property
    def is_rented(self) -> bool:
        """Whether it is trained on rented hardware, and only followed here."""
        return self.where == RENTED

    def save_settings(self) -> None:
        """Write settings.json whole."""
        text = json.dumps(self.settings.to_dict(), indent=2, ensure_ascii=False)
        write_text_whole(self.folder / SETTINGS, text + "\n")

    def change_settings(self, **changes: Any) -> None:
        """Write settings.json with some parts changed, and without losing a change of others."""
        self.settings = replace(Run.open(self.folder).settings, **changes)
        self.save_settings()

    def status(self) -> Status:
        """What the process said last; empty when it never said anything."""
        with suppress(OSError, ValueError):
            text = (self.folder / STATUS).read_text(encoding="utf-8")
            return Status.from_dict(json.loads(text))
        return Status()

    def save_status(self, status: Status) -> None:
        """Write status.json whole; a power cut may take it, as the next second brings another."""
        text = status.changed(updated_at=time.time()).to_json()
        write_text_whole(self.folder / STATUS, text, lasting=False)

    def change_status(self, **changes: Any) -> None:
        """Write status.json with some parts changed."""
        self.save_status(self.status().changed(**changes))

    def state(self) -> tuple[str, str]:
        """What the run is doing, and a sentence about it.

        A run whose process is gone never counts as running: "interrupted" is what it is then.
        """
        status = self.status()
        # Read again in the end: it may have ended properly between reading and looking.
        active = status.state in ACTIVE or not status.state
        if active and not self.is_alive and self.status().state == status.state:
            return "interrupted", UNFOLLOWED if self.is_rented else INTERRUPTED
        return status.state or "preparing", status.sentence

    def lines(self, name: str, since: int = -1) -> list[dict[str, Any]]:
        """The lines of log, curves or looks after step ``since``."""
        found = []
        with suppress(OSError), open(self.folder / name, encoding="utf-8") as file:
            for text in file:
                try:
                    line = json.loads(text)
                    if line["step"] > since:
                        found.append(line)
                except (ValueError, KeyError, TypeError):
                    break  # being written, or cut short by a kill
        return found

    def frames(self) -> list[int]:
        """The steps at which a grid of samples was drawn, in order."""
        pattern = re.compile(r"generated-images-(\d{8})\.png")
        names = os.listdir(self.folder / SAMPLES) if (self.folder / SAMPLES).is_dir() else ()
        return sorted(int(match[1]) for match in map(pattern.fullmatch, names) if match)

    def frame(self, step: int) -> Path:
        """Where the grid of samples of a step is."""
        return self.folder / SAMPLES / FRAME.format(step)

    def ask(self, wish: str) -> None:
        """Ask the process to ``stop``, ``save``, ``sample`` or write its ``checkpoint``.

        Raises:
            RunError: nobody knows this wish, or no process is there to hear it.
        """
        if wish not in WISHES:
            raise RunError(f"A run can be asked to {', '.join(WISHES)}, not to {wish!r}.")
        if not self.is_alive:
            raise RunError(f"{self.title} is not training, so it can't {wish}.")
        (self.folder / REQUESTS).mkdir(exist_ok=True)
        (self.folder / REQUESTS / wish).touch()

    def take_requests(self) -> set[str]:
        """What was asked since the last call; for the process itself."""
        asked = set()
        for wish in WISHES:
            with suppress(FileNotFoundError):
                (self.folder / REQUESTS / wish).unlink()
                asked.add(wish)
        return asked

    def start_process(self, devices: Sequence[str]) -> None:
        """Have a process of its own train this run, once one of ``devices`` is free.

        It outlives this one. What it prints goes to output.txt.

        Raises:
            RunError: it is being trained already.
        """
        if self.is_alive:
            raise RunError(f"{self.title} is being trained already.")
        self.change_status(
            state="waiting",
            sentence="Starting.",
            devices=tuple(devices),
            queued_at=time.time(),
        )
        folder = self.folder.absolute()  # the process begins elsewhere
        what = ("follow", folder) if self.is_rented else ("queue", folder, *devices)
        command = [sys.executable, "-m", "train", *map(str, what)]
        detached: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            detached = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        with open(self.folder / OUTPUT, "wb") as output:
            process = subprocess.Popen(
                command,
                cwd=HOME,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **detached,
            )
        _children.append(process)
        self._await_lock(process)

    def _await_lock(self, process: subprocess.Popen[bytes], patience: float = 20.0) -> None:
        """Return when the process holds its lock or is gone, so that nobody sees it as dead."""
        end = time.monotonic() + patience
        while not self.is_alive and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)

    def output_tail(self) -> str:
        """The end of what the process printed."""
        with suppress(OSError), open(self.folder / OUTPUT, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read().decode("utf-8", "replace")
        return ""

    def rename(self, title: str) -> None:
        """Call the run, and the generator it makes, ``title``."""
        named = Run.open(self.folder).settings.card
        self.change_settings(card={**named, "title": title})
        for part in (CHECKPOINT, BEST):
            path = self.folder / part / "card.json"
            with suppress(FileNotFoundError):
                card = json.loads(path.read_text(encoding="utf-8"))
                text = json.dumps({**card, "title": title}, indent=2, ensure_ascii=False)
                write_text_whole(path, text + "\n")

    def delete(self) -> None:
        """Delete the folder.

        Raises:
            RunError: it is being trained, or the folder can't be deleted.
        """
        if self.is_alive:
            raise RunError(f"{self.title} is being trained; stop it first.")
        doomed = self.folder.with_name(f".deleted-{self.id}-{secrets.token_hex(4)}")
        try:
            os.rename(self.folder, doomed)  # at once, so that no half of a run is ever listed
        except OSError as error:
            raise RunError(f"{self.title} can't be deleted: {error}.") from error
        shutil.rmtree(doomed, ignore_errors=True)


def _undo(folder: Path, new: bool) -> None:
    """Leave a folder as it was before a run was to be made in it: empty, or not there if new."""
    with suppress(OSError):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if new:
            folder.rmdir()


# Processes started from here; each look asks whether they ended, so that none stays a zombie.
_children: list[subprocess.Popen[bytes]] = []


def reap() -> None:
    """Let go of processes started from here that ended."""
    _children[:] = [each for each in _children if each.poll() is None]
