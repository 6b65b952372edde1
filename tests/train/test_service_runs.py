"""Trainings from the page, in processes of their own: watched, stopped, queued and killed."""

from __future__ import annotations

import base64
import io
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from service_parts import ONE_CPU, send, until, until_state

from studio.checkpoint import read
from studio.errors import UserError
from studio.render import Renderer
from train.page.service import Service
from train.runs.finding import find
from train.runs.run import Run

# Small enough for a test, and longer than it lasts.
QUICK = {"batch": 4, "kimg": 10_000, "precision": "fp32"}


@pytest.fixture
def service(tmp_path: Path, checkpoints: Path) -> Iterator[Service]:
    result = Service(tmp_path / "runs", checkpoints, machine=ONE_CPU)
    yield result
    for run in find(result.root):
        for process in processes(run):
            process.kill()


def processes(run: Run) -> list[psutil.Process]:
    """The process of a run, if it has one."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            if str(run.folder) in each.cmdline():
                found.append(each)
        except psutil.Error:
            continue
    return found


def wish(data: str, title: str = "My bags", **changes: Any) -> dict[str, Any]:
    return {"data": data, "title": title, "start_from": "colour", "advanced": QUICK, **changes}


def trains(service: Service, run: str, points: int = 1) -> dict[str, Any]:
    """Watch until there are some points of the curves; all that is watched."""
    return until(
        lambda: service.watch(run, -1),
        lambda found: len(found["curve"]) >= points or found["run"]["state"] == "failed",
    )


def test_a_run_from_its_start_to_its_end(service: Service, photos: Path, checkpoints: Path) -> None:
    data = send(service, photos)
    answer = service.start(wish(data))
    run = answer["id"]
    assert run == "my-bags" and answer["alive"]
    assert answer["state"] in ("waiting", "preparing")
    assert answer["data_name"] == "Bags" and answer["images"] == 20
    assert answer["start_from"] == "colour" and answer["recipe"] == "handbags-dcgan"

    watched = trains(service, run)
    assert watched["run"]["state"] == "training"
    assert (
        until(
            lambda: service.watch(run, -1)["run"]["status"],
            lambda status: status.get("images_per_second"),
        )["share"]
        < 1
    )
    assert watched["frames"][0] == 0
    looks = service.watch(run, -1)["looks"]
    assert watched["looks"] == looks[: len(watched["looks"])]
    step = watched["curve"][-1]["step"]
    assert all(each["step"] > step for each in service.watch(run, step)["curve"])

    sheet = service.frame(run, 0)
    picture = Image.open(io.BytesIO(base64.b64decode(sheet["png"])))
    assert sheet["columns"] == sheet["rows"] == 8 and picture.width == picture.height

    with pytest.raises(UserError, match="stop it first"):
        service.delete(run)
    with pytest.raises(UserError, match="nothing to resume"):
        service.ask(run, "resume")

    renderer = Renderer(checkpoints, service.root)
    assert service.open(run) == {"generator": run}
    first = renderer.checkpoints()[run]
    assert renderer.open(run).checkpoint.fingerprint == first.fingerprint
    assert service.open(run) == {"generator": run}
    newer = renderer.checkpoints()[run]
    assert newer.fingerprint != first.fingerprint
    assert renderer.open(run).checkpoint.fingerprint == newer.fingerprint

    service.ask(run, "stop")
    stopped = until_state(service, run, "stopped")
    assert stopped["can_resume"] and not stopped["alive"] and stopped["has_checkpoint"]
    assert service.open(run) == {"generator": run}
    with pytest.raises(UserError, match="not training"):
        service.ask(run, "save")

    assert service.rename(run, "  Taschen\n– neu ")["title"] == "Taschen – neu"
    assert read(service.root / run / "checkpoint").title == "Taschen – neu"

    with zipfile.ZipFile(io.BytesIO(service.download(run)[0])) as archive:
        names = set(archive.namelist())
    assert {f"{run}/card.json", f"{run}/generator.safetensors"} <= names

    assert service.delete(run) == {"deleted": run}
    assert service.home()["runs"] == []
    with pytest.raises(UserError, match="no longer here"):
        service.check(data, "", "colour", "auto")
    with pytest.raises(UserError, match="no training 'my-bags' any more"):
        service.watch(run, -1)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows knows no SIGKILL")
def test_one_device_trains_one_run_and_a_killed_one_can_go_on(
    service: Service, photos: Path
) -> None:
    data = send(service, photos)
    first, second = (service.start(wish(data))["id"] for _ in range(2))
    assert (first, second) == ("my-bags", "my-bags-2")
    until_state(service, first, "training")
    waiting = {run["id"]: run for run in service.home()["runs"]}[second]
    assert (waiting["state"], waiting["position"], waiting["alive"]) == ("waiting", 1, True)
    assert service.times("", "colour", 999)["images_per_second"] is None  # as one trains

    service.ask(first, "save")
    saved = until(
        lambda: service.watch(first, -1)["run"], lambda found: found["status"]["saved_step"]
    )["status"]["saved_step"]
    (process,) = processes(Run.open(service.root / first))
    process.kill()
    dead = until_state(service, first, "interrupted")
    assert dead["can_resume"] and not dead["alive"] and "resume" in dead["sentence"]

    started = until_state(service, second, "training")
    assert started["position"] is None
    again = service.ask(first, "resume")
    assert again["alive"]
    in_line = until(lambda: service.watch(first, -1)["run"], lambda found: found["position"])
    assert (in_line["state"], in_line["position"]) == ("waiting", 1)

    # Its photos stay as long as anybody needs them.
    service.ask(second, "stop")
    until_state(service, second, "stopped")
    service.delete(second)
    until_state(service, first, "training")
    assert (
        until(lambda: service.watch(first, saved), lambda found: found["curve"])["run"]["status"][
            "step"
        ]
        > saved
    )
