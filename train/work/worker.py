"""What the process of a run does: prepare, train, recover from trouble, finish.

The training itself is :mod:`train.engine.loop`; this surrounds it with what a run on somebody's
machine needs. Every word that it says about the run goes to status.json, where a page finds it.
"""

from __future__ import annotations

import gc
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from tqdm import tqdm

from studio import checkpoint, directions, onnx_files, words
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from train.data.images import ImageSet
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.engine.length import Length
from train.engine.loop import Diverged, fit
from train.engine.training import Training
from train.recipes import for_classes, for_words
from train.runs.run import (
    CHECKPOINT,
    CURVES,
    LOG,
    SNAPSHOTS,
    STATE,
    STATISTICS,
    Run,
    RunError,
)
from train.work import dataset, recovery, starting
from train.work.live import Live
from train.work.recorder import Recorder, describe, load_state

LISTEN_SECONDS = 0.25  # between looks at what is asked
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")


@dataclass(frozen=True)
class Options:
    """How a process works on a run, as opposed to what the run is."""

    device: str = "auto"
    precision: str = "auto"
    save_minutes: float = 5.0
    snapshot_epochs: int | None = None
    # Epochs, kimg and minutes to train to from now on; None leaves the run's own.
    length: dict[str, float | None] | None = None
    # Stop after so many seconds, to be resumed: where a GPU is lent in slices.
    slice_seconds: float = math.inf
    # A file of weights for teachers that see by a pretrained network; None for this computer's.
    feature_weights: str | None = None

    @classmethod
    def of(cls, run: Run, **given: Any) -> Options:
        """As a run's settings say; what is ``given``, and not None, takes the place of theirs."""
        given = {name: value for name, value in given.items() if value is not None}
        return cls(**{**run.settings.options, **given})


def work(
    run: Run,
    options: Options,
    interrupted: Callable[[], bool] = lambda: False,
    *,
    data: ImageSet | None = None,
    processes: Processes | None = None,
) -> str:
    """Train a run from where it is, to its end or until it is asked to stop.

    Returns the state that the run is left in: "finished" or "stopped". The caller holds the run's
    lock. ``data`` are its images, when they were read just now. Of several ``processes`` each calls
    this, and the first one writes.

    Raises:
        UserError: it can't be trained; the run's status says why, and what was saved stays.
    """
    session = Session(run, options, interrupted, processes or Processes())
    try:
        return session.work(data)
    except UserError as error:
        session.fail(str(error))
        raise
    except OSError as error:
        sentence = f"The run's folder can't be written to ({error}). Make some room, then resume."
        session.fail(sentence)
        raise RunError(sentence) from error
    except Exception:
        traceback.print_exc()
        session.fail(
            "The training ended because of an error in this program; what it printed says more. "
            "The last save is whole."
        )
        raise


class Asked(Exception):
    """Somebody asked to stop before the first step."""


class Session:
    """One process's work on one run, from reading the images to the finished checkpoint."""

    def __init__(
        self,
        run: Run,
        options: Options,
        interrupted: Callable[[], bool],
        processes: Processes,
    ) -> None:
        self.run, self.options, self.interrupted = run, options, interrupted
        self.processes = processes
        self._recorder = Recorder(run) if processes.is_first else None
        self.begin = self.last_save = self.last_heard = time.monotonic()
        self.stop = False
        self.live: Live | None = None

    @property
    def recorder(self) -> Recorder:
        """What writes the run's folder, in the first process alone."""
        assert self._recorder is not None, "another process writes"
        return self._recorder

    def work(self, data: ImageSet | None) -> str:
        """Prepare, train and finish, starting over from the last save where that helps."""
        self.hardware = Hardware.choose(self.options.device, self.options.precision)
        self.keep_precision()
        starting.check(self.run)
        self.say("preparing", "Reading the photos.")
        data = self.load(data)
        while True:
            try:
                return self.train(data)
            except Asked:
                self.say("stopped", "Stopped before the first step. Resume to begin again.")
                return "stopped"
            except Diverged:
                self.recover(*recovery.at_half_the_rate(self.run.settings))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not any(words in str(error) for words in OUT_OF_MEMORY):
                    raise
                if self.processes.count > 1:
                    raise recovery.too_little_memory(self.hardware.name) from error
                settings, device = self.run.settings, self.hardware.name
                self.recover(*recovery.with_half_the_batch(settings, len(data), device))
            # Whatever of the failed attempt is still referred to would take the memory again.
            gc.collect()
            if self.hardware.device.type == "cuda":
                torch.cuda.empty_cache()

    # Preparing ------------------------------------------------------------------------------

    def keep_precision(self) -> None:
        """Note in which precision the run is computed, so that whoever resumes it goes on in it."""
        options, now = self.run.settings.options, self.hardware.precision
        before = options.get("precision", "auto")
        if before == now:
            return
        self.change(options={**options, "precision": now})
        if before != "auto" and (self.run.folder / STATE).exists():
            self.note(f"From here on it is computed in {now} instead of {before}, as was asked.")

    def load(self, data: ImageSet | None) -> ImageSet:
        """Read the run's images, and make sure that they are those it was started on."""
        settings = self.run.settings
        data = data or dataset.load(settings, quiet=not self.processes.is_first)
        found = dataset.digest(data)
        if settings.data_digest is None:  # the page leaves reading them to this process
            before = settings.card
            card = {**before, "data": {**before.get("data", {}), "images": len(data)}}
            if data.label_names:
                card["classes"] = list(data.label_names)
            recipe = for_classes(self.run.recipe, len(data.label_names))
            self.change(data_digest=found, card=card, recipe=recipe.to_dict())
        dataset.check_same(settings, found)
        if self.options.length:
            self.change(length=self.options.length)
        if data.captions:
            if self.processes.is_first:
                dataset.choose_words(self.run.folder, data.captions, self.run.recipe)
            self.processes.wait()
            terms = len(words.load(self.run.folder).terms)
            self.change(recipe=for_words(self.run.recipe, terms).to_dict())
        return data

    def train(self, data: ImageSet) -> str:
        """One attempt, from the last save or from the beginning."""
        recipe, settings = self.run.recipe, self.run.settings
        training = Training(
            recipe,
            data.images,
            self.hardware,
            settings.seed,
            self.processes,
            condition=dataset.condition(self.run.folder, data),
            feature_weights=self.options.feature_weights,
            sharp=dataset.sharp(data),
            aside=dataset.aside(data, recipe.aside),
        )
        starting.begin(self.run, training, data.label_names)
        self.processes.wait()  # nobody may write before all have read
        training.prepare(self.run.folder, self.on_photos)
        saved = load_state(self.run, training)
        self.processes.wait()
        length = Length.of(training, **settings.length)
        if not self.processes.is_first:
            return self.follow(training, length)
        self.recorder.forget_after(training.step_count if saved else -1)
        self.recorder.update(device=str(self.hardware.device), device_name=self.hardware.name)
        if settings.live:
            new = self.live is None
            self.live = self.live or Live(training, self.recorder)
            self.live.begin(training)
            if new and not saved:
                # What it begins from is a moment like others: it may be the best.
                if settings.start_from and training.judged:
                    self.live.look(training)
                else:
                    self.live.draw(training)
        self.say("training", "Training.")
        finished = self.fit(training, length)
        return self.end(training, finished)

    def on_photos(self, done: int, total: int) -> None:
        """Tell how far a teacher is in looking at the photos, and hear whether to stop.

        Raises:
            Asked: somebody asked to.
        """
        now = time.monotonic()
        if not self.processes.is_first or now - self.last_heard < LISTEN_SECONDS:
            return
        self.last_heard = now
        self.say("preparing", f"Looking at the photos: {done:,} of {total:,}.")
        alone = self.processes.count == 1
        if alone and ("stop" in self.run.take_requests() or self.interrupted()):
            raise Asked

    # Training -------------------------------------------------------------------------------

    def follow(self, training: Training, length: Length) -> str:
        """Train along with the process that writes."""

        def on_tick(numbers: dict[str, float]) -> None:
            self.stop = bool(self.processes.agree(0.0, self.hardware.device))

        finished = fit(
            training,
            length,
            on_step=lambda: None,
            on_tick=on_tick,
            on_numbers=lambda numbers: None,
            stopping=lambda: self.stop,
        )
        return "finished" if finished else "stopped"

    def fit(self, training: Training, length: Length) -> bool:
        """Train, writing down what happens; whether the length was reached."""
        total = None if length.images == math.inf else length.images
        bar = tqdm(
            total=total, initial=training.images_shown, unit="img", smoothing=0.1, disable=None
        )

        def on_step() -> None:
            bar.update(training.batch)
            if self.live:
                self.live.after_step(training, length)
            self.listen(training)
            self.recorder.progress(training, length)
            if time.monotonic() - self.last_save > self.options.save_minutes * 60:
                self.save(training)

        def on_tick(numbers: dict[str, float]) -> None:
            self.recorder.update(numbers=numbers)
            self.recorder.add_line(CURVES, training, numbers)
            if self.live:
                self.live.after_tick(training, numbers)
            if self.processes.count > 1:
                self.stop = bool(self.processes.agree(float(self.asked), self.hardware.device))

        def on_numbers(numbers: dict[str, float]) -> None:
            line = self.recorder.add_line(LOG, training, numbers)
            bar.write(describe(line, training, length))
            if not self.live:
                self.recorder.save_samples(training)
            every = self.options.snapshot_epochs
            if every and training.at_epoch_end and training.epoch % every == 0:
                self.recorder.save_checkpoint(training, f"{SNAPSHOTS}/{training.epoch:04d}")

        self.asked = False
        with bar:
            return fit(
                training,
                length,
                on_step=on_step,
                on_tick=on_tick,
                on_numbers=on_numbers,
                stopping=lambda: self.stop,
            )

    def listen(self, training: Training) -> None:
        """Do what was asked since the last time, now and then."""
        now = time.monotonic()
        asked = set()
        if now - self.last_heard > LISTEN_SECONDS:
            asked, self.last_heard = self.run.take_requests(), now
        sliced = now - self.begin > self.options.slice_seconds
        self.asked |= "stop" in asked or self.interrupted() or sliced
        if self.processes.count == 1:  # else all stop at the same tick
            self.stop = self.asked
        if "sample" in asked:
            if self.live:
                self.live.draw(training)
            else:
                self.recorder.save_samples(training)
        if "save" in asked:
            self.save(training)
        if asked & {"save", "checkpoint"}:
            self.recorder.save_checkpoint(training)

    def save(self, training: Training) -> None:
        """Save everything that resuming needs."""
        if self.processes.count > 1 and not training.is_finite():
            return  # all processes find out together, at the next tick
        self.recorder.save_state(training)
        self.last_save = time.monotonic()

    def end(self, training: Training, finished: bool) -> str:
        """Save, write the checkpoint and say so."""
        self.say("finishing", "Saving.")
        self.save(training)
        if finished and self.live:
            self.live.finish(training)
        else:
            if self.live:
                self.live.draw(training)
            self.recorder.save_checkpoint(training)
        if finished and self.live and training.judged:  # so that Explore opens it at once
            found = checkpoint.read(self.run.folder / CHECKPOINT)
            directions.of_checkpoint(found, found.load_generator(), found.load_words())
            self.export(found)
        self.recorder.update(
            seconds_left=None,
            images_shown=training.images_shown,
            step=training.step_count,
            epoch=training.epoch,
        )
        if finished:
            for pattern in STATISTICS:
                for path in self.run.folder.glob(pattern):
                    path.unlink()
            self.recorder.update(share=1.0)
            self.say("finished", "Finished.")
            return "finished"
        self.say("stopped", "Stopped and saved. Resume to go on where it was.")
        return "stopped"

    def export(self, found: Checkpoint) -> None:
        """Write the generator for browsers too; the run is as good without."""
        try:
            onnx_files.of_checkpoint(found)
        except Exception as error:  # whatever it is, what was learnt is saved
            if not isinstance(error, UserError):
                traceback.print_exc()
            reason = str(error) if isinstance(error, UserError) else "What it printed says more."
            self.note(f"Browsers can't draw with this generator by themselves. {reason}")

    # Telling --------------------------------------------------------------------------------

    def recover(self, changes: dict[str, Any], sentence: str) -> None:
        """Go on with other settings, and say so."""
        self.change(**changes)
        self.note(sentence)

    def change(self, **settings: Any) -> None:
        """Change the run's settings, in its folder too."""
        if self.processes.is_first:
            self.run.change_settings(**settings)
        else:
            self.run.settings = replace(self.run.settings, **settings)

    def note(self, sentence: str) -> None:
        if self.processes.is_first:
            self.recorder.note(sentence)

    def say(self, state: str, sentence: str) -> None:
        if self.processes.is_first:
            self.recorder.say(state, sentence)

    def fail(self, sentence: str) -> None:
        """Leave the reason where a page finds it."""
        self.say("failed", sentence)
