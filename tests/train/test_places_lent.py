"""Training in slices of a lent GPU, with a stand-in for the package that lends it, on the CPU."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from service_parts import send
from trainings import flat

from studio.errors import UserError
from train.page.service import Service
from train.places import lent
from train.places.machine import Machine
from train.recipes import Recipe
from train.runs.finding import locked
from train.runs.run import CURVES, STATE, Run, RunError
from train.work.worker import Options, work

LENT = Machine("cuda", "ZeroGPU", 0, None, "zero-gpu")
EXACT = {"precision": "fp32", "save_minutes": 5.0}


class Lender(types.ModuleType):
    """A stand-in for ``spaces``: its functions work in a process of their own."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.durations: list[float] = []

    def GPU(self, duration: float) -> Callable[..., Callable[..., str]]:
        def decorate(function: Callable[..., str]) -> Callable[..., str]:
            def lent(*arguments: Any) -> str:
                # As the real one does it, where processes can be forked.
                forks = "fork" in multiprocessing.get_all_start_methods()
                with multiprocessing.get_context("fork" if forks else None).Pool(1) as pool:
                    return pool.apply(function, arguments)

            return lent

        self.durations.append(duration)
        return decorate


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lender]:
    """A Space that lends its GPU for 10 seconds at a time."""
    result = Lender()
    monkeypatch.setitem(sys.modules, "spaces", result)
    monkeypatch.setattr(lent, "has_zero_gpu", lambda: True)
    monkeypatch.setenv(lent.SECONDS, "10")
    prepare = lent.prepare
    monkeypatch.setattr(lent, "prepare", lambda: prepare("cpu"))
    prepare.cache_clear()
    yield result
    prepare.cache_clear()


@pytest.fixture
def make_run(tmp_path: Path, tiny_recipe: Recipe, photos: Path) -> Callable[..., Run]:
    """``make_run(name, kimg=…)``: a run on the photos that nobody trained yet."""

    def make(name: str, kimg: float = 1.0) -> Run:
        settings = {
            "recipe": replace(tiny_recipe, log_steps=50).to_dict(),  # sheets take their time
            "data": str(photos),
            "data_digest": None,
            "seed": 5,
            "length": {"kimg": kimg},
            "live": False,
            "options": EXACT,
            "card": {"title": name.title()},
        }
        return Run.create(tmp_path / name, settings)

    return make


def outcome(run: Run) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """All that was learnt, and the curves, without the seconds it took."""
    state = flat(torch.load(run.folder / STATE, weights_only=True))
    state = {
        name: value.tolist() if isinstance(value, torch.Tensor) else value
        for name, value in state.items()
        if name != "/seconds"
    }
    curves = [{**line, "seconds": 0} for line in run.lines(CURVES)]
    return state, curves


def test_slices_come_to_what_one_long_training_does(
    lender: Lender, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_run("whole")
    with locked(whole):
        assert work(whole, Options("cpu", **EXACT)) == "finished"

    run = make_run("slices")
    lent.Lent().begin(run)
    # The first slices end after a step each, as if the photos had taken all of the time.
    monkeypatch.setattr(lent, "RESERVE", 1.0)
    steps = []
    for _ in range(2):
        lent.Lent().slice_of(run)
        assert run.status().state == "waiting" and not run.is_alive
        steps.append(run.status().step)
    assert 0 < steps[0] < steps[1] < 125

    monkeypatch.setattr(lent, "RESERVE", 0.0)
    lent.Lent().slice_of(run)
    assert run.status().state == "finished"
    assert outcome(run) == outcome(whole)
    assert lender.durations == [10]

    before = run.status()
    lent.Lent().slice_of(run)  # a page that has not heard yet
    assert run.status() == before


def test_a_second_page_waits_for_the_slice_that_is_under_way(
    lender: Lender, make_run: Callable[..., Run]
) -> None:
    run = make_run("run")
    lent.Lent().begin(run)
    ended = []
    with locked(run):
        page = threading.Thread(target=lambda: ended.append(lent.Lent().slice_of(run)))
        page.start()
        page.join(0.2)
        assert page.is_alive() and not ended
        lent.rest(run)
    page.join(10)
    assert ended == [None] and run.status().step is None


def test_a_training_rests_between_slices_when_asked(
    lender: Lender, make_run: Callable[..., Run]
) -> None:
    run = make_run("run")
    lent.Lent().begin(run)
    assert lent.Lent().waits(run)
    with pytest.raises(RunError, match="not training"):
        lent.Lent().ask(run, "save")
    lent.Lent().ask(run, "stop")
    assert run.state()[0] == "stopped" and not lent.Lent().waits(run)
    lent.Lent().slice_of(run)
    assert run.status().step is None
    lent.Lent().begin(run)
    assert lent.Lent().waits(run)


def test_a_stop_during_a_slice_is_not_forgotten(
    lender: Lender, make_run: Callable[..., Run]
) -> None:
    run = make_run("run")
    lent.Lent().begin(run)
    (run.folder / lent.PAUSED).touch()
    assert lent.work_on(str(run.folder), 0.0, "cpu") == ""
    assert run.state()[0] == "stopped"
    assert run.status().step > 0


def test_what_goes_wrong_in_a_slice_is_said(lender: Lender, make_run: Callable[..., Run]) -> None:
    run = make_run("run")
    run.change_settings(data="/nowhere")
    lent.Lent().begin(run)
    with pytest.raises(RunError, match=r"^There is no file or folder at .*nowhere"):
        lent.Lent().slice_of(run)
    assert run.status().state == "failed"


def test_the_page_trains_slice_by_slice(
    lender: Lender, tmp_path: Path, checkpoints: Path, photos: Path, quick_export: None
) -> None:
    service = Service(tmp_path / "runs", checkpoints, machine=LENT)
    assert lender.durations == [10]  # known before anything is served
    data = send(service, photos)
    times = service.times("", "colour", 20)
    assert times["images_per_second"] is None and "can't be measured" in times["sentence"]
    advanced = {"kimg": 0.1, "batch": 4, "precision": "fp32"}
    run = service.start({"data": data, "start_from": "colour", "advanced": advanced})
    assert (run["state"], run["alive"], run["sentence"]) == ("waiting", False, lent.READY)
    assert service.home()["hosted"] == "zero-gpu"
    assert service.ask(run["id"], "stop")["state"] == "stopped"
    assert service.slice(run["id"])["state"] == "stopped"
    assert service.ask(run["id"], "resume")["state"] == "waiting"
    finished = service.slice(run["id"])
    assert finished["state"] == "finished" and finished["status"]["images_shown"] == 100
    assert service.open(run["id"]) == {"generator": run["id"]}


def test_elsewhere_there_are_no_slices(make_run: Callable[..., Run]) -> None:
    run = make_run("run")
    with pytest.raises(UserError, match="only to be had on a Space"):
        lent.Lent().begin(run)
    assert "spaces" not in sys.modules


@pytest.mark.parametrize("text", ["", "soon", "9", "3601", "nan", "inf"])
def test_the_allowed_time_is_checked(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(lent.SECONDS, text)
    with pytest.raises(UserError, match="number of seconds from 10 to 3600"):
        lent.allowed_seconds()


def test_a_slice_is_a_minute_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lent.SECONDS, raising=False)
    assert lent.allowed_seconds() == 60
    monkeypatch.setenv(lent.SECONDS, "120.5")
    assert lent.allowed_seconds() == 120.5
