"""What the training page can ask for: one method for each, on plain JSON-able values.

Nothing here knows of a page or a server. What can't be done is a :class:`studio.errors.UserError`,
whose message is a sentence for the person who asked.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio import checkpoint
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.framing import TRIM
from studio.inversion.photos import ground_of
from train.beginning.transfer import copy_start
from train.data.captions import load_captions
from train.data.check import AUTO
from train.page import offers, plan, watching
from train.page.photos import Photos, left, with_remarks
from train.page.uploads import Limits, Uploads
from train.page.wish import Wish, read, settings_of, whole
from train.page.wish import title as checked_title
from train.places.here import Here
from train.places.lent import Lent
from train.places.machine import ZERO_GPU, Machine, this_machine
from train.places.probe import Measured, Probe
from train.places.rented import Rented
from train.recipes.starting import Shape, recipe_for, shape_of
from train.rented import hf_jobs
from train.runs.finding import find, new_folder
from train.runs.run import START, Run, RunError
from train.runs.settings import HERE, RENTED

UNMEASURED = "How long each takes can't be measured here beforehand."
# The share of photos on plain, light grounds from which they are taken for photos of products.
MOST_PRODUCTS = 0.6
WISHES = ("stop", "save", "sample", "resume")


class Service:
    """The trainings in one folder of runs; it keeps no state of any visitor.

    Args:
        runs: the folder of the runs.
        checkpoints: the folder of the generators that ship.
        limits: how much one upload may hold.
        machine: what can train; found out unless given.
        guarded: whether only those who know a password come here.
    """

    def __init__(
        self,
        runs: Path,
        checkpoints: Path,
        limits: Limits | None = None,
        machine: Machine | None = None,
        guarded: bool = False,
    ) -> None:
        self.root, self.shipped, self.guarded = runs, checkpoints, guarded
        self.limits = limits or Limits()
        self.machine = machine or this_machine()
        self.uploads = Uploads(runs, self.limits)
        self.photos = Photos(self.uploads)
        self.probe = Probe(runs, self.machine.devices[0], self.machine.name)
        self.watching = watching.Watching()
        self.lent = Lent() if self.machine.hosted == ZERO_GPU else None  # before it is served
        self.places = {HERE: self.lent or Here(self.machine, self.probe), RENTED: Rented()}
        self._creating = threading.Lock()
        self._starting: set[str] = set()  # whose process can't be seen yet

    # What there is ----------------------------------------------------------------------------

    def home(self) -> dict[str, Any]:
        """All that the page needs to begin: the machine, what can be chosen, and the runs."""
        runs = find(self.root)
        line = watching.in_line(runs)
        self.uploads.sweep(self._used)
        return {
            "machine": self.machine.to_dict(),
            "hosted": self.machine.hosted,
            "advice": self.machine.advice,
            "recipes": offers.recipes(),
            "starts": offers.starts(self._checkpoints()),
            "sample_sets": self.photos.sample_sets(),
            "runs": [self._described(run, line) for run in runs],
            "hub": self._hub(),
            "max_upload_bytes": self.limits.bytes,
            "max_files": self.limits.files,
        }

    def _hub(self) -> dict[str, Any]:
        """Whether a training can be sent to rented hardware, by whom, and which there is."""
        return hf_jobs.available(guarded=self.guarded)

    def _checkpoints(self) -> dict[str, Checkpoint]:
        return checkpoint.find(self.shipped, self.root)

    def _start(self, name: Any) -> Checkpoint | None:
        """The checkpoint called ``name``; None for ""."""
        if name == "":
            return None
        found = self._checkpoints().get(name) if isinstance(name, str) else None
        if found is None:
            raise UserError(f"There is no generator {name!r} to start from.")
        return found

    # Photos -----------------------------------------------------------------------------------

    def new_upload(self) -> dict[str, Any]:
        """Make room for photos."""
        return {"data": self.uploads.new()}

    def add_files(self, data: str, files: Sequence[tuple[Path, str]]) -> dict[str, Any]:
        """Take over files that were received, as (path, relative name)."""
        return self.uploads.add(data, files)

    def check(self, data: str, recipe: str, start_from: str | None, fit: str) -> dict[str, Any]:
        """Tell in words and pictures what is in some photos, for networks of a recipe or start.

        Where nobody has chosen a start yet (None), it is the one that is suggested.
        """
        chosen = recipe_for(recipe, self._start(start_from or ""))
        shipped = checkpoint.find(self.shipped)
        suggested = self._suggested(data, shape_of(chosen), shipped)
        if start_from is None and not recipe:
            start_from = suggested
            chosen = recipe_for("", self._start(start_from))
        start, shape = self._start(start_from or ""), shape_of(chosen)
        title = shipped[suggested].title if suggested else ""
        ground = None
        if start and offers.is_coded(start):
            fit, ground = TRIM if fit == AUTO else fit, ground_of(start.card)
        found = self.photos.shown(data, shape, fit, title, chosen.conditional, ground)
        said = self.photos.captions(data, shape, wanted=chosen.worded)
        return {**with_remarks(found, said), "suggested_start": suggested}

    def _suggested(self, data: str, shape: Shape, shipped: Mapping[str, Checkpoint]) -> str:
        """The generator to start from that photos suggest; "" for none."""
        report = self.photos.report(data, shape)
        products = report.products >= MOST_PRODUCTS * max(1, report.images)
        drawn_by = self.photos.drawn_by(data)
        found = offers.suggested_start(shipped, shape, products=products)
        if found and offers.is_coded(shipped[found]):
            return found
        if report.images >= offers.PLENTY:
            return ""
        return drawn_by if drawn_by in shipped else found

    def _used(self) -> set[str]:
        """The uploads that runs learn from."""
        return {self.uploads.holder(run.settings.data) for run in find(self.root)} - {""}

    # Choices ----------------------------------------------------------------------------------

    def times(self, recipe: str, start_from: str, images: int) -> dict[str, Any]:
        """Quick look, Good and Best, with the seconds each takes here."""
        start = self._start(start_from)
        values = plan.make_plan({"recipe": recipe}, start, images, "good", self.machine)
        measured = self._speed(values.recipe, images)
        speed = measured.images_per_second
        choices = offers.lengths(images, start)
        return {
            "choices": [
                {**each, "seconds": each["kimg"] * 1000 / speed if speed else None}
                for each in choices
            ],
            "images_per_second": speed,
            "sentence": measured.sentence,
        }

    def _speed(self, recipe: Any, images: int) -> Measured:
        if self.lent:
            return Measured(None, UNMEASURED)
        busy = any(watching.is_at_work(run) for run in find(self.root))
        return self.probe.speed(recipe, images, busy=busy)

    def defaults(self, recipe: str, start_from: str, images: int) -> dict[str, Any]:
        """What Advanced shows before anybody touches it, with help and what can be picked."""
        start = self._start(start_from)
        values = plan.defaults(recipe, start, images)
        return {
            **values,
            "help": plan.HELP,
            "choices": plan.choices(self.machine, start),
            "by_teachers": plan.by_teachers(recipe, start, images),
        }

    # Runs -------------------------------------------------------------------------------------

    def start(self, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Make a run as ``wish`` says, and have it trained here or on rented hardware.

        Raises:
            UserError: something in the wish can't be; then no run was made.
        """
        wished = read(wish)
        if wished.where == RENTED and not self._hub()["available"]:
            raise UserError("Rented hardware can't be had here, or not at the moment.")
        run = self._create(wished)
        try:
            self.places[run.where].begin(run, wished.flavor)
        except UserError:
            run.delete()
            raise
        finally:
            self._starting.discard(run.id)
        return self._answer(run)

    def _create(self, wish: Wish) -> Run:
        start = self._start(wish.start_from)
        source = self.photos.find(wish.data)
        recipe = recipe_for(wish.advanced.get("recipe", ""), start)
        report = self.photos.report(wish.data, shape_of(recipe))
        if not report.usable:
            raise UserError(report.reasons[0])
        if recipe.worded:
            load_captions(Path(source.place), report.names)  # raises if there are none
        leave_out, images = left(report, wish.leave_out)
        chosen = plan.make_plan(wish.advanced, start, images, wish.length, self.machine)
        if start:
            start.load_generator()  # raises if it is damaged, before anything is made
        wish = replace(wish, leave_out=leave_out)
        settings = settings_of(wish, chosen, source, images, start)

        def fill(folder: Path) -> None:
            if start:
                copy_start(start, folder / START)

        with self._creating:
            folder = new_folder(self.root, settings.card["title"], taken=self._checkpoints())
            run = Run(folder, settings)
            self._starting.add(run.id)  # before anybody can see it without a process
            try:
                return Run.create(folder, settings, fill)
            except UserError:
                self._starting.discard(run.id)
                raise

    def watch(self, run: str, since_step: int) -> dict[str, Any]:
        """What a run does now, and its numbers after step ``since_step``."""
        found = self._run(run)
        return {
            "run": self._answer(found),
            "curve": self.watching.curve(found, whole(since_step, "step", low=-1)),
            "looks": self.watching.looks(found),
            "frames": found.frames(),
        }

    def frame(self, run: str, step: int) -> dict[str, Any]:
        """The grid of samples of one step."""
        return watching.frame(self._run(run), whole(step, "step"))

    def ask(self, run: str, what: str) -> dict[str, Any]:
        """Stop or resume a run, or have it save or draw samples now."""
        found = self._run(run)
        if what not in WISHES:
            raise UserError(f"A run can be asked to {', '.join(WISHES)}, not to {what!r}.")
        if what == "resume":
            if not self._answer(found)["can_resume"]:
                raise RunError(f"{found.title} has nothing to resume.")
            self._starting.add(found.id)
            try:
                self.places[found.where].begin(found)
            finally:
                self._starting.discard(found.id)
        else:
            self.places[found.where].ask(found, what)
        return self._answer(found)

    def open(self, run: str) -> dict[str, Any]:
        """Put the newest average of a run's weights into its checkpoint; the generator's name."""
        found = self._run(run)
        watching.refresh_checkpoint(found)
        return {"generator": found.id}

    def rename(self, run: str, title: str) -> dict[str, Any]:
        """Call a run, and its generator, otherwise."""
        found = self._run(run)
        found.rename(checked_title(title) or found.title)
        return self._answer(found)

    def delete(self, run: str) -> dict[str, Any]:
        """Delete a run and, unless another run needs them, its photos."""
        found = self._run(run)
        held = self.uploads.holder(found.settings.data)
        self.places[found.where].let_go(found)
        found.delete()
        if held and held not in self._used():
            self.uploads.drop(held)
        return {"deleted": run}

    def download(self, run: str) -> tuple[bytes, str]:
        """A zip of a run's checkpoint, and what to call it."""
        found = self._run(run)
        return watching.archive(found), f"{found.id}.zip"

    def slice(self, run: str) -> dict[str, Any]:
        """Train for one slice, where GPUs are lent in slices."""
        if not self.lent:
            raise UserError("Here a training runs by itself and needs no slices.")
        found = self._run(run)
        self.lent.slice_of(found)
        return self._answer(found)

    def _run(self, name: Any) -> Run:
        # A name may be anything that somebody sends, and must not lead out of the folder.
        if isinstance(name, str) and re.fullmatch(r"[^./\\:\0][^/\\:\0]*", name):
            with suppress(RunError):
                return Run.open(self.root / name)
        raise RunError(f"There is no training {name!r} any more.")

    def _described(self, run: Run, line: list[str]) -> dict[str, Any]:
        # Runs that wait although no process shows it: it was made a moment ago, or none is needed.
        starting = run.id in self._starting
        waits = starting or self.places[run.where].waits(run)
        return watching.described(run, line, starting=starting, waits=waits)

    def _answer(self, run: Run) -> dict[str, Any]:
        line = watching.in_line(find(self.root)) if run.status().state == "waiting" else []
        return self._described(Run.open(run.folder), line)
