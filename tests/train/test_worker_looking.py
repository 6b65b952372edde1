"""Runs that are looked at while they train: what is drawn, measured, and kept as the best."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from worker_runs import STEPS, same_state, train

from studio import checkpoint, onnx_files
from studio.onnx_export import ExportError
from train.runs.run import Run
from train.work.live import is_due


def test_looking_changes_nothing_of_what_is_learnt(
    prepare: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, quick_export: None
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", 8)
    monkeypatch.setattr("train.work.live.FIRST_LOOK", 8)
    plain, live = prepare("plain"), prepare("live", live=True)
    train(plain), train(live)
    assert same_state(plain, live)
    assert live.frames() == [0, 1, 2, 3, 4, 5, 6]
    looks = live.lines("looks.jsonl")
    assert looks and all(math.isfinite(look["distance"]) for look in looks)
    assert {"verdict", "title", "sentence", "signals"} <= set(looks[0])
    status = live.status()
    assert status.best["distance"] == min(look["distance"] for look in looks)
    assert status.health["verdict"]


def test_grids_come_by_the_clock_and_measure_nothing(
    prepare: Callable[..., Run],
    at_step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    quick_export: None,
) -> None:
    monkeypatch.setattr("train.engine.training.TICK_IMAGES", 8)
    monkeypatch.setattr("train.work.worker.LISTEN_SECONDS", -1.0)
    for name, value in {"SHORTEST": 0.0, "GROWTH": 0.0, "CREDIT": 1e9}.items():
        monkeypatch.setattr(f"train.work.live.{name}", value)
    run = prepare(live=True)
    at_step(2, lambda training: run.ask("sample"))
    train(run)
    assert run.frames() == [0, 1, 2, 3, 4, 5, 6]
    (look,) = run.lines("looks.jsonl")
    assert look["images_shown"] == run.status().best["images_shown"] == STEPS * 8


@pytest.mark.parametrize("batch", [8, 48, 700])
@pytest.mark.parametrize(
    ("images", "first", "most"),
    [(600, [], 0), (10_000, [2500, 5000], 4), (300_000, [2500, 4375], 18), (2e6, [2500], 21)],
)
def test_looks_come_at_moments_that_photos_shown_decide(
    images: float, first: list[int], most: int, batch: int
) -> None:
    moments = [at for at in range(batch, int(images) + 1, batch) if is_due(at - batch, at, images)]
    assert len(moments) <= most
    late = [at - wanted for at, wanted in zip(moments, first, strict=False)]
    assert all(0 <= each < batch for each in late) and len(moments) >= len(first)
    gaps = [after - before for before, after in pairwise(moments)]
    assert not gaps or max(gaps) <= max(images / 13, 2500) + batch


def test_a_training_by_the_minute_is_looked_at_ever_more_seldom() -> None:
    moments = [at for at in range(100, 1_000_001, 100) if is_due(at - 100, at, math.inf)]
    assert moments[:4] == [2500, 4400, 7700, 13_400] and len(moments) == 11


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
    monkeypatch.setattr("train.work.live.FIRST_LOOK", 8)
    monkeypatch.setattr("train.work.live.SlicedWasserstein", Distances([9.0, 5.0, 8.0]))
    run = prepare(live=True)
    train(run)
    assert run.status().best == {"distance": 5.0, "images_shown": 16}
    card = checkpoint.read(run.folder / "checkpoint").card
    assert card["training"]["images_shown"] == 16
    assert card["distance"]["sliced_wasserstein"] == 5.0
    (note,) = run.status().notes
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
    assert run.status().notes[-1].endswith(words)
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
