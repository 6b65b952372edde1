"""A critic on the maps of a frozen network: what its losses count, and whom they teach."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from train.teachers.map_critic import MapCritic, blame, critic_loss


@pytest.fixture
def critic() -> MapCritic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MapCritic((3, 5))


def maps(seed: int) -> list[Tensor]:
    """Two maps of four pictures."""
    random = torch.Generator().manual_seed(seed)
    sizes = (4, 3, 4, 4), (4, 5, 2, 2)
    return [torch.randn(size, generator=random).requires_grad_(True) for size in sizes]


def test_maps_count_by_their_weights(critic: MapCritic) -> None:
    first, second = (-each.mean() for each in critic.eval()(maps(0)))
    torch.testing.assert_close(blame(critic, maps(0)), first + second)
    torch.testing.assert_close(blame(critic, maps(0), (0.25, 2.0)), 0.25 * first + 2 * second)
    whole, half = (critic_loss(critic, maps(0), maps(1), each) for each in ((), (0.5, 0.5)))
    torch.testing.assert_close(half, whole / 2)


def test_blame_teaches_pictures_and_the_loss_the_critic(critic: MapCritic) -> None:
    drawn = maps(1)
    blame(critic, drawn).backward()
    assert all(each.grad is not None for each in drawn)
    assert all(each.grad is None for each in critic.parameters())
    real, drawn = [each.detach() for each in maps(0)], maps(1)
    critic_loss(critic, real, drawn).backward()
    assert all(each.grad is None for each in drawn)
    assert all(each.grad is not None for each in critic.parameters())
