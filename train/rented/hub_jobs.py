"""A run's job on Hugging Face: start it, find it, look at it, ask it something, end it."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from train.rented import hub
from train.rented.hub import HubError, in_words
from train.rented.rental import Rented, repository_name, wish
from train.runs.run import REQUESTS, Run

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# torch and torchvision as requirements.txt wants them, for any NVIDIA GPU that is rented out.
IMAGE = "pytorch/pytorch:2.10.0-cuda12.8-cudnn9-runtime"
# What the job's command and train.rented.remote_job read from their environment.
DATA, RESULT, ATTEMPT = "ATELIER_DATA", "ATELIER_RESULT", "ATELIER_ATTEMPT"
SECONDS, UPLOADS, STATES = "ATELIER_SECONDS", "ATELIER_UPLOADS", "ATELIER_STATES"
UPLOAD_SECONDS = 60.0  # between uploads of results; the service takes about two commits a minute
STATE_SECONDS = 600.0  # between uploads of the state, the one large file
# Stages that are ends.
OVER = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
UNKNOWN = "Hugging Face no longer knows the job"
LOG_LINES = 40


def submit(api: HfApi, run: Run, rented: Rented, command: list[str]) -> None:
    """Start a job for the current attempt, and write down which.

    Raises:
        HubError: it is refused; :class:`train.rented.hub.UnreachableError` if it may have been
            started.
    """
    asked, token = wish(run), hub.token()
    seconds = int(float(asked["hours"]) * 3600)
    environment = {
        DATA: rented.data,
        RESULT: rented.result,
        ATTEMPT: rented.attempt,
        SECONDS: str(seconds),
        UPLOADS: str(UPLOAD_SECONDS),
        STATES: str(STATE_SECONDS),
        "PIP_BREAK_SYSTEM_PACKAGES": "1",  # the container is for this alone
        "PYTHONUNBUFFERED": "1",
    }
    with in_words():
        job = api.run_job(
            image=IMAGE,
            command=command,
            env=environment,
            secrets={"HF_TOKEN": token},
            flavor=asked["flavor"],
            timeout=seconds,  # without one, the service ends it after half an hour
            labels={"name": repository_name(run)},
            namespace=rented.user,
        )
    rented.job, rented.url = str(job.id), str(job.url)
    rented.save(run)


def find(api: HfApi, run: Run, rented: Rented) -> bool:
    """Whether the current attempt has a job; one whose number got lost is looked for.

    Raises:
        HubError: Hugging Face can't be asked.
    """
    if not rented.job:
        with in_words():
            for job in api.list_jobs(namespace=rented.user):
                if (job.environment or {}).get(ATTEMPT) == rented.attempt:
                    rented.job, rented.url = str(job.id), str(job.url)
                    rented.save(run)
                    break
    return bool(rented.job)


def stage(api: HfApi, rented: Rented) -> tuple[str, str]:
    """The job's stage (RUNNING, SCHEDULING, one of :data:`OVER` …), and what is said about it.

    Raises:
        HubError: Hugging Face can't be asked.
    """
    try:
        with in_words():
            job = api.inspect_job(job_id=rented.job, namespace=rented.user)
    except HubError as error:
        if error.status != 404:
            raise
        return "DELETED", UNKNOWN
    return str(getattr(job.status.stage, "value", job.status.stage)), job.status.message or ""


def ask(api: HfApi, rented: Rented, what: str) -> None:
    """Leave a request where the job looks for it.

    It goes to the data repository, so that each repository has one writer while a job runs.

    Raises:
        HubError: it could not be left.
    """
    from huggingface_hub import CommitOperationAdd

    content = f"{rented.attempt} {time.time()}\n".encode()
    request = CommitOperationAdd(f"{REQUESTS}/{what}", content)
    with in_words():
        api.create_commit(
            rented.data, [request], commit_message=f"Asked: {what}", repo_type="dataset"
        )


def cancel(api: HfApi, rented: Rented) -> None:
    """End the job at once; what was not handed over is lost.

    Raises:
        HubError: Hugging Face refuses, or can't be asked.
    """
    with in_words():
        api.cancel_job(job_id=rented.job, namespace=rented.user)


def last_lines(api: HfApi, rented: Rented) -> list[str]:
    """What the job printed last, without the one thing that must not be seen.

    Raises:
        HubError: Hugging Face can't be asked.
    """
    secret = hub.token()
    with in_words():
        lines = deque(api.fetch_job_logs(job_id=rented.job, namespace=rented.user), LOG_LINES)
    return [line.rstrip("\n").replace(secret, "…") for line in lines]
