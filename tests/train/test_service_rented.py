"""Trainings that the page sends to rented hardware, as far as the page has a part in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from service_parts import ONE_CPU, send

from studio.errors import UserError
from train.page.service import Service
from train.rented import hf_jobs
from train.runs.run import SETTINGS, Run
from train.runs.status import Status

OFFER = {"available": True, "user": "me", "flavors": [{"name": "t4-small", "label": "T4"}]}


class Rental:
    """A stand-in for what sends runs away."""

    def __init__(self) -> None:
        self.offer: dict[str, Any] = OFFER
        self.refusal = ""
        self.asked: list[tuple[Any, ...]] = []

    def available(self, *, guarded: bool) -> dict[str, Any]:
        self.asked.append(("available", guarded))
        return self.offer

    def start(self, run: Run, flavor: str) -> None:
        if self.refusal:
            raise UserError(self.refusal)
        self.asked.append(("start", run.id, flavor))
        run.change_settings(rent={"flavor": flavor})

    def cancel(self, run: Run) -> bool:
        self.asked.append(("cancel", run.id))
        return True


@pytest.fixture
def rental(monkeypatch: pytest.MonkeyPatch) -> Rental:
    result = Rental()
    for name in ("available", "start", "cancel"):
        monkeypatch.setattr(hf_jobs, name, getattr(result, name))
    return result


@pytest.fixture
def service(tmp_path: Path, checkpoints: Path, rental: Rental) -> Service:
    return Service(tmp_path / "runs", checkpoints, machine=ONE_CPU, guarded=True)


@pytest.fixture
def wish(service: Service, photos: Path) -> dict[str, Any]:
    return {"data": send(service, photos), "title": "Away", "where": "hf-jobs"}


def test_home_tells_what_can_be_rented(service: Service, rental: Rental) -> None:
    assert service.home()["hub"] == OFFER
    assert rental.asked == [("available", True)]


def test_a_run_is_sent_resumed_and_cancelled(
    service: Service, rental: Rental, wish: dict[str, Any]
) -> None:
    sent = service.start({**wish, "flavor": "t4-small"})
    assert sent["where"] == "hf-jobs" and sent["can_resume"]  # nobody follows it
    service.ask("away", "resume")
    service.delete("away")
    calls = [call for call in rental.asked if call[0] != "available"]
    assert calls == [("start", "away", "t4-small")] * 2 + [("cancel", "away")]
    assert service.home()["runs"] == []


def test_what_can_not_be_sent_leaves_no_run(
    service: Service, rental: Rental, wish: dict[str, Any]
) -> None:
    rental.refusal = "Nobody is logged in."
    with pytest.raises(UserError, match="Nobody is logged in"):
        service.start(wish)
    rental.offer = {"available": False, "user": "", "flavors": []}
    with pytest.raises(UserError, match="can't be had here"):
        service.start(wish)
    assert not list(service.root.glob(f"*/{SETTINGS}"))


def test_what_trains_elsewhere_does_not_keep_this_machine_busy(
    service: Service, wish: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.open(service.root / service.start(wish)["id"])
    run.save_status(Status("training", "Training."))
    monkeypatch.setattr(Run, "is_alive", True)
    busy = []
    monkeypatch.setattr(service.probe, "speed", lambda recipe, images, busy: seen(recipe, busy))

    def seen(recipe: Any, is_busy: bool) -> Any:
        busy.append(is_busy)
        return type("Measured", (), {"images_per_second": None, "sentence": ""})

    service.times("", "", 20)
    run.change_settings(where="here")
    service.times("", "", 20)
    assert busy == [False, True]
