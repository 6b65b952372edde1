"""Hinge and relativistic losses by their definitions, gradient penalties where they are known."""

from __future__ import annotations

import pytest
import torch

from train.teachers.losses import (
    LOSSES,
    discriminator_hinge,
    discriminator_relativistic,
    generator_hinge,
    generator_relativistic,
    gradient_penalty,
)

REAL, FAKE = torch.tensor([2.0, 0.5, -3.0]), torch.tensor([-2.0, 0.0, 1.0])


def test_hinge() -> None:
    assert discriminator_hinge(REAL, FAKE).item() == pytest.approx(
        (0 + 0.5 + 4) / 3 + (0 + 1 + 2) / 3
    )
    assert generator_hinge(FAKE).item() == pytest.approx(1 / 3)


def test_relativistic_compares_rows() -> None:
    expected = torch.log1p(torch.exp(FAKE - REAL)).mean()
    torch.testing.assert_close(discriminator_relativistic(REAL, FAKE), expected)
    torch.testing.assert_close(generator_relativistic(REAL, FAKE), expected)
    assert discriminator_relativistic(REAL + 9, FAKE + 9).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_pulls_the_two_apart_and_the_generator_back(name: str) -> None:
    loss = LOSSES[name]
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all() and (fake.grad > 0).all()
    fake.grad = None
    loss.generator(fake, *([real.detach()] if loss.paired else [])).backward()
    assert (fake.grad < 0).all()


def test_the_penalty_of_a_linear_discriminator_is_half_its_squared_weights() -> None:
    weights = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    images = torch.randn(5, 1, 2, 2, requires_grad=True)
    logits = (images[:, 0] * weights).sum((1, 2))
    assert gradient_penalty(images, logits).item() == pytest.approx(14.25 / 2)


def test_the_penalty_can_be_learnt_from() -> None:
    """On D(x) = a x² the penalty is (2 a x)² / 2, whose derivative by a is 4 a x²."""
    a = torch.tensor(3.0, requires_grad=True)
    images = torch.tensor([[1.0], [-2.0]], requires_grad=True)
    penalty = gradient_penalty(images, (a * images.square()).flatten())
    assert penalty.item() == pytest.approx(0.5 * ((6 * 1) ** 2 + (6 * 2) ** 2) / 2)
    penalty.backward()
    assert a.grad.item() == pytest.approx(4 * 3 * (1 + 4) / 2)


def test_the_penalty_agrees_with_finite_differences() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    network = network.double()
    images = torch.randn(1, 3, dtype=torch.double, requires_grad=True)
    found = gradient_penalty(images, network(images).flatten())
    step = 1e-5 * torch.eye(3, dtype=torch.double)
    slopes = [(network(images + d) - network(images - d)).item() / 2e-5 for d in step]
    assert found.item() == pytest.approx(sum(s**2 for s in slopes) / 2, rel=1e-4)
