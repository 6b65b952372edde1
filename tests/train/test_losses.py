"""Losses against torch's own binary cross-entropy on logits."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from train.teachers.losses import discriminator_bce, generator_bce

LOGITS = torch.linspace(-6, 7, 9)


def with_logits(logits: torch.Tensor, target: float) -> torch.Tensor:
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def test_the_discriminators_loss_is_the_sum_of_both_cross_entropies() -> None:
    real, fake = 1.5 * torch.randn(7), 1.5 * torch.randn(5)
    found = discriminator_bce(real, fake)
    assert found.shape == ()
    torch.testing.assert_close(found, with_logits(real, 1.0) + with_logits(fake, 0.0))


def test_the_generators_loss_calls_what_is_drawn_real() -> None:
    found = generator_bce(LOGITS)
    assert found.shape == ()
    torch.testing.assert_close(found, with_logits(LOGITS, 1.0))
    probabilities = LOGITS.sigmoid()
    torch.testing.assert_close(
        found, binary_cross_entropy(probabilities, torch.ones_like(probabilities))
    )


def test_gradients_are_those_of_cross_entropy() -> None:
    ours, torchs = LOGITS.clone().requires_grad_(), LOGITS.clone().requires_grad_()
    (discriminator_bce(ours, ours.flip(0)) + generator_bce(ours)).backward()
    (with_logits(torchs, 1.0) + with_logits(torchs, 0.0) + with_logits(torchs, 1.0)).backward()
    torch.testing.assert_close(ours.grad, torchs.grad)
    assert ours.grad.abs().min() > 0


def test_where_the_discriminator_does_not_know_the_losses_are_logarithms_of_two() -> None:
    zeros = torch.zeros(4)
    assert discriminator_bce(zeros, zeros).item() == pytest.approx(2 * 0.693147, abs=1e-5)
    assert generator_bce(zeros).item() == pytest.approx(0.693147, abs=1e-5)


def test_the_right_answer_costs_nothing_and_a_wrong_one_stays_finite() -> None:
    sure = torch.full((3,), 1e4)
    assert discriminator_bce(sure, -sure).item() == 0
    assert discriminator_bce(-sure, sure).item() == pytest.approx(2e4)
    assert generator_bce(sure).item() == 0
    logits = (-sure).requires_grad_()
    loss = generator_bce(logits)
    loss.backward()
    assert loss.item() == pytest.approx(1e4)
    assert logits.grad.tolist() == pytest.approx([-1 / 3] * 3)  # it does not saturate


def test_losses_are_means_over_the_batch() -> None:
    once, twice = LOGITS, LOGITS.repeat(2)
    torch.testing.assert_close(generator_bce(once), generator_bce(twice))
    torch.testing.assert_close(discriminator_bce(once, once), discriminator_bce(once, twice))
