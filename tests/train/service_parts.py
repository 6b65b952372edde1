"""A service over throwaway folders, and what tests ask of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from train.page.service import Service
from train.places.machine import Machine

ONE_CPU = Machine("cpu", "a processor", 0, 8 * 2**30, "")
TWO_GPUS = Machine("cuda", "a GPU", 2, 80 * 2**30, "")
PATIENCE = 60  # seconds; ample, as whatever waits goes on as soon as it can


def send(service: Service, photos: Path, folder: str = "Bags") -> str:
    """Copy photos into an upload, as if they had been received; its id."""
    data = service.new_upload()["data"]
    received = []
    for path in sorted(photos.iterdir()):
        copy = service.root / f"received-{path.name}"
        copy.write_bytes(path.read_bytes())
        received.append((copy, f"{folder}/{path.name}"))
    assert service.add_files(data, received)["refused"] == []
    return data


def until(answer: Callable[[], dict[str, Any]], done: Callable[[dict[str, Any]], bool]) -> dict:
    """Ask again and again until the answer is as wished."""
    end = time.monotonic() + PATIENCE
    while not done(found := answer()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def until_state(service: Service, run: str, *states: str) -> dict[str, Any]:
    """Watch a run until it is in one of these states; the RUN."""
    watched = until(
        lambda: service.watch(run, -1)["run"],
        lambda found: found["state"] in (*states, "failed"),
    )
    assert watched["state"] in states, watched
    return watched
