"""What a training writes into its run's folder; :mod:`train.runs.run` reads it from there."""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import torch

from studio import __version__, checkpoint, pictures, words
from studio.files import tidy, write_file_whole, write_text_whole
from studio.generators import Generator
from train.engine.length import Length
from train.engine.loop import Diverged
from train.engine.training import Training
from train.runs.run import CHECKPOINT, CURVES, LOG, LOOKS, SAMPLES, STATE, Run, RunError
from train.runs.status import Status

PREVIEW_COLUMNS = 8
# Enough that a sheet of 28 px pictures can be looked at without a magnifier.
SHEET_PIXELS = 64
STATUS_SECONDS = 1.0
SPEED_SECONDS = 15.0  # images per second are a mean over the last so many
# Room that is given up when the disk is full, so that the reason can still be written down.
RESERVE, RESERVE_BYTES = ".reserve", 64 * 1024
# What happened and what was best outlives a stop; how fast it was does not.
KEPT = (
    *("queued_at", "notes", "best", "health", "distance", "saved_at", "saved_step"),
    *("step", "epoch", "images_shown", "share"),
)


class Recorder:
    """The one writer of a run's folder."""

    def __init__(self, run: Run) -> None:
        self.run = run
        before = run.status()
        kept = {name: getattr(before, name) for name in KEPT}
        self.status = Status().changed(started_at=time.time(), **kept)
        self._shown: deque[tuple[float, int]] = deque()
        self._written = 0.0
        with suppress(OSError):
            (run.folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))

    # Status ---------------------------------------------------------------------------------

    def update(self, **changes: Any) -> None:
        """Change parts of the status, which is written down later."""
        self.status = self.status.changed(**changes)

    def say(self, state: str, sentence: str) -> None:
        """Tell at once what is being done, or why it ended."""
        self.update(state=state, sentence=sentence)
        self._write_status()

    def note(self, sentence: str) -> None:
        """Tell of something that happened and stays worth knowing."""
        print(sentence, flush=True)
        self.update(notes=(*self.status.notes, sentence))
        self._write_status()

    def progress(self, training: Training, length: Length) -> None:
        """Tell how far a training is; cheap enough to be called after every step."""
        now = time.monotonic()
        if now - self._written < STATUS_SECONDS:
            return
        self._shown.append((now, training.images_shown))
        while self._shown[0][0] < now - SPEED_SECONDS:
            self._shown.popleft()
        (begin, first), (end, last) = self._shown[0], self._shown[-1]
        speed = (last - first) / (end - begin) if end > begin else None
        share = length.share(training.images_shown, training.seconds)
        left = min(
            (length.images - training.images_shown) / speed if speed else float("inf"),
            length.seconds - training.seconds,
        )
        used, total = memory(training.hardware.device)
        self.update(
            step=training.step_count,
            epoch=training.epoch,
            images_shown=training.images_shown,
            seconds=round(training.seconds, 2),
            images_per_second=speed,
            seconds_left=max(left, 0.0) if left < float("inf") else None,
            share=share,
            memory=used,
            memory_total=total,
        )
        self._write_status()

    def _write_status(self) -> None:
        self._written = time.monotonic()
        try:
            self.run.save_status(self.status)
        except OSError:
            (self.run.folder / RESERVE).unlink(missing_ok=True)
            with suppress(OSError):  # a status that can't be written must not end a training
                self.run.save_status(self.status)

    # Numbers --------------------------------------------------------------------------------

    def add_line(self, name: str, training: Training, values: dict[str, Any]) -> dict[str, Any]:
        """Append a line to the log, the curves or the looks, and return it."""
        line = {
            "step": training.step_count,
            "epoch": training.epoch,
            "images_shown": training.images_shown,
            "seconds": round(training.seconds, 2),
            **values,
        }
        with open(self.run.folder / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return line

    # State ----------------------------------------------------------------------------------

    def save_state(self, training: Training) -> None:
        """Replace the saved state by this one; a reader or a crash never sees half of it.

        Raises:
            Diverged: a weight is not finite; what was saved before stays.
            RunError: there is no room on the disk; what was saved before stays.
        """
        if not training.is_finite():
            raise Diverged("A weight is no longer a finite number.")
        state = training.state_dict()
        path = self.run.folder / STATE
        try:
            write_file_whole(path, lambda file: torch.save(state, file))
        except (OSError, RuntimeError) as error:  # torch wraps the first into the second
            raise RunError(
                "The training could not be saved, most likely because the disk is full. The save "
                "before is whole: make some room, then resume."
            ) from error
        self.update(saved_at=time.time(), saved_step=training.step_count)

    def forget_after(self, step: int) -> None:
        """Drop what a killed process wrote after the save it is resumed from."""
        for name in (LOG, CURVES, LOOKS):
            path = self.run.folder / name
            if path.exists():
                kept = [line for line in self.run.lines(name) if line["step"] <= step]
                write_text_whole(path, "".join(json.dumps(line) + "\n" for line in kept))
        for frame in self.run.frames():
            if frame > step:
                self.run.frame(frame).unlink(missing_ok=True)
        for folder in (self.run.folder, self.run.folder / SAMPLES):
            tidy(folder)

    # Pictures and weights -------------------------------------------------------------------

    def save_samples(self, training: Training, generator: Generator | None = None) -> Path:
        """Write the grid of fixed latents as samples/generated-images-NNNNNNNN.png."""
        path = self.run.frame(training.step_count)
        scale = -(-SHEET_PIXELS // training.average.network.image_size)
        columns = training.recipe.sample_grid[1]
        grid = pictures.sheet(training.watched(generator).cpu(), columns, scale=scale)
        write_file_whole(path, lambda file: file.write(pictures.to_png(grid)))
        return path

    def save_checkpoint(
        self,
        training: Training,
        name: str = CHECKPOINT,
        *,
        generator: Generator | None = None,
        **card: Any,
    ) -> Path:
        """Write the checkpoint folder ``name`` from the averaged generator."""
        folder = self.run.folder / name
        generator = generator or training.average.generator()
        scale = -(-SHEET_PIXELS // generator.image_size)
        preview = pictures.sheet(training.watched(generator).cpu(), PREVIEW_COLUMNS, scale=scale)
        # It may have been renamed since this process began.
        named = Run.open(self.run.folder).settings.card
        whole = {**named, **training_card(training), **card}
        encoder = words.load(self.run.folder) if generator.words else None
        encoders = training.encoders.averages() if training.encoders else None
        checkpoint.save(
            folder,
            generator,
            training.discriminator,
            whole,
            preview,
            encoder=encoder,
            encoders=encoders,
        )
        return folder


def training_card(training: Training) -> dict[str, Any]:
    """What a checkpoint's card says about its training."""
    judged = {"discriminator": training.recipe.discriminator} if training.discriminator else {}
    if training.encoders:
        judged["encoders"] = training.encoders.config
    return {
        "recipe": training.recipe.name,
        **judged,
        "training": {
            "images_shown": training.images_shown,
            "epochs": round(training.images_shown / len(training.images), 2),
            "batch": training.batch,
            "learning_rate": training.recipe.learning_rate,
            "seed": training.seed,
            "ema_kimg": training.recipe.ema_kimg,
            "augment": training.recipe.augment if "game" in training.teachers else "",
            "teachers": training.recipe.teachers,
            "precision": training.hardware.precision,
            "device": training.hardware.device.type,
            "hours": round(training.seconds / 3600, 3),
            "date": datetime.now(timezone.utc).date().isoformat(),
            "version": __version__,
        },
    }


def memory(device: torch.device) -> tuple[int, int]:
    """Bytes in use and bytes there are: of the GPU, else of this process and the machine."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return total - free, total
    return psutil.Process(os.getpid()).memory_info().rss, psutil.virtual_memory().total


def describe(line: dict[str, Any], training: Training, length: Length) -> str:
    """One line of numbers for people, in the manner of the handbag notebook."""
    names = [each for each in training.means.names if each != "real_sign"]  # it is for adapting
    numbers = ", ".join(f"{name}: {line[name]:.4f}" for name in names)
    known = length.images < math.inf
    if training.recipe.log_steps:
        of = f"/{math.ceil(length.images / training.batch)}" if known else ""
        return f"Step [{line['step']}{of}], {numbers}"
    of = f"/{math.ceil(length.images / training.batch / training.steps_per_epoch)}" if known else ""
    return f"Epoch [{line['epoch']}{of}], {numbers}"


def load_state(run: Run, training: Training) -> bool:
    """Go back to a run's last save; False when nothing was saved yet.

    Raises:
        RunError: the state is damaged or of another recipe.
    """
    path = run.folder / STATE
    if path.exists():
        try:
            training.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        except Exception as error:  # torch.load raises many kinds for a damaged file
            raise RunError(f"{path} can't be resumed from: {error}") from error
    return path.exists()
