"""What the rented machine runs: train a run that was sent, and hand over what comes of it.

``train.rented.sending`` says how it is started: beside this program lie the photos and settings,
and the environment names the repositories. The token is in HF_TOKEN, where the client finds it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import UserError
from train.rented import hub, hub_jobs
from train.rented.hub import HubError, in_words
from train.rented.hub_results import Inbox, Outbox
from train.rented.sending import PHOTOS
from train.runs.finding import locked
from train.runs.interruption import interruptions
from train.runs.run import HOME, REQUESTS, SETTINGS, START, WISHES, Run
from train.runs.settings import Settings
from train.runs.status import Status
from train.work.worker import Options, work

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LISTEN_SECONDS = 10.0  # between looks at what was asked over there
SOON = 5.0  # seconds after a request in which it is done and worth handing over
SPARE_SECONDS = 600.0  # of the rented time are kept for saving and handing over
PATIENCE_SECONDS = 450.0  # how long the first and the last exchange are tried
OUT_OF_TIME = (
    "The {:g} hours that the machine was rented for are over. All is saved; resume to rent one "
    "again and go on."
)


@dataclass(frozen=True)
class Job:
    """What the environment says."""

    data: str
    result: str
    attempt: str
    seconds: float
    upload_seconds: float
    state_seconds: float

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Job:
        """Read it.

        Raises:
            KeyError: this is no such job.
        """
        return cls(
            data=environment[hub_jobs.DATA],
            result=environment[hub_jobs.RESULT],
            attempt=environment[hub_jobs.ATTEMPT],
            seconds=float(environment[hub_jobs.SECONDS]),
            upload_seconds=float(environment[hub_jobs.UPLOADS]),
            state_seconds=float(environment[hub_jobs.STATES]),
        )

    @property
    def training_seconds(self) -> float:
        """How long to train, so that the end comes before the machine is taken away."""
        return max(self.seconds - SPARE_SECONDS, self.seconds / 2)


class Courier(threading.Thread):
    """Hands over what is new and fetches what is asked, while another thread trains."""

    def __init__(self, api: HfApi, job: Job, folder: Path, outbox: Outbox) -> None:
        super().__init__(name="courier", daemon=True)
        self.api, self.job, self.folder, self.outbox = api, job, folder, outbox
        self.done = threading.Event()
        self.heard: set[tuple[str, str]] = set()
        self.with_state = False  # is what is handed over next

    def run(self) -> None:
        """Until the training is done."""
        every = self.job.upload_seconds
        listen_every, soon = min(LISTEN_SECONDS, every), min(SOON, every)
        listen_at = 0.0
        push_at = time.monotonic() + every / 4  # the first results are worth seeing early
        pauses = hub.pauses()
        while not self.done.wait(listen_every / 10):
            now = time.monotonic()
            try:
                if now >= listen_at:
                    listen_at = now + listen_every
                    if self.listen():
                        push_at = min(push_at, now + soon)
                if now >= push_at:
                    push_at = now + every
                    self.outbox.push(with_state=self.with_state)
                    self.with_state, pauses = False, hub.pauses()
            except HubError as error:
                print(error, flush=True)
                listen_at = push_at = now + next(pauses)

    def listen(self) -> bool:
        """Pass on what was asked since the last look; whether there was anything."""
        wishes = [each for each in self.requests() if each not in self.heard]
        for wish, version in wishes:
            self.heard.add((wish, version))
            (self.folder / REQUESTS).mkdir(exist_ok=True)
            (self.folder / REQUESTS / wish).touch()
            self.with_state |= wish == "save"
        return bool(wishes)

    def requests(self) -> list[tuple[str, str]]:
        """All requests there are, each with its version: the same one may be made again."""
        from huggingface_hub.errors import EntryNotFoundError

        try:
            with in_words():
                entries = list(
                    self.api.list_repo_tree(
                        self.job.data, path_in_repo=REQUESTS, repo_type="dataset"
                    )
                )
        except HubError as error:
            if isinstance(error.__cause__, EntryNotFoundError):
                return []  # nothing was ever asked
            raise
        found = [(e.path.rpartition("/")[2], str(getattr(e, "blob_id", ""))) for e in entries]
        return [each for each in found if each[0] in WISHES]

    def finish(self) -> bool:
        """Hand over all that is left; whether that worked in the end."""
        self.done.set()
        self.join()
        try:
            hub.patiently(lambda: self.outbox.push(last=True), PATIENCE_SECONDS)
        except HubError as error:
            print(error, flush=True)
            return False
        return True


def prepare(api: HfApi, job: Job, sent: Path, folder: Path) -> tuple[Run, Outbox]:
    """Make the run's folder from what was sent and from what earlier jobs handed over."""
    text = (sent / SETTINGS).read_text(encoding="utf-8")
    prepared: dict[str, Any] = {"data": str(sent / PHOTOS), "more": (), "ground": None}
    settings = replace(Settings.from_dict(json.loads(text)), **prepared)

    def fill(folder: Path) -> None:
        if (sent / START).is_dir():
            shutil.copytree(sent / START, folder / START)

    run = Run.create(folder, settings, fill)
    inbox = Inbox(api, job.result, folder)
    status = hub.patiently(lambda: inbox.fetch(with_state=True), PATIENCE_SECONDS)
    if status:  # how it ended last time is no longer so
        before = Status.from_dict(status)
        run.save_status(before.changed(state="preparing", sentence="Starting."))
    outbox = Outbox(api, job.result, folder, job.attempt, job.state_seconds)
    outbox.assume_pushed()
    return run, outbox


def train(api: HfApi, job: Job, sent: Path, folder: Path) -> int:
    """Train what was sent to its end; the exit status of the job."""
    begin = time.monotonic()
    run, outbox = prepare(api, job, sent, folder)
    options = Options.of(run, slice_seconds=job.training_seconds)
    courier = Courier(api, job, run.folder, outbox)
    with locked(run), interruptions() as interrupted:
        courier.start()
        status = 0
        try:
            state = work(run, options, interrupted)
            if state == "stopped" and time.monotonic() - begin > job.training_seconds:
                sentence = OUT_OF_TIME.format(job.seconds / 3600)
                run.change_status(sentence=sentence)
        except UserError as error:
            print(error, flush=True)
            status = 1
        finally:
            handed_over = courier.finish()
    return status if handed_over else 1


def main() -> int:
    """Train what lies beside this program's folder, as :mod:`train.rented.sending` laid it out."""
    sent = HOME.parent
    job = Job.of(os.environ)
    api = hub.client()
    try:
        return train(api, job, sent, sent / "run")
    except UserError as error:
        print(error, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
