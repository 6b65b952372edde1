"""What a page shows of runs, as plain JSON, and cheap enough to be asked for every second."""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import time
import zipfile
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio.checkpoint import CARD
from train.runs.finding import line_up
from train.runs.run import ACTIVE, CHECKPOINT, CURVES, LOOKS, Run, RunError
from train.runs.settings import HERE

MOST_POINTS = 600
FILES_KEPT = 16  # of which the lines stay in memory
# Of a point of a curve, where it stands; the rest are its numbers.
PLACE = frozenset({"step", "epoch", "images_shown", "seconds"})
OPEN_PATIENCE = 60.0  # seconds to wait for the newest weights
ENDED = ("stopped", "failed", "interrupted")


class Lines:
    """The lines of a file that grows at its end, each read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self._inode, self._end = 0, 0

    def read(self) -> list[dict[str, Any]]:
        """All lines there are now."""
        try:
            with open(self.path, "rb") as file:
                found = os.fstat(file.fileno())
                # A run that goes back to its last save replaces the file by a shorter one.
                if found.st_ino != self._inode or found.st_size < self._end:
                    self.lines, self._inode, self._end = [], found.st_ino, 0
                if found.st_size > self._end:
                    file.seek(self._end)
                    self._add(file.read())
        except OSError:
            self.lines, self._inode, self._end = [], 0, 0
        return self.lines

    def _add(self, data: bytes) -> None:
        whole, newline, _ = data.rpartition(b"\n")  # the rest is still being written
        self._end += len(whole) + len(newline)
        for text in whole.split(b"\n"):
            with suppress(ValueError, TypeError, AttributeError):
                line = json.loads(text)
                if isinstance(line.get("step"), int):
                    self.lines.append(line)


class Watching:
    """Reads runs for a page; safe to use from several threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, Lines] = OrderedDict()
        self._lock = threading.Lock()

    def curve(self, run: Run, since: int) -> list[dict[str, Any]]:
        """The points after step ``since``, thinned to :data:`MOST_POINTS` means."""
        with self._lock:
            lines = self._lines(run.folder / CURVES)
            first = len(lines)
            while first and lines[first - 1]["step"] > since:
                first -= 1
            points = lines[first:]
        return thinned(points)

    def looks(self, run: Run) -> list[dict[str, Any]]:
        """All looks at the samples."""
        with self._lock:
            return list(self._lines(run.folder / LOOKS))

    def _lines(self, path: Path) -> list[dict[str, Any]]:
        file = self._files.pop(path, None) or Lines(path)
        self._files[path] = file
        while len(self._files) > FILES_KEPT:
            self._files.popitem(last=False)
        return file.read()


def thinned(points: list[dict[str, Any]], most: int = MOST_POINTS) -> list[dict[str, Any]]:
    """At most ``most`` points: means of neighbours, each at the place of the last of them."""
    if len(points) <= most:
        return list(points)
    edges = [round(index * len(points) / most) for index in range(most + 1)]
    return [_mean(points[start:end]) for start, end in zip(edges, edges[1:], strict=False)]


def _mean(points: list[dict[str, Any]]) -> dict[str, Any]:
    result = dict(points[-1])
    for name in points[-1].keys() - PLACE:
        values = [each[name] for each in points if name in each]
        if values:
            result[name] = sum(values) / len(values)
    return result


def frame(run: Run, step: int) -> dict[str, Any]:
    """The grid of samples of a step: {"png": base64, "columns", "rows"}.

    Raises:
        RunError: there is none.
    """
    rows, columns = run.recipe.sample_grid
    try:
        png = run.frame(step).read_bytes()
    except OSError as error:
        raise RunError(f"There are no samples of step {step:,}.") from error
    return {"png": base64.b64encode(png).decode(), "columns": columns, "rows": rows}


def refresh_checkpoint(run: Run, patience: float = OPEN_PATIENCE) -> None:
    """Have a run that trains write its newest average, and wait for it for so many seconds.

    Raises:
        RunError: there is no checkpoint, new or old.
    """
    card = run.folder / CHECKPOINT / CARD
    if run.state()[0] == "training" and run.is_alive:
        before = _modified(card)
        run.ask("checkpoint")
        end = time.monotonic() + patience
        while _modified(card) == before and run.is_alive and time.monotonic() < end:
            time.sleep(0.05)
    if not card.exists():
        raise RunError(f"{run.title} has drawn nothing yet. Try again once it trains.")


def _modified(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 while there is none."""
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def archive(run: Run) -> bytes:
    """A zip of a run's checkpoint, in a folder called after the run.

    Raises:
        RunError: there is no checkpoint yet.
    """
    folder = run.folder / CHECKPOINT
    if not (folder / CARD).exists():
        raise RunError(f"{run.title} has nothing to download yet.")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as result:  # weights don't shrink
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):  # else it is still being written
                result.write(path, f"{run.id}/{path.name}")
    return file.getvalue()


def described(
    run: Run, line: list[str], *, starting: bool = False, waits: bool = False
) -> dict[str, Any]:
    """A run for a page.

    Args:
        run: any run.
        line: the ids of those that wait for a device, the next one first.
        starting: its process was made a moment ago and can't be seen yet.
        waits: it waits, although no process shows that.
    """
    state, sentence = run.state()
    if waits and state == "interrupted":
        state, sentence = "waiting", run.status().sentence
    data = run.settings.card.get("data", {})
    length = run.settings.length
    return {
        "id": run.id,
        "title": run.title,
        "state": state,
        "sentence": sentence,
        "alive": starting or run.is_alive,
        "position": line.index(run.id) + 1 if run.id in line else None,
        "recipe": run.settings.recipe["name"],
        "data_name": data.get("name", ""),
        "images": data.get("images") or 0,
        "start_from": run.settings.start_from,
        "length": {name: length.get(name) for name in ("epochs", "kimg", "minutes")},
        "has_checkpoint": (run.folder / CHECKPOINT / CARD).exists(),
        "can_resume": state in ENDED,
        "created_at": run.settings.created_at,
        "where": run.where,
        "output_tail": run.output_tail() if state in ("failed", "interrupted") else "",
        "status": run.status().to_dict(),
    }


def in_line(runs: Collection[Run]) -> list[str]:
    """The ids of those that wait for a device, the next one first."""
    return [each.id for each in line_up(runs)]


def is_at_work(run: Run) -> bool:
    """Whether a process trains this run on this machine now, rather than waiting to."""
    state, here = run.status().state, run.where == HERE
    return here and state in ACTIVE and state != "waiting" and run.is_alive
