"""How long the loop goes on, what it tells meanwhile, and stopping."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
from trainings import differences, through_a_file

from train.engine import loop
from train.engine.length import Length
from train.engine.loop import fit
from train.engine.training import Training

# --- how long ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "images", "seconds"),
    [
        ({}, 2 * 24, math.inf),
        ({"epochs": 7}, 7 * 24, math.inf),
        ({"kimg": 0.1}, 100, math.inf),
        ({"kimg": 0.008}, 8, math.inf),
        ({"minutes": 2.0}, None, 120),
        ({"epochs": 7, "minutes": 0.5}, 7 * 24, 30),
        ({"kimg": 0.1, "minutes": 0.5}, 100, 30),
        ({"epochs": None, "kimg": None, "minutes": None}, 2 * 24, math.inf),
    ],
)
def test_a_length_is_what_was_asked_for_or_the_recipes(
    start: Callable[..., Training], asked: dict, images: float | None, seconds: float
) -> None:
    length = Length.of(start(), **asked)
    assert length.seconds == seconds
    assert length.images == (math.inf if images is None else images)


def test_a_recipe_of_steps_is_that_many_steps_long(start: Callable[..., Training]) -> None:
    assert Length.of(start(epochs=None, steps=77)).images == 77 * 8
    assert Length.of(start(epochs=None, steps=77), epochs=2).images == 48


# --- fitting -----------------------------------------------------------------------------------


class Watch:
    """Notes what :func:`fit` tells."""

    def __init__(self, training: Training, stop_at: int | None = None) -> None:
        self.training, self.stop_at = training, stop_at
        self.steps: list[int] = []
        self.ticks: list[int] = []
        self.numbers: dict[int, dict[str, float]] = {}

    def fit(self, length: Length) -> bool:
        return fit(
            self.training,
            length,
            on_step=lambda: self.steps.append(self.training.step_count),
            on_tick=lambda found: self.ticks.append(self.training.step_count),
            on_numbers=lambda found: self.numbers.update({self.training.step_count: found}),
            stopping=lambda: self.training.step_count == self.stop_at,
        )


def test_fitting_takes_all_steps_and_tells_numbers_each_epoch(
    start: Callable[..., Training],
) -> None:
    watch = Watch(start())
    assert watch.fit(Length(8 * 8)) is True
    assert watch.steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(watch.numbers) == [3, 6]
    assert watch.training.seconds > 0
    assert watch.fit(Length(8 * 8)) is True
    assert watch.training.step_count == 8  # it was finished


def test_a_recipe_may_tell_numbers_every_few_steps(start: Callable[..., Training]) -> None:
    watch = Watch(start(log_steps=4))
    watch.fit(Length(9 * 8))
    assert list(watch.numbers) == [4, 8]


def test_stopping_comes_before_the_next_step_and_going_on_is_the_same(
    start: Callable[..., Training],
) -> None:
    whole, halves = Watch(start()), Watch(start(), stop_at=4)
    whole.fit(Length(9 * 8))
    assert halves.fit(Length(9 * 8)) is False
    assert halves.training.step_count == 4
    halves.stop_at = None
    assert halves.fit(Length(9 * 8)) is True
    assert halves.numbers == whole.numbers
    assert halves.steps == whole.steps
    assert differences(whole.training, halves.training) == set()


def test_time_runs_out_too_and_counts_over_resumes(
    start: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(100.0, 1.0)
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks))  # a second passes each look
    watch = Watch(start())
    assert watch.fit(Length(1000 * 8, seconds=5)) is True
    assert watch.training.step_count == 5
    assert watch.training.seconds == 5
    watch.training.load_state_dict(through_a_file(watch.training.state_dict()))
    assert watch.fit(Length(1000 * 8, seconds=7)) is True
    assert watch.training.step_count == 7
    assert watch.fit(Length(7 * 8, seconds=1000)) is True
    assert watch.training.step_count == 7
