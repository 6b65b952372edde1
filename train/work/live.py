"""Looking at what a run draws while it trains, in a small share of its time."""

from __future__ import annotations

import time
from pathlib import Path

from studio.files import write_whole
from studio.generators import Generator
from train.engine.training import Training
from train.looking.health import HealthCheck
from train.looking.sliced_wasserstein import SlicedWasserstein
from train.runs.run import BEST, CHECKPOINT, LOOKS
from train.work.recorder import Recorder

# At most this share of the time goes into looking, after the first looks, which come at once.
SHARE = 0.02
CREDIT = 6.0  # seconds
SHORTEST = 1.5  # seconds between two grids of samples
# So that a long run keeps some hundred grids, close together at first and far apart later.
GROWTH = 1 / 40
GRIDS_PER_LOOK = 2
BATCHES = 3  # of latents for the batch norms; what is kept gets the usual number
PICTURES = 512  # drawn to measure a distance
EXAMINED = 256  # of them, for the health
# A distance has noise; only a clearly better moment takes the place of the newest.
CLEARLY_BETTER = 0.95


class Live:
    """Draws grids of samples as often as time allows, measures each few of them, keeps the best.

    Nothing here changes the training: a run that is looked at learns the same, bit for bit.
    """

    def __init__(self, training: Training, recorder: Recorder) -> None:
        self.recorder = recorder
        self.health = HealthCheck(training.images, seed=training.seed)
        self.distance = SlicedWasserstein(training.images, seed=training.seed)
        self._spent = 0.0
        self._begin = self._last = time.monotonic()
        self._costs = {False: 0.0, True: 0.0}  # of a grid alone and of a look, the last time
        self._grids = 0
        self._numbers: dict[str, float] = {}

    def after_tick(self, training: Training, numbers: dict[str, float]) -> None:
        """Draw, and maybe measure, if it is time to."""
        self._numbers = numbers
        now = time.monotonic()
        measure = (self._grids - 1) % GRIDS_PER_LOOK == 0  # the first one is before any step
        rest = max(SHORTEST, (now - self._begin) * GROWTH)
        affordable = CREDIT + SHARE * (now - self._begin) - self._spent
        if now - self._last >= rest and affordable >= self._costs[measure]:
            self.look(training, measure=measure)

    def look(self, training: Training, *, measure: bool) -> None:
        """Draw a grid of samples now; ``measure`` its distance and health too."""
        begin = time.monotonic()
        generator = training.average.generator(BATCHES)
        self.recorder.save_samples(training, generator)
        if measure:
            self._measure(training, generator)
        self._grids += 1
        self._last = time.monotonic()
        self._costs[measure] = self._last - begin
        self._spent += self._last - begin

    def _measure(self, training: Training, generator: Generator) -> None:
        drawn = training.average.draw(generator, PICTURES)
        distance = self.distance(drawn)
        history = self.recorder.run.lines(LOOKS)
        shown = training.images_shown
        numbers = {**self._numbers, "distance": distance, "images_shown": shown}
        health = self.health.examine(drawn[:EXAMINED], numbers, history)
        line = {"distance": distance, **health.to_dict()}
        self.recorder.add_line(LOOKS, training, line)
        best = self.recorder.status["best"]
        if best is None or distance < best["distance"]:
            best = {"distance": distance, "step": training.step_count, "images_shown": shown}
            self.recorder.save_checkpoint(training, BEST, distance=self.protocol(distance))
        self.recorder.status |= {"distance": distance, "health": health.to_dict(), "best": best}

    def protocol(self, distance: float) -> dict[str, float | str]:
        """A distance for a card, beside its floor and with how it was measured."""
        return {
            "sliced_wasserstein": round(distance, 3),
            "floor": round(self.distance.floor, 3),
            "protocol": f"sliced Wasserstein distance (x1000) of {PICTURES} drawn pictures on "
            "Laplacian pyramid patches; the floor is that of two halves of the photos",
        }

    def finish(self, training: Training) -> None:
        """Write the checkpoint that stays: the best if it was clearly better, else the newest."""
        self.look(training, measure=True)
        status = self.recorder.status
        self.recorder.save_checkpoint(training, distance=self.protocol(status["distance"]))
        best = self.recorder.run.folder / BEST
        if status["best"]["distance"] < CLEARLY_BETTER * status["distance"] and best.is_dir():
            copy_folder(best, self.recorder.run.folder / CHECKPOINT)
            self.recorder.note(
                f"The pictures were best after {status['best']['images_shown']:,} photos shown, "
                "and are kept as they were then."
            )


def copy_folder(source: Path, target: Path) -> None:
    """Make ``target`` a copy of the files of ``source``, whole."""
    with write_whole(target) as fresh:
        for path in source.iterdir():
            (fresh / path.name).write_bytes(path.read_bytes())
