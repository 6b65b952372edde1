"""A run is a folder: settings, numbers, samples, the state to resume from, and its checkpoint.

Layout of one run::

    settings.json     recipe, data, seed, length: all that resuming needs besides the state
    log.jsonl         one line of numbers each time the recipe logs
    samples/          generated-images-0001.png …, always from the same latents
    state.pt          everything random and every weight, replaced whole at each save
    checkpoint/       what the studio opens
    snapshots/        earlier checkpoints, when they were asked for
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from studio import checkpoint, pictures
from train.loop import Training
from train.recipes import Recipe, from_dict

SETTINGS = "settings.json"
LOG = "log.jsonl"
SAMPLES = "samples"
STATE = "state.pt"
# What settings.json must hold.
PARTS = {"recipe", "data", "data_digest", "seed", "length", "card"}
PREVIEW_COLUMNS = 8
# Enough that a sheet of 28 px pictures can be looked at without a magnifier.
SHEET_PIXELS = 64


class RunError(ValueError):
    """A run folder that can't be used; the message says why, for a person."""


class Run:
    """One run folder, open for writing by the one process that trains."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings

    @classmethod
    def create(cls, folder: Path, settings: dict[str, Any]) -> Run:
        """Start a run in an empty or new folder.

        Raises:
            RunError: the folder holds something already, or can't be made.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(
                f"{folder} is not empty. Choose another --out, or go on with "
                f"`python -m train --resume {folder}`."
            )
        try:
            (folder / SAMPLES).mkdir(parents=True)
        except OSError as error:
            raise RunError(f"{folder} can't be made: {error}.") from error
        run = cls(folder, settings)
        run.save_settings()
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open a run to resume it.

        Raises:
            RunError: there is no run, or its settings can't be read.
        """
        try:
            settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            from_dict(settings["recipe"])
            if missing := PARTS - set(settings):
                raise ValueError(f"it lacks {', '.join(sorted(missing))}.")
        except FileNotFoundError as error:
            raise RunError(f"There is no run in {folder}: it has no {SETTINGS}.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{folder / SETTINGS} can't be used: {error}") from error
        return cls(folder, settings)

    @property
    def recipe(self) -> Recipe:
        """The recipe, with whatever was changed when the run was started."""
        return from_dict(self.settings["recipe"])

    def save_settings(self) -> None:
        """Write settings.json whole."""
        text = json.dumps(self.settings, indent=2, ensure_ascii=False)
        checkpoint.write_text_whole(self.folder / SETTINGS, text + "\n")

    def save_state(self, training: Training) -> None:
        """Replace the saved state by this one; a reader or a crash never sees half of it."""
        fresh = self.folder / f".{STATE}.{os.getpid()}"
        torch.save(training.state_dict(), fresh)
        os.replace(fresh, self.folder / STATE)

    def load_state(self, training: Training) -> bool:
        """Go back to the last save, the log too; False when nothing was saved yet.

        Raises:
            RunError: the state is damaged or of another recipe.
        """
        path = self.folder / STATE
        if path.exists():
            try:
                training.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
            except Exception as error:  # torch.load raises many kinds for a damaged file
                raise RunError(f"{path} can't be resumed from: {error}") from error
        self._forget_log_after(training.step_count)
        return path.exists()

    def log(self, training: Training, numbers: dict[str, float]) -> dict[str, Any]:
        """Append one line of numbers to the log and return it."""
        line = {
            "step": training.step_count,
            "epoch": training.epoch,
            "images_shown": training.images_shown,
            "seconds": round(training.seconds, 2),
            **numbers,
        }
        with open(self.folder / LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return line

    def save_samples(self, training: Training, number: int) -> Path:
        """Write the grid of fixed latents as samples/generated-images-NNNN.png."""
        path = self.folder / SAMPLES / f"generated-images-{number:04d}.png"
        scale = -(-SHEET_PIXELS // training.generator.image_size)
        columns = training.recipe.sample_grid[1]
        grid = pictures.sheet(training.samples().cpu(), columns, scale=scale)
        path.write_bytes(pictures.to_png(grid))
        return path

    def save_checkpoint(self, training: Training, *, snapshot: str | None = None) -> Path:
        """Write ``checkpoint/`` (or ``snapshots/<snapshot>/``) from the averaged generator."""
        folder = self.folder / "checkpoint"
        if snapshot is not None:
            folder = self.folder / "snapshots" / snapshot
        generator = training.averaged_generator()
        scale = -(-SHEET_PIXELS // generator.image_size)
        preview = pictures.sheet(training.samples().cpu(), PREVIEW_COLUMNS, scale=scale)
        card = {**self.settings["card"], **self._training_card(training)}
        checkpoint.save(folder, generator, training.discriminator, card, preview)
        return folder

    def _training_card(self, training: Training) -> dict[str, Any]:
        return {
            "recipe": training.recipe.name,
            "discriminator": training.recipe.discriminator,
            "training": {
                "images_shown": training.images_shown,
                "epochs": round(training.step_count / training.steps_per_epoch, 2),
                "batch": training.batch,
                "learning_rate": training.recipe.learning_rate,
                "seed": training.seed,
                "ema_kimg": training.recipe.ema_kimg,
                "precision": "bf16" if training.hardware.bf16 else "fp32",
                "device": training.hardware.device.type,
                "hours": round(training.seconds / 3600, 3),
                "date": datetime.now(timezone.utc).date().isoformat(),
            },
        }

    def _forget_log_after(self, step: int) -> None:
        """Drop the lines that a killed process wrote after the save it is resumed from."""
        path = self.folder / LOG
        if not path.exists():
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except (ValueError, KeyError, TypeError):
                break  # cut short by the kill
        checkpoint.write_text_whole(path, "".join(kept))
