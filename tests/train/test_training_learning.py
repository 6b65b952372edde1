"""The loop learns, and its numbers are the losses and scores that they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from trainings import CPU, real_batches, run, taken

from train.devices.hardware import Hardware
from train.engine.training import Training
from train.recipes import Recipe
from train.teachers.game import Game
from train.teachers.losses import discriminator_bce, generator_bce


def test_one_step_moves_both_networks_the_right_way(start: Callable[..., Training]) -> None:
    training, before = start(), start()
    seen = real_batches(training)
    random = torch.Generator().manual_seed(5)
    latents = torch.randn(8, 8, generator=random)
    training.step()
    with torch.no_grad():
        drawn, drawn_after = before.generator(latents), training.generator(latents)
        losses = [
            discriminator_bce(network(seen[0]), network(drawn)).item()
            for network in (before.discriminator, training.discriminator)
        ]
        fooled = [
            generator_bce(training.discriminator(images)).item() for images in (drawn, drawn_after)
        ]
    assert losses[1] < losses[0]
    assert fooled[1] < fooled[0]


def test_the_numbers_of_the_first_step_are_its_losses_and_scores(
    start: Callable[..., Training],
) -> None:
    training, before = start(), start()
    seen = real_batches(training)
    latents = torch.randn(8, 8, generator=torch.Generator().manual_seed(5))
    training.step()
    numbers = taken(training)
    assert (
        list(numbers)
        == list(Game.NUMBERS)
        == ["loss_g", "loss_d", "real_score", "fake_score", "real_sign"]
    )
    with torch.no_grad():
        real = before.discriminator(seen[0])
        fake = before.discriminator(before.generator(latents))
    assert numbers["loss_d"] == pytest.approx(discriminator_bce(real, fake).item(), rel=1e-5)
    assert numbers["real_score"] == pytest.approx(real.sigmoid().mean().item(), rel=1e-5)
    assert numbers["fake_score"] == pytest.approx(fake.sigmoid().mean().item(), rel=1e-5)


@pytest.mark.parametrize("seed", [5, 6])
def test_training_brings_the_samples_to_the_images(
    start: Callable[..., Training], squares: Tensor, seed: int
) -> None:
    training = start(seed, learning_rate=3e-3)
    wanted = squares.float().mean((0, 2, 3))

    def distance() -> float:
        return (training.average.samples().float().mean((0, 2, 3)) - wanted).abs().mean().item()

    before = distance()
    run(training, 15)
    early = taken(training)
    run(training, 75)
    assert distance() < 0.6 * before
    # First the discriminator wins; then the generator makes it doubt.
    assert early["real_score"] > early["fake_score"] + 0.1
    taken(training)
    run(training, 10)
    late = taken(training)
    assert late["real_score"] - late["fake_score"] < early["real_score"] - early["fake_score"]
    assert late["loss_d"] > early["loss_d"]


def test_numbers_are_finite_means_and_scores_are_probabilities(
    start: Callable[..., Training],
) -> None:
    one_by_one, together = start(), run(start(), 5)
    each = [taken(run(one_by_one, 1)) for _ in range(5)]
    for numbers in each:
        assert all(math.isfinite(value) for value in numbers.values())
        assert 0 < numbers["real_score"] < 1 and 0 < numbers["fake_score"] < 1
        assert numbers["loss_g"] > 0 and numbers["loss_d"] > 0
    for name, value in taken(together).items():
        mean = sum(numbers[name] for numbers in each) / 5
        assert value == pytest.approx(mean, rel=1e-5)
    assert taken(together) == dict.fromkeys(Game.NUMBERS, 0.0)


def test_bfloat16_trains_too_with_weights_in_float32(start: Callable[..., Training]) -> None:
    training = run(start(hardware=Hardware(torch.device("cpu"), bf16=True)), 3)
    assert all(p.dtype == torch.float32 for p in training.generator.parameters())
    assert all(p.isfinite().all() for p in training.generator.parameters())
    assert training.average.samples().shape == (6, 3, 16, 16)
    exact = run(start(), 3)
    mine, theirs = taken(training), taken(exact)
    assert mine != theirs
    assert mine == pytest.approx(theirs, rel=0.05)


def test_dense_networks_train_too(tiny_recipe: Recipe) -> None:
    generator = {"kind": "mlp", "latent_dim": 6, "widths": [16]}
    recipe = replace(
        tiny_recipe, generator=generator, discriminator={"kind": "mlp", "widths": [16]}
    )
    images = torch.full((8, 1, 28, 28), 200, dtype=torch.uint8)
    training = run(Training(recipe, images, CPU, 1), 3)
    assert training.average.samples().shape == (6, 1, 28, 28)
    assert all(math.isfinite(value) for value in taken(training).values())
