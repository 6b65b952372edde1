"""A stand-in for huggingface_hub's client that keeps everything in a folder and runs jobs here.

It has the methods and the signatures of the real one (a test compares them), takes its classes for
what it returns, and raises its errors. Several processes can use one folder at a time. A job is the
very command that was sent, run on this machine; only installing packages is left out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import huggingface_hub
from hub_stand_in_repositories import TOKEN, USER, Repositories
from huggingface_hub.hf_api import JobInfo

try:
    from huggingface_hub.hf_api import JobHardwareInfo
except ImportError:  # what it was called before there was a list of names besides
    from huggingface_hub._jobs_api import JobHardware as JobHardwareInfo

__all__ = ["TOKEN", "StandIn", "install", "site_code"]

MACHINES = {
    "cpu-basic": None,
    "a10g-small": {"model": "A10G", "quantity": "1", "vram": "24 GB"},
    "t4-small": {"model": "T4", "quantity": "1", "vram": "16 GB"},
    "a100x4": {"model": "A100", "quantity": "4", "vram": "320 GB"},
}
PRICES = {"cpu-basic": 0.0002, "t4-small": 0.0067, "a10g-small": 0.0167, "a100x4": 0.1667}


class StandIn(Repositories):
    """All of HfApi that the project uses. Tests make a subclass for each folder."""

    jobs_run = True  # or they wait for a machine

    def list_jobs_hardware(self, token: bool | str | None = None) -> list[JobHardwareInfo]:
        self._called("list_jobs_hardware")
        return [
            JobHardwareInfo(
                name=name,
                prettyName=name.title(),
                cpu="4 vCPU",
                ram="15 GB",
                accelerator=gpu and {"type": "gpu", "manufacturer": "Nvidia", **gpu},
                unitCostMicroUSD=round(PRICES[name] * 1e6),
                unitCostUSD=PRICES[name],
                unitLabel="minute",
            )
            for name, gpu in MACHINES.items()
        ]

    def run_job(
        self,
        *,
        image: str,
        command: list[str],
        env: dict[str, Any] | None = None,
        secrets: dict[str, Any] | None = None,
        flavor: str | None = None,
        timeout: int | float | str | None = None,
        labels: dict[str, str] | None = None,
        namespace: str | None = None,
    ) -> JobInfo:
        self._called("run_job")
        if flavor not in MACHINES:
            self._answer(400, "run_job")
        folder = self.root / "jobs" / uuid.uuid4().hex[:24]
        (folder / "home").mkdir(parents=True)
        sent = {"image": image, "command": command, "env": env, "flavor": flavor}
        sent |= {"secrets": list(secrets or {}), "timeout": timeout, "labels": labels}
        (folder / "new").write_text(json.dumps(sent))
        (folder / "new").rename(folder / "sent.json")
        if self.jobs_run:
            self._run(folder, command, {**(env or {}), **(secrets or {})})
        # Whatever goes wrong with the answer, the job is there.
        self._called("run_job's answer")
        return self._info(folder)

    def _run(self, folder: Path, command: list[str], env: dict[str, str]) -> None:
        home = folder / "home"
        bin_, site = home / "bin", home / "site"
        bin_.mkdir()
        site.mkdir()
        python = bin_ / "python"
        python.write_text(
            '#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "$@" >>"$HOME/pip"; exit 0; fi\n'
            f'exec "{sys.executable}" "$@"\n'
        )
        python.chmod(0o755)
        (site / "sitecustomize.py").write_text(site_code(self.root))
        env |= {"PATH": f"{bin_}:/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)}
        env |= {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "JOB_ID": folder.name}
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                ["bash", "-c", f'"$@"; echo $? >"{folder}/code"', "job", *command],
                cwd=home,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (folder / "pid").write_text(str(process.pid))

    def inspect_job(self, *, job_id: str, namespace: str | None = None) -> JobInfo:
        self._called("inspect_job")
        return self._info(self._job(job_id))

    def list_jobs(self, *, namespace: str | None = None) -> Iterable[JobInfo]:
        self._called("list_jobs")
        return [self._info(each) for each in self.jobs()]

    def cancel_job(self, *, job_id: str, namespace: str | None = None) -> None:
        self._called("cancel_job")
        folder = self._job(job_id)
        (folder / "stage").write_text("CANCELED")
        self.kill(folder)

    def fetch_job_logs(
        self, *, job_id: str, namespace: str | None = None, follow: bool = False
    ) -> Iterable[str]:
        self._called("fetch_job_logs")
        log = self._job(job_id) / "log"
        yield from log.read_text().splitlines() if log.exists() else ()

    def _job(self, job_id: str) -> Path:
        folder = self.root / "jobs" / job_id
        if not folder.exists():
            self._answer(404, "jobs")
        return folder

    def _info(self, folder: Path) -> JobInfo:
        sent = json.loads((folder / "sent.json").read_text())
        stage, message = "SCHEDULING", None
        if (folder / "pid").exists():
            stage = "RUNNING"
        if (folder / "code").exists():
            code = (folder / "code").read_text().strip() or "?"
            stage = "COMPLETED" if code == "0" else "ERROR"
            message = None if code == "0" else f"Job failed with exit code: {code}"
        if (folder / "stage").exists():
            stage, _, message = (folder / "stage").read_text().partition(" ")
        return JobInfo(
            id=folder.name,
            createdAt="2026-01-02T03:04:05.678Z",
            dockerImage=sent["image"],
            command=sent["command"],
            environment=sent["env"],
            secrets=sent["secrets"],
            flavor=sent["flavor"],
            labels=sent["labels"],
            owner={"id": "1", "name": USER, "type": "user"},
            status={"stage": stage, "message": message},
            endpoint="https://stand-in.test",
        )

    # For tests --------------------------------------------------------------------------------

    @classmethod
    def jobs(cls) -> list[Path]:
        """The folders of all jobs, first sent first."""
        found = sorted((cls.root / "jobs").glob("*/sent.json"), key=lambda p: p.stat().st_mtime_ns)
        return [each.parent for each in found]

    @classmethod
    def kill(cls, folder: Path) -> None:
        """End a job and all that it started, if it runs."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)


def install(root: Path) -> type[StandIn]:
    """Put a stand-in that keeps everything in ``root`` in the real client's place."""
    own = {"root": Path(root), "failures": {}, "calls": [], "fetched": []}
    huggingface_hub.HfApi = type("HfApi", (StandIn,), own)
    return huggingface_hub.HfApi


def site_code(root: Path) -> str:
    """A sitecustomize.py that does so in another process."""
    here = str(Path(__file__).parent)
    return (
        f"import sys\nsys.path.append({here!r})\n"
        f"import hub_stand_in\nhub_stand_in.install({str(root)!r})\n"
    )
