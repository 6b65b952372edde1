"""The loop repeats exactly and resumes exactly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from trainings import differences, run, taken, through_a_file

from train.engine.training import Training


def test_a_seed_decides_everything(start: Callable[..., Training]) -> None:
    first, again, other = (run(start(seed), 4) for seed in (5, 5, 6))
    assert differences(first, again) == set()
    assert torch.equal(first.average.samples(), again.average.samples())
    assert taken(first) == taken(again)
    changed = {"generator", "average", "optimiser", "teachers", "tick_means"}
    assert differences(first, other) >= changed | {"random", "fixed_latents"}
    assert not torch.equal(first.average.samples(), other.average.samples())


def test_torchs_own_random_state_plays_no_part_after_the_start(
    start: Callable[..., Training],
) -> None:
    first, second = start(), start()
    run(first, 3)
    torch.manual_seed(12345)
    for _ in range(3):
        torch.rand(7)
        second.step()
    assert differences(first, second) == set()


@pytest.mark.parametrize("steps", [1, 4, 6], ids=["mid epoch", "mid second", "end of epoch"])
def test_resuming_is_bit_identical_to_going_on(start: Callable[..., Training], steps: int) -> None:
    whole = run(start(), 2 * steps)
    first = run(start(), steps)
    state = through_a_file(first.state_dict())
    second = start()
    second.load_state_dict(state)
    assert differences(first, second) == set()
    assert torch.equal(first.average.samples(), second.average.samples())
    run(second, steps)
    assert differences(whole, second) == set()
    assert torch.equal(whole.average.samples(), second.average.samples())
    assert taken(whole) == taken(second)
    assert (second.step_count, second.epoch) == (2 * steps, 2 * steps // 3)


def test_a_state_loads_over_a_training_that_went_elsewhere(
    start: Callable[..., Training],
) -> None:
    first = run(start(), 3)
    state = through_a_file(first.state_dict())
    other = run(start(), 11)
    other.load_state_dict(state)
    assert differences(run(first, 3), run(other, 3)) == set()


def test_looking_at_samples_changes_nothing(start: Callable[..., Training]) -> None:
    quiet, watched = run(start(), 4), start()
    for _ in range(4):
        watched.average.samples()
        watched.average.generator()
        watched.step()
    assert differences(quiet, watched) == set()
    assert watched.generator.training and watched.average.network.training


def test_a_state_of_another_network_does_not_load(start: Callable[..., Training]) -> None:
    state = through_a_file(start().state_dict())
    wider = {**start().recipe.generator, "widths": [16, 16]}
    with pytest.raises(RuntimeError, match="size mismatch"):
        start(generator=wider).load_state_dict(state)
