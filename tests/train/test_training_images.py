"""The loop shows all images, in orders that the seed decides and the generator's range."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from trainings import CPU, real_batches, run, taken

from train.engine.training import Training
from train.recipes import Recipe


def numbered(count: int) -> Tensor:
    """Images that are told apart by their brightness."""
    return (torch.arange(count) * 7).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)


def shown(batches: list[Tensor]) -> list[list[int]]:
    return [((batch[:, 0, 0, 0] + 1) * 127.5 / 7).round().int().tolist() for batch in batches]


def joined(lists: list[list[int]]) -> list[int]:
    return list(itertools.chain(*lists))


def test_an_epoch_shows_every_image_once_in_a_new_order(tiny_recipe: Recipe) -> None:
    training = Training(tiny_recipe, numbered(24), CPU, 5)
    seen = real_batches(training)
    run(training, 9)
    epochs = [joined(shown(seen[start : start + 3])) for start in (0, 3, 6)]
    for order in epochs:
        assert sorted(order) == list(range(24))
        assert order != sorted(order)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert (training.steps_per_epoch, training.epoch, training.images_shown) == (3, 3, 72)


def test_the_order_depends_on_the_seed(tiny_recipe: Recipe) -> None:
    orders = []
    for seed in (5, 6):
        training = Training(tiny_recipe, numbered(24), CPU, seed)
        seen = real_batches(training)
        run(training, 3)
        orders.append(shown(seen))
    assert orders[0] != orders[1]


def test_images_left_over_at_an_epochs_end_get_their_turn_later(tiny_recipe: Recipe) -> None:
    training = Training(tiny_recipe, numbered(21), CPU, 5)
    seen = real_batches(training)
    run(training, 12)
    assert training.steps_per_epoch == 2
    epochs = [joined(shown(seen[start : start + 2])) for start in range(0, 12, 2)]
    assert all(len(set(order)) == 16 for order in epochs)
    assert set(joined(epochs)) == set(range(21))


@pytest.mark.parametrize("count", [2, 5, 8])
def test_a_batch_larger_than_the_images_is_all_of_them(tiny_recipe: Recipe, count: int) -> None:
    training = Training(tiny_recipe, numbered(count), CPU, 5)
    seen = real_batches(training)
    run(training, 2)
    assert (training.batch, training.steps_per_epoch, training.epoch) == (count, 1, 2)
    assert [sorted(each) for each in shown(seen)] == [list(range(count))] * 2
    assert training.images_shown == 2 * count
    assert all(math.isfinite(value) for value in taken(training).values())


@pytest.mark.parametrize(("output", "low", "high"), [("tanh", -1.0, 1.0), ("sigmoid", 0.0, 1.0)])
def test_real_images_come_in_the_generators_range(
    tiny_recipe: Recipe, output: str, low: float, high: float
) -> None:
    black_and_white = torch.zeros(8, 3, 16, 16, dtype=torch.uint8)
    black_and_white[::2] = 255
    recipe = replace(tiny_recipe, generator={**tiny_recipe.generator, "output": output})
    training = Training(recipe, black_and_white, CPU, 5)
    seen = real_batches(training)
    training.step()
    assert (seen[0].min().item(), seen[0].max().item()) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 16, 16), (3, 16, 8)], ids=str)
def test_images_that_do_not_fit_are_refused(tiny_recipe: Recipe, shape: tuple) -> None:
    with pytest.raises(ValueError, match=r"trains on \(3, 16, 16\) images"):
        Training(tiny_recipe, torch.zeros(8, *shape, dtype=torch.uint8), CPU, 1)
