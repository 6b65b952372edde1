"""Looking at what a run draws while it trains, in a small share of its time.

Grids of samples, to be watched, come as the clock allows. Looks, which measure, come at moments
that only the photos shown decide, since the best of them may become the checkpoint: so a run that
was killed and resumed any number of times ends with that of one that was left alone.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio import checkpoint
from studio.errors import UserError
from studio.files import write_whole
from studio.generators import Generator
from train.engine.length import Length
from train.engine.training import Training
from train.looking.health import HealthCheck
from train.looking.sliced_wasserstein import SlicedWasserstein
from train.runs.run import BEST, CHECKPOINT, LOOKS
from train.work.recorder import Recorder

# A grid is drawn while at most this share of the time went into grids and looks, after the first
# grids, which come at once.
SHARE = 0.02
CREDIT = 6.0  # seconds
SHORTEST = 1.5  # seconds between two grids of samples
# So that a long run keeps some hundred grids, close together at first and far apart later.
GROWTH = 1 / 40
# Photos shown before the first look. One takes as long as learning from 100 to 220 photos (64 and
# 128 px, one core), so looks take a tenth of the shortest runs at most, and 3 % of 100,000 photos.
FIRST_LOOK = 2_500
FIRST_OF_FLOW = 10_000
FURTHER = 1.75  # times as many photos shown at each of the next looks,
LOOKS_OF_A_LENGTH = 13  # until they are this part of the length apart
NO_BETTER = (
    "What it began from was nearer to your photos than what it learnt, so that is kept."
    " Try more photos, photos on one plain ground, or another start."
)
BATCHES = 3  # of latents for the batch norms; what is kept gets the usual number
PICTURES = 512  # drawn to measure a distance
FEWER = 96  # of them where one takes long: of more than 128 px
EXAMINED = 256  # of them, for the health
# A distance has noise; only a clearly better moment takes the place of the newest.
CLEARLY_BETTER = 0.95


class Live:
    """Draws grids of samples as often as time allows, measures now and then, keeps the best.

    Nothing here changes the training: a run that is looked at learns the same, bit for bit.
    """

    def __init__(self, training: Training, recorder: Recorder) -> None:
        self.recorder = recorder
        # Where nothing learns to draw yet, there is nothing to measure.
        self.judged = training.judged
        if self.judged:
            begun = bool(recorder.run.settings.start_from)
            self.health = HealthCheck(training.images, seed=training.seed, begun=begun)
            self.distance = SlicedWasserstein(training.images, seed=training.seed)
        self.pictures = PICTURES if training.images.shape[-1] <= 128 else FEWER
        # A flow is shown styles, many times as many in a second as others are shown photos.
        self.first = FIRST_OF_FLOW if set(training.recipe.teachers) == {"flow"} else FIRST_LOOK
        self._spent = self._cost = 0.0  # in all, and on the last grid
        self._begin = self._last = time.monotonic()
        self._numbers: dict[str, float] = {}
        self._copies = False  # whether the newest look found copies of photos

    def begin(self, training: Training) -> None:
        """Find out what was best so far, where a training begins or goes back to its last save.

        What best/ holds is of now or before, or else of a moment that comes again: it was kept by
        a process that was killed, or whose numbers broke, before it could save. Nothing between
        the save and that moment is better, so that what is kept until then does not matter.
        """
        best = moment_of(self.recorder)
        if best and best["images_shown"] > training.images_shown:
            best = None
        self.recorder.update(best=best)

    def after_tick(self, training: Training, numbers: dict[str, float]) -> None:
        """Hear the newest numbers, and draw a grid if there is time to."""
        self._numbers = numbers
        now = time.monotonic()
        rest = max(SHORTEST, (now - self._begin) * GROWTH)
        affordable = CREDIT + SHARE * (now - self._begin) - self._spent
        if now - self._last >= rest and affordable >= self._cost:
            self.draw(training)

    def after_step(self, training: Training, length: Length) -> None:
        """Look if it is one of the moments for that; called before this step can be saved.

        So a state that was saved has its look behind it, and none is left out by a kill.
        """
        shown = training.images_shown
        if self.judged and is_due(shown - training.batch, shown, length.images, self.first):
            self.look(training)

    def draw(self, training: Training) -> None:
        """Draw a grid of samples now."""
        begin = time.monotonic()
        self.recorder.save_samples(training, training.average.generator(BATCHES))
        self._last = time.monotonic()
        self._cost = self._last - begin
        self._spent += self._cost

    def look(self, training: Training) -> None:
        """Draw a grid, measure its distance and health, and keep it if it is the best so far.

        Once for each step: a process that was killed may have come as far as this before.
        """
        if self._looked_at(training):
            return
        begin = time.monotonic()
        generator = training.average.generator(BATCHES)
        self.recorder.save_samples(training, generator)
        self._measure(training, generator)
        self._last = time.monotonic()
        self._spent += self._last - begin

    def _looked_at(self, training: Training) -> bool:
        before = self.recorder.run.lines(LOOKS, since=training.step_count - 1)
        if before:
            self.recorder.update(distance=before[-1]["distance"])
            self._copies = before[-1].get("finding") == "copying"
        return bool(before)

    def _measure(self, training: Training, generator: Generator) -> None:
        drawn = training.average.draw(generator, self.pictures)
        # As exact as on a card, from which it is read again.
        distance = round(self.distance(drawn), 3)
        history = self.recorder.run.lines(LOOKS)
        shown = training.images_shown
        numbers = {**self._numbers, "distance": distance, "images_shown": shown}
        health = self.health.examine(drawn[:EXAMINED], numbers, history).to_dict()
        best = self.recorder.status.best
        # Nothing is as near to photos as copies of them.
        self._copies = health["finding"] == "copying"
        if not self._copies and (best is None or distance < best["distance"]):
            self.recorder.save_checkpoint(training, BEST, distance=self.protocol(distance))
            best = {"distance": distance, "images_shown": shown}
        self.recorder.update(distance=distance, health=health, best=best)
        # Last of all: whoever finds this line finds the best moment kept.
        self.recorder.add_line(LOOKS, training, {"distance": distance, **health})

    def protocol(self, distance: float) -> dict[str, float | str]:
        """A distance for a card, beside its floor and with how it was measured."""
        return {
            "sliced_wasserstein": distance,
            "floor": round(self.distance.floor, 3),
            "protocol": f"sliced Wasserstein distance (x1000) of {self.pictures} drawn pictures on "
            "Laplacian pyramid patches; the floor is that of two halves of the photos",
        }

    def finish(self, training: Training) -> None:
        """Write the checkpoint that stays: the best if it was clearly better, else the newest.

        If the newest copies photos, it is the best of those moments that did not.
        """
        if not self.judged:
            self.draw(training)
            self.recorder.save_checkpoint(training)
            return
        self.look(training)
        status, folder = self.recorder.status, self.recorder.run.folder
        assert status.distance is not None, "every look measures one"
        self.recorder.save_checkpoint(training, distance=self.protocol(status.distance))
        best = status.best
        clearly = best and best["distance"] < CLEARLY_BETTER * status.distance
        if best and (clearly or self._copies):
            copy_folder(folder / BEST, folder / CHECKPOINT)
            sentence = (
                f"The pictures were best after {best['images_shown']:,} photos shown, and are kept "
                "as they were then."
                if best["images_shown"]
                else NO_BETTER
            )
            if sentence not in status.notes:  # by a process that was killed at the very end
                self.recorder.note(sentence)


def is_due(before: float, shown: float, images: float, first: float = FIRST_LOOK) -> bool:
    """Whether a look is due at ``shown`` images of ``images``, the one before being ``before``.

    The first comes early and each next one after three quarters as many again, until they are a
    fixed part of the length apart: about twenty in all. Where that is not known, in a training by
    the minute, they go on as at first.
    """
    apart = max(FIRST_LOOK, images / LOOKS_OF_A_LENGTH)
    moment = min(first, apart)
    while moment <= before and moment < apart:
        moment *= FURTHER
    if moment < apart:
        return moment <= shown
    return before // apart < shown // apart


def moment_of(recorder: Recorder) -> dict[str, Any] | None:
    """The moment that best/ holds, by its card: {"distance", "images_shown"}; None if none."""
    with suppress(UserError, KeyError, TypeError, ValueError):
        card = checkpoint.read(recorder.run.folder / BEST).card
        distance = float(card["distance"]["sliced_wasserstein"])
        return {"distance": distance, "images_shown": int(card["training"]["images_shown"])}
    return None


def copy_folder(source: Path, target: Path) -> None:
    """Make ``target`` a copy of the files of ``source``, whole."""
    with write_whole(target) as fresh:
        for path in source.iterdir():
            (fresh / path.name).write_bytes(path.read_bytes())
