"""Runs that are looked at while they train: what is drawn, measured, and kept as the best."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from worker_runs import STEPS, same_state, train

from studio import checkpoint, onnx_files
from studio.onnx_export import ExportError
from train.runs.run import Run


def test_looking_changes_nothing_of_what_is_learnt(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, quick_export: None
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", 8)
    for name, value in {"SHORTEST": 0.0, "GROWTH": 0.0, "CREDIT": 1e9}.items():
        monkeypatch.setattr(f"train.work.live.{name}", value)
    plain, live = prepare("plain"), prepare("live", live=True)
    train(plain), train(live)
    assert same_state(plain, live)
    assert live.frames() == [0, 1, 2, 3, 4, 5, 6]
    looks = live.lines("looks.jsonl")
    assert looks and all(math.isfinite(look["distance"]) for look in looks)
    assert {"verdict", "title", "sentence", "signals"} <= set(looks[0])
    status = live.status()
    assert status["best"]["distance"] == min(look["distance"] for look in looks)
    assert status["health"]["verdict"]


class Distances:
    """Stands in for a distance: those given, and the last of them for ever."""

    floor = 1.0

    def __init__(self, distances: list[float]) -> None:
        self.distances = distances

    def __call__(self, *_: Any, **settings: Any) -> Any:
        if settings:  # made for a training
            return self
        return self.distances.pop(0) if len(self.distances) > 1 else self.distances[0]


def test_the_best_moment_is_kept_where_it_was_clearly_better(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", 8)
    for name, value in {"SHORTEST": 0.0, "GROWTH": 0.0, "CREDIT": 1e9}.items():
        monkeypatch.setattr(f"train.work.live.{name}", value)
    monkeypatch.setattr("train.work.live.GRIDS_PER_LOOK", 1)
    monkeypatch.setattr("train.work.live.SlicedWasserstein", Distances([9.0, 5.0, 8.0]))
    run = prepare(live=True)
    train(run)
    assert run.status()["best"] == {"distance": 5.0, "step": 2, "images_shown": 16}
    card = checkpoint.read(run.folder / "checkpoint").card
    assert card["training"]["images_shown"] == 16
    assert card["distance"]["sliced_wasserstein"] == 5.0
    (note,) = run.status()["notes"]
    assert "best after 16 photos shown" in note
    assert (run.folder / "checkpoint" / "directions.json").exists()
    found = checkpoint.read(run.folder / "checkpoint")
    assert onnx_files.find(found).path == found.folder / "generator.onnx"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ExportError("It has no layers."), "by themselves. It has no layers."),
        (PermissionError("no"), "What it printed says more."),
        (MemoryError(), "What it printed says more."),
    ],
)
def test_a_generator_that_cannot_be_exported_is_finished_all_the_same(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def fail(*given: Any, **named: Any) -> bytes:
        raise error

    monkeypatch.setattr(onnx_files, "exported", fail)
    monkeypatch.setattr(onnx_files, "_failed", {})  # all these runs make the same weights
    run = prepare(live=True)
    assert train(run) == "finished"
    assert run.state() == ("finished", "Finished.")
    assert run.status()["notes"][-1].endswith(words)
    assert "onnx_sha256" not in checkpoint.read(run.folder / "checkpoint").card


def test_a_newer_moment_of_about_the_same_distance_is_kept(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, quick_export: None
) -> None:
    monkeypatch.setattr("train.work.live.SlicedWasserstein", Distances([5.0]))
    run = prepare(live=True)
    train(run)
    card = checkpoint.read(run.folder / "checkpoint").card
    assert card["training"]["images_shown"] == STEPS * 8
    assert json.dumps(card)  # numbers that JSON knows
