"""A run whose process is played by the test: its files are real, and so is its lock."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from serving import remove

from studio import pictures
from studio.checkpoint import Checkpoint
from train.recipes import RECIPES
from train.runs.finding import locked
from train.runs.run import CHECKPOINT, CURVES, LOOKS, OUTPUT, Run
from train.runs.status import Status

BATCH = 64
GRID = (2, 4)  # rows, columns
PIXELS = 16
GOOD = {
    "verdict": "learning",
    "title": "Still improving.",
    "sentence": "Its pictures are as varied as your photos.",
}


class Stage:
    """Where runs are played: the folder of a server's runs, which is empty again at the end."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.actors: list[Actor] = []

    def play(self, name: str, title: str = "", created_at: float = 0.0) -> Actor:
        """A run that is alive until it ``die``s."""
        self.actors.append(Actor(self.root, name, title or name.title(), created_at).__enter__())
        return self.actors[-1]

    def clear(self) -> None:
        for each in self.actors:
            each.die()
        self.actors.clear()
        remove(self.root)


class Actor:
    """Plays the process of one run, as long as it is held in a ``with`` block."""

    def __init__(self, root: Path, name: str, title: str, created_at: float = 0.0) -> None:
        recipe = replace(RECIPES["handbags-dcgan"], sample_grid=GRID, batch=BATCH)
        settings = {
            "recipe": recipe.to_dict(),
            "data": "photos",
            "data_digest": None,
            "seed": 1,
            "length": {"epochs": None, "kimg": 100, "minutes": None},
            "card": {"title": title, "data": {"images": 40}},
        }
        self.run = Run.create(root / name, settings)
        if created_at:
            self.run.change_settings(created_at=created_at)
        self.status: dict[str, Any] = {"notes": [], "health": None}
        self._held = ExitStack()

    def __enter__(self) -> Actor:
        self._held.enter_context(locked(self.run))
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """Be gone without a word, as after kill -9."""
        self._held.close()

    def say(self, state: str, sentence: str = "", **more: Any) -> Actor:
        self.status |= {"state": state, "sentence": sentence, **more}
        self.run.save_status(Status.from_dict(self.status))
        return self

    def learn(self, step: int, health: dict[str, Any] | None = GOOD, **more: Any) -> Actor:
        """Be in the middle of training, after ``step`` steps of ten photos a second."""
        shown = step * BATCH
        self.line(CURVES, step, loss_g=2 - step / 1000, loss_d=0.5, real_score=0.7, fake_score=0.2)
        self.line(LOOKS, step, distance=50 - step / 100)
        self.draw(step)
        numbers = {
            "step": step,
            "epoch": shown // 40,
            "images_shown": shown,
            "seconds": shown / 10,
            "images_per_second": 10.0,
            "seconds_left": 600.0,
            "share": shown / 100_000,
            "memory": 1_500_000_000,
            "distance": 50 - step / 100,
            "health": health,
        }
        return self.say("training", "Training.", **numbers, **more)

    def line(self, name: str, step: int, **numbers: Any) -> None:
        place = {"step": step, "images_shown": step * BATCH, "seconds": step * BATCH / 10}
        with open(self.run.folder / name, "a", encoding="utf-8") as file:
            file.write(json.dumps({**place, **numbers}) + "\n")

    def draw(self, step: int) -> None:
        """Write a grid of plain colours that tells the step."""
        colours = torch.tensor([step % 251, step // 251 % 251, 90], dtype=torch.uint8)
        images = colours.view(1, 3, 1, 1).expand(GRID[0] * GRID[1], 3, PIXELS, PIXELS)
        pictures.sheet(images, GRID[1]).save(self.run.frame(step))

    def print(self, text: str) -> None:
        (self.run.folder / OUTPUT).write_text(text, encoding="utf-8")

    def has_made(self, make_checkpoint: Callable[..., Checkpoint], seed: int = 1) -> Actor:
        """Have a generator that Explore can open."""
        network = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
        folder = self.run.folder / CHECKPOINT
        make_checkpoint(folder, network, seed=seed, title=self.run.title)
        return self

    def asked(self) -> set[str]:
        """What the page has asked for since the last call."""
        return self.run.take_requests()
