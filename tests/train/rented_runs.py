"""Runs on rented hardware in tests: logged in to the stand-in, at a fast pace, followed."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hub_stand_in
import huggingface_hub
import pytest
from hub_stand_in import TOKEN, StandIn
from huggingface_hub import CommitOperationAdd

from studio.errors import UserError
from train.recipes import Recipe
from train.rented import following, hub, hub_jobs, packing, remote_job, sending
from train.rented.following import Follower
from train.rented.rental import Rented
from train.runs.finding import locked
from train.runs.run import Run

PACE = 0.2  # seconds for what takes a minute otherwise


def log_in(monkeypatch: pytest.MonkeyPatch, root: Path) -> type[StandIn]:
    """The stand-in takes the client's place, for somebody with a token, and nothing takes long."""
    monkeypatch.setattr(huggingface_hub, "HfApi", huggingface_hub.HfApi)  # to be put back
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr(hub_jobs, "UPLOAD_SECONDS", PACE)
    monkeypatch.setattr(hub_jobs, "STATE_SECONDS", 0.0)
    monkeypatch.setattr(following, "POLL_SECONDS", PACE)
    monkeypatch.setattr(following, "LISTEN_SECONDS", 0.05)
    monkeypatch.setattr(hub, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(hub, "LONGEST_PAUSE", 0.05)
    return hub_stand_in.install(root)


def make_run(folder: Path, photos: Path, recipe: Recipe, **settings: Any) -> Run:
    """A run of a recipe on photos, to be trained at rented-hardware's end or, without it, here."""
    return Run.create(
        folder,
        {
            "recipe": recipe.to_dict(),
            "data": str(photos),
            "fit": "crop",
            "data_digest": None,
            "seed": recipe.seed,
            "length": {},
            "card": {"title": "My bags", "data": {"name": "bags"}},
            "options": {"precision": "fp32"},
            **copy.deepcopy(settings),
        },
    )


RENTED = {"where": "hf-jobs", "rent": {"flavor": "a10g-small", "hours": 2.0}}


def follow(run: Run, told: list[str] | None = None) -> str:
    """Send and follow a run to its end, as the process does."""
    with locked(run):
        return Follower(Run.open(run.folder), (told if told is not None else []).append).follow()


def jobs_in_threads(monkeypatch: pytest.MonkeyPatch, api: type[StandIn]) -> None:
    """Jobs run in this process instead of one of their own: no seconds to import torch again."""

    def run(self: StandIn, folder: Path, command: list[str], env: dict[str, str]) -> None:
        (folder / "stage").write_text("RUNNING")

        def train() -> None:
            job = remote_job.Job.of(env)
            sent = folder / "home"
            self.snapshot_download(job.data, repo_type="dataset", local_dir=sent)
            code = remote_job.train(self, job, sent, sent / "run")
            (folder / "stage").write_text(f"ERROR code {code}" if code else "COMPLETED")

        threading.Thread(target=train, daemon=True).start()

    monkeypatch.setattr(api, "_run", run)


def pack_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The photos are prepared in this process, for the same reason."""
    pack = lambda run, path, step: packing.pack(run, path)  # noqa: E731
    monkeypatch.setattr(sending, "prepare_photos", pack)


class Following(threading.Thread):
    """Follows a run beside the test."""

    def __init__(self, run: Run) -> None:
        super().__init__(daemon=True)
        self.run_, self.state, self.told = run, "", []
        self.start()

    def run(self) -> None:
        with suppress(UserError):  # the run's status tells
            self.state = follow(self.run_, self.told)

    def result(self, seconds: float = 60.0) -> str:
        self.join(seconds)
        assert not self.is_alive(), (self.told, self.run_.status())
        return self.state


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What ``true`` returns, once that is something."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


def commit(api: type[StandIn], repository: str, files: dict[str, bytes]) -> None:
    """Put files into a model repository."""
    adds = [CommitOperationAdd(name, content) for name, content in files.items()]
    api().create_commit(repository, adds, commit_message="Step 1")


def status_of(run: Run, state: str = "training", sentence: str = "T.", **more: Any) -> bytes:
    """A status.json as the run's current job hands it over."""
    attempt = Rented.of(run).attempt
    return json.dumps({"attempt": attempt, "state": state, "sentence": sentence, **more}).encode()
