"""The averaged generator: its half-life, its statistics, and the samples it draws."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from trainings import run

from train.engine.training import Training


@pytest.mark.parametrize(
    ("kimg", "rampup", "half_life"), [(0.016, 100.0, 16), (10.0, 3.0, 24), (0.004, 0.5, 4)]
)
def test_the_average_has_the_half_life_that_the_recipe_says(
    start: Callable[..., Training], kimg: float, rampup: float, half_life: float
) -> None:
    training = start(ema_kimg=kimg, ema_rampup=rampup)
    before = [p.clone() for p in training.average.network.parameters()]
    training.step()
    kept = 0.5 ** (8 / half_life)  # 8 images were shown
    for old, now, average in zip(
        before, training.generator.parameters(), training.average.network.parameters(), strict=True
    ):
        torch.testing.assert_close(average, kept * old + (1 - kept) * now.detach())
        assert not torch.equal(old, now)


def test_at_the_start_the_average_follows_closely_and_later_lags(
    start: Callable[..., Training],
) -> None:
    training = run(start(), 1)
    gap = [(a - b).abs().max().item() for a, b in pairs(training)]
    assert max(gap) < 1e-6  # a half-life of 0.4 images
    training = run(start(ema_rampup=50.0), 20)
    assert max((a - b).abs().max().item() for a, b in pairs(training)) > 1e-4


def pairs(training: Training) -> list[tuple[Tensor, Tensor]]:
    generators = training.average.network, training.generator
    return list(zip(*(network.parameters() for network in generators), strict=True))


def test_the_averaged_generator_has_the_averages_weights_and_its_own_statistics(
    start: Callable[..., Training],
) -> None:
    training = run(start(), 5)
    found = training.average.generator()
    assert not found.training
    averages = training.average.network.parameters()
    for mine, average in zip(found.parameters(), averages, strict=True):
        assert torch.equal(mine, average)
    # In evaluation it draws nearly what the same weights draw with a large batch's statistics.
    latents = torch.randn(2048, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        still, moving = found(latents), training.average.network(latents)
        torch.testing.assert_close(still.mean(0), moving.mean(0), atol=0.02, rtol=0)
        torch.testing.assert_close(still.std(0), moving.std(0), atol=0.03, rtol=0)
    assert torch.equal(training.average.generator()(latents), still)


def test_samples_are_pictures_of_the_same_latents(start: Callable[..., Training]) -> None:
    training = start()
    before = training.average.samples()
    assert before.shape == (6, 3, 16, 16) and before.dtype == torch.uint8
    latents = training.average.fixed_latents.clone()
    run(training, 5)
    assert torch.equal(training.average.fixed_latents, latents)
    assert not torch.equal(training.average.samples(), before)
    with torch.no_grad():
        expected = training.average.generator()(latents)
    torch.testing.assert_close(training.average.samples() / 127.5 - 1, expected, atol=0.005, rtol=0)
