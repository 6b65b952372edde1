"""How many images a second a recipe trains on here: a few seconds of real steps, remembered.

The measuring happens in a process of its own (``python -m train probe``), so that a page neither
slows down nor takes a GPU into its own hands.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from studio.errors import UserError
from studio.files import write_text_whole
from studio.generators import build
from studio.inversion.loading import PHOTO
from train.devices.hardware import Hardware
from train.engine.training import Training
from train.recipes import Recipe
from train.runs.run import HOME

KNOWN = ".probe.json"
SECONDS = 3.0
# Steps before the clock starts: at least so many, and for so long. The first ones reserve memory
# and, on a GPU, choose among implementations.
WARM_STEPS, WARM_SECONDS = 2, 0.5
STEPS_AT_ONCE = 8  # between two looks at the clock, as a GPU must be waited for
PATIENCE = 90.0  # for all of it; a machine that takes longer has other troubles
KEPT = 100

BUSY = "Another training is under way, so the times can't be measured now."
FAILED = "The times could not be measured on this machine."
ASIDE = "The times were not measured, as a training was about to start."


def measure(recipe: Recipe, device: str = "auto", seconds: float = SECONDS) -> dict[str, Any]:
    """Train on noise for a while: {"images_per_second", "device_name", "batch", "torch"}.

    Raises:
        UserError: the device is not there or has too little memory.
    """
    hardware = Hardware.choose(device)
    generator = build(recipe.generator)
    shape = (recipe.batch, generator.channels, generator.image_size, generator.image_size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8)
    condition = None
    if generator.words:
        condition = torch.rand(recipe.batch, generator.words)
    elif generator.classes:
        condition = torch.arange(recipe.batch) % generator.classes
    try:
        training = Training(recipe, images, hardware, 0, condition=condition)
        if training.encoders:  # a training begins from a codec, whatever it is
            training.encoders.learnt.add(PHOTO)
            torch.nn.init.normal_(training.encoders.generator.synthesis.centre)
        training.prepare()
        _steps(training, WARM_SECONDS, WARM_STEPS)
        spent = _seconds_each(training, seconds)
    except torch.OutOfMemoryError as error:
        raise UserError(f"{hardware.name} has too little memory for this training.") from error
    return {
        "images_per_second": training.batch / spent,
        "device_name": hardware.name,
        "batch": training.batch,
        "torch": torch.__version__,
    }


def _seconds_each(training: Training, seconds: float) -> float:
    """How long a step takes in the long run.

    Of so many steps only one computes gradient penalties, and a few seconds may hold none or all
    of those. So both kinds are timed, and weighed as they follow each other.
    """
    recipe = training.recipe
    if not max(recipe.r1, recipe.r2) or recipe.penalty_every == 1:
        steps, spent = _steps(training, seconds, 1)
        return spent / steps
    steps, spent = _steps(training, seconds / 2, 1, at=1)
    penalised, spent_on_them = _steps(training, seconds / 2, 1, at=0)
    plain = spent / steps
    return plain + (spent_on_them / penalised - plain) / recipe.penalty_every


def _steps(
    training: Training, seconds: float, least: int, at: int | None = None
) -> tuple[int, float]:
    """Train for ``seconds`` and at least ``least`` steps; the steps and the seconds it took.

    With ``at``, each of them is done as if it were that one.
    """
    on_gpu = training.hardware.device.type == "cuda"
    count, begin = 0, time.perf_counter()
    while count < least or time.perf_counter() - begin < seconds:
        training.step_count = training.step_count if at is None else at
        training.step()
        count += 1
        if on_gpu and count % STEPS_AT_ONCE == 0:
            torch.cuda.synchronize(training.hardware.device)
    if on_gpu:
        torch.cuda.synchronize(training.hardware.device)
    return count, time.perf_counter() - begin


@dataclass(frozen=True)
class Measured:
    """Images per second, or None and a sentence that says why not."""

    images_per_second: float | None
    sentence: str = ""


class Probe:
    """Measures in a process of its own, one at a time, and remembers what it found in ``root``."""

    def __init__(self, root: Path, device: str, device_name: str, seconds: float = SECONDS) -> None:
        self.path = root / KNOWN
        self.device, self.device_name, self.seconds = device, device_name, seconds
        self._one = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._failed: set[str] = set()

    def speed(self, recipe: Recipe, images: int, *, busy: bool) -> Measured:
        """What ``recipe`` reaches with this many images.

        ``busy`` tells that something trains at the moment: a measurement would be wrong then, and
        slow that training down.
        """
        recipe = replace(recipe, batch=min(recipe.batch, images) if images > 1 else recipe.batch)
        key = self._key(recipe)
        if found := self._known().get(key):
            return Measured(found)
        if busy:
            return Measured(None, BUSY)
        with self._one:
            if found := self._known().get(key):  # by whoever was here before
                return Measured(found)
            if key in self._failed:
                return Measured(None, FAILED)
            return self._measure(recipe, key)

    def stand_aside(self) -> None:
        """Give up a measurement under way, because a training starts."""
        process, self._process = self._process, None
        if process:
            process.terminate()

    def _measure(self, recipe: Recipe, key: str) -> Measured:
        command = [sys.executable, "-m", "train", "probe", "--settings", "-"]
        command += ["--device", self.device, "--seconds", str(self.seconds)]
        self._process = process = subprocess.Popen(
            command,
            cwd=HOME,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        output = ""
        try:
            output, _ = process.communicate(json.dumps(recipe.to_dict()), timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._process is not process:
            return Measured(None, ASIDE)
        self._process = None
        try:
            found = float(json.loads(output)["images_per_second"])
        except (ValueError, KeyError, TypeError):
            self._failed.add(key)
            return Measured(None, FAILED)
        self._remember(key, found)
        return Measured(found)

    def _key(self, recipe: Recipe) -> str:
        """Everything that decides the speed."""
        parts: list[Any] = [recipe.generator, recipe.discriminator, recipe.batch, recipe.augment]
        if recipe.teachers != {"game": 1.0}:
            parts.append(recipe.teachers)
        parts += [recipe.loss, recipe.r1 > 0, recipe.r2 > 0, recipe.penalty_every]
        parts += [recipe.style_mixing > 0, recipe.flip]
        parts += [recipe.freeze, self.device_name, torch.__version__]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def _known(self) -> dict[str, float]:
        with suppress(OSError, ValueError):
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {key: each for key, each in found.items() if isinstance(each, float)}
        return {}

    def _remember(self, key: str, found: float) -> None:
        newest = list({**self._known(), key: found}.items())[-KEPT:]
        with suppress(OSError):  # then it is measured again the next time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text_whole(self.path, json.dumps(dict(newest), indent=1), lasting=False)
