"""Verdicts on a run from made signals and numbers: at each threshold, and over many looks."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from measuring import shapes

from train.looking import health
from train.looking.health import Health, HealthCheck

DRAWN = shapes(64, seed=1)
GOOD = {"variety": 1.0, "twins": 0.0, "nearness": 1.1, "copies": 0.0}


class Run:
    """Looks at a run whose picture signals are made up: GOOD ones, except where told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.signals = dict(GOOD)
        patch.setattr(health, "PictureSignals", lambda images, seed: lambda _: dict(self.signals))
        self.check = HealthCheck(DRAWN)
        self.history: list[dict[str, Any]] = []

    def look(self, shown: int = 50_000, distance: float | None = None, **more: Any) -> Health:
        self.signals = {**GOOD, **{name: more.pop(name) for name in GOOD if name in more}}
        found = {"images_shown": shown, "distance": distance, **more}
        result = self.check.examine(DRAWN, found, self.history)
        # A look is stored as JSON and read again.
        self.history.append(json.loads(json.dumps({**found, **result.to_dict()})))
        return result


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(monkeypatch)


# --- broken ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["loss_g", "loss_d", "real_sign", "distance"])
def test_a_number_that_is_none_is_broken_at_once(run: Run, name: str, bad: float) -> None:
    assert run.look(50_000, 20.0).verdict == "learning"
    found = run.look(**{"shown": 60_000, "distance": 20.0, name: bad})
    assert (found.verdict, found.title) == ("broken", "Something broke.")
    assert f"({name})" in found.sentence
    assert all(math.isfinite(value) for value in found.signals.values())


def test_a_run_that_was_mended_is_no_longer_called_broken(run: Run) -> None:
    assert run.look(60_000, 20.0, loss_g=math.nan).verdict == "broken"
    assert run.look(50_000, 20.0, loss_g=1.0).verdict == "learning"


def test_missing_numbers_are_not_broken(run: Run) -> None:
    found = run.look(50_000, None, loss_g=None, note="a word", ready=True)
    assert (found.verdict, found.signals) == ("learning", GOOD)


# --- thresholds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({}, "learning"),
        ({"variety": 0.41}, "learning"),
        ({"variety": 0.39}, "collapsing"),
        ({"variety": 0.39, "nearness": 1.79}, "collapsing"),
        ({"variety": 0.39, "nearness": 1.81}, "learning"),
        ({"twins": 0.49}, "learning"),
        ({"twins": 0.5}, "collapsing"),
        ({"copies": 0.14}, "learning"),
        ({"copies": 0.15}, "copying"),
        ({"copies": 1.0, "twins": 0.5}, "collapsing"),
        ({"real_sign": 1.0}, "learning"),
    ],
)
def test_thresholds_of_one_look(run: Run, signals: dict[str, float], expected: str) -> None:
    assert run.look(20_000, 20.0, **signals).verdict == expected


@pytest.mark.parametrize("bad", [{"variety": 0.1}, {"twins": 1.0}, {"copies": 1.0}])
def test_nothing_is_held_against_the_first_minutes(run: Run, bad: dict[str, float]) -> None:
    for shown in (0, 5000, 9999):
        found = run.look(shown, 900.0, **bad)
        assert (found.verdict, found.title) == ("starting", "Just started.")


def test_from_ten_thousand_images_on_copies_count(run: Run) -> None:
    assert run.look(9_999, copies=1.0).finding == "starting"
    assert run.look(10_000, copies=1.0).finding == "copying"


@pytest.mark.parametrize("bad", [{"variety": 0.1}, {"twins": 1.0}])
def test_one_blob_for_all_is_collapsing_only_later(run: Run, bad: dict[str, float]) -> None:
    said = [run.look(shown, 500.0, **bad).verdict for shown in (15_000, 19_999, 20_000, 21_000)]
    assert said == ["starting", "starting", "starting", "collapsing"]


def test_a_run_that_had_got_further_does_not_go_back_to_the_start(run: Run) -> None:
    assert looks(run, [90, 80, 50, 40, 30], step=1000).verdict == "learning"
    assert run.look(6000, 35.0, variety=0.1).finding == "learning"
    assert run.look(12_000, 300.0, variety=0.1).finding == "collapsing"


def test_a_run_from_a_trained_generator_may_be_learning_early(run: Run) -> None:
    found = [run.look(*look).verdict for look in ((0, 90.0), (1000, 80.0), (3000, 70.0))]
    assert found == ["starting"] * 3
    assert run.look(4000, 60.0).finding == "learning"
    assert run.look(5000, 55.0).verdict == "learning"


def test_sure_is_the_share_of_photos_taken_for_photos(run: Run) -> None:
    assert run.look(real_sign=0.5).signals["sure"] == 0.75
    assert run.look(real_sign=-1.0).signals["sure"] == 0


# --- trends ------------------------------------------------------------------------------------


def looks(run: Run, distances: list[float], step: int = 10_000, **more: Any) -> Health:
    for index, distance in enumerate(distances[:-1], 1):
        run.look(index * step, distance, **more)
    return run.look(len(distances) * step, distances[-1], **more)


def test_a_falling_distance_is_still_improving(run: Run) -> None:
    found = looks(run, [100, 80, 70, 60, 55, 50])
    assert (found.verdict, found.title) == ("learning", "Still improving.")
    assert found.signals["trend"] == pytest.approx(50 / 70)
    assert found.sentence == "Pictures are as varied as your photos, and none is a copy."


def test_without_a_trend_it_is_only_learning(run: Run) -> None:
    assert run.look(50_000, 20.0).title == "Learning."


@pytest.mark.parametrize(("last", "expected"), [(67.8, "learning"), (68.1, "stalled")])
def test_three_in_a_hundred_are_an_improvement(run: Run, last: float, expected: str) -> None:
    assert looks(run, [100, 80, 70, 75, 72, last]).finding == expected


def test_stalled_names_the_best_moment(run: Run) -> None:
    looks(run, [100, 60, 50, 62, 61, 60, 59])
    found = run.look(80_000, 58.0)
    assert (found.verdict, found.title) == ("stalled", "No longer improving.")
    assert found.sentence.startswith("The best moment, after 30 thousand photos shown, is kept.")


@pytest.mark.parametrize(
    ("sign", "last", "expected"),
    [
        (0.92, 63.0, "overfitting"),
        (0.92, 62.0, "stalled"),  # 1.25 times the best is the limit
        (0.88, 63.0, "stalled"),  # sure of 0.94 of the photos
    ],
)
def test_overfitting_is_sure_and_worse(run: Run, sign: float, last: float, expected: str) -> None:
    assert looks(run, [100, 50, 60, 60, 60, 90, last], real_sign=sign).finding == expected


def test_being_sure_alone_is_no_overfitting(run: Run) -> None:
    found = looks(run, [100, 80, 70, 60, 55, 50, 45], real_sign=1.0)
    assert (found.verdict, found.finding) == ("learning", "learning")


def test_overfitting_needs_three_sure_looks(run: Run) -> None:
    looks(run, [100, 50, 60, 60, 60, 90], real_sign=0.5)
    verdicts = [run.look(70_000 + i, 90.0, real_sign=1.0).finding for i in range(3)]
    assert verdicts == ["stalled", "stalled", "overfitting"]
    assert (
        "after 20 thousand photos shown, is kept" in run.look(80_000, 90.0, real_sign=1.0).sentence
    )


def test_looks_without_a_distance_are_left_out_of_the_trend(run: Run) -> None:
    looks(run, [100, 80, 70])
    run.look(40_000, None)
    run.look(50_000, 60.0)
    assert run.look(60_000, 50.0).signals["trend"] == pytest.approx(50 / 70)


# --- no flicker --------------------------------------------------------------------------------


def test_one_look_that_differs_changes_nothing(run: Run) -> None:
    said = [run.look(copies=share).verdict for share in (0.0, 0.2, 0.0, 0.2, 0.0)]
    assert said == ["learning"] * 5


def test_two_looks_in_a_row_do(run: Run) -> None:
    said = [run.look(copies=share).verdict for share in (0.0, 0.2, 0.2, 0.0, 0.0)]
    assert said == ["learning", "learning", "copying", "copying", "learning"]


def test_a_verdict_that_outlives_its_signal_names_no_count(run: Run) -> None:
    assert run.look(copies=0.25).sentence.startswith("16 of 64 pictures")
    found = run.look(copies=0.0)
    assert found.verdict == "copying"
    assert found.sentence.startswith("Many pictures")


def test_two_looks_that_find_different_faults_end_a_good_verdict(run: Run) -> None:
    assert run.look().verdict == "learning"
    assert run.look(copies=0.5).verdict == "learning"
    assert run.look(twins=1.0).verdict == "collapsing"


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        ({"variety": 0.86}, "as varied as your photos, and none is a copy."),
        ({"variety": 0.84}, "a little less varied than your photos, and none is a copy."),
        ({"variety": 0.59}, "much less varied than your photos, and none is a copy."),
        ({"copies": 1 / 64}, "as varied as your photos, and 1 of 64 is nearly a copy."),
        ({"copies": 5 / 64}, "as varied as your photos, and 5 of 64 are nearly a copy."),
    ],
)
def test_a_good_run_is_described(run: Run, signals: dict[str, float], words: str) -> None:
    assert run.look(**signals).sentence == f"Pictures are {words}"


def test_few_photos_shown_are_counted_one_by_one(run: Run) -> None:
    run.look(512, 10.0)
    found = looks(run, [30.0] * 5)
    assert found.verdict == "stalled"
    assert found.sentence.startswith("The best moment, after 512 photos shown, is kept.")
