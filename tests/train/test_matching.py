"""A generator that comes nearer to photos."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from trainings import CPU

from studio.generators import Generator
from train.teachers.feature_distance import Look
from train.teachers.matching import BATCH, matched

PLAIN = {"kind": "dcgan", "latent_dim": 4, "widths": [8, 8]}
STYLED = {"latent_dim": 4, "style_dim": 6, "widths": [8, 8], "output": "tanh", "classes": 2}
LABELS = torch.tensor([0, 1, 1, 1])
CONFIGS = [PLAIN, {**STYLED, "kind": "style"}, {**STYLED, "kind": "self-modulated"}]


class ToOwnLight:
    """How far pictures are from the brightness that is asked of each; stands for the distance."""

    def look(self, pictures: Tensor) -> Look:
        return Look(pictures, [])

    def __call__(self, seen: Look, labels: Tensor | None) -> Tensor:
        wanted = 0.3 if labels is None else torch.where(labels == 1, 0.6, -0.6)
        return (seen.pictures.mean((1, 2, 3)) - wanted).square().mean()


class ForLightOnTheLeft:
    """Stands for the critic: blames pictures that are not lighter there, so ``loudly``."""

    def __init__(self, loudly: float = 1.0) -> None:
        self.loudly, self.learnt = loudly, 0

    def blame(self, seen: Look, told: Tensor | None) -> Tensor:
        return self.loudly * lopsidedness(seen.pictures)

    def learn(self, seen: Look, told: Tensor | None) -> None:
        self.learnt += 1


def lopsidedness(pictures: Tensor) -> Tensor:
    """How far the left half is from being lighter than the right one by 0.4."""
    left, right = (half.mean((1, 2, 3)) for half in pictures.chunk(2, dim=3))
    return (left - right - 0.4).square().mean()


def lightness(pictures: Tensor, labels: Tensor | None) -> float:
    found = ToOwnLight()
    return found(found.look(pictures), labels).item()


def labels_of(config: dict) -> Tensor | None:
    return LABELS if config.get("classes") else None


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["kind"])
def test_pictures_come_nearer(make_generator: Callable[..., Generator], config: dict) -> None:
    before = make_generator(config, 1)
    kept = {name: each.clone() for name, each in before.state_dict().items()}
    told, critic, shown, far = labels_of(config), ForLightOnTheLeft(), [], []

    def note(count: int, distance: float) -> None:
        shown.append(count)
        far.append(distance)

    after = matched(
        before,
        ToOwnLight(),
        critic,
        250 * BATCH,
        condition=told,
        hardware=CPU,
        on_pictures=note,
    )
    assert sum(shown) == 250 * BATCH and critic.learnt == 250
    assert all(torch.equal(each, kept[name]) for name, each in before.state_dict().items())
    assert not after.training and not any(each.requires_grad for each in after.parameters())
    latents = torch.randn(64, 4, generator=torch.Generator().manual_seed(9))
    wanted = None if told is None else told.repeat(16)
    drawn = [each(latents, wanted) for each in (before, after)]
    assert lightness(drawn[1], wanted) < 0.5 * lightness(drawn[0], wanted)
    assert lopsidedness(drawn[1]) < 0.5 * lopsidedness(drawn[0])
    assert sum(far[-10:]) < 0.6 * sum(far[:10])
    # A picture depends on its own latent only.
    own = None if wanted is None else wanted[:1]
    torch.testing.assert_close(after(latents[:1], own), drawn[1][:1])


def test_it_is_the_same_each_time_and_can_be_stopped(
    make_generator: Callable[..., Generator],
) -> None:
    before = make_generator(CONFIGS[2], 1)
    state, shown = torch.get_rng_state(), []

    def weights(seed: int, pictures: int = 4 * BATCH, **rest: Callable) -> list[Tensor]:
        after = matched(
            before,
            ToOwnLight(),
            ForLightOnTheLeft(),
            pictures,
            condition=LABELS,
            seed=seed,
            hardware=CPU,
            **rest,
        )
        return list(after.state_dict().values())

    first, again, other = weights(3), weights(3), weights(4)
    assert all(map(torch.equal, first, again)) and not all(map(torch.equal, first, other))
    assert torch.equal(torch.get_rng_state(), state)
    stopped = weights(
        3,
        pictures=10**9,
        on_pictures=lambda count, far: shown.append(count),
        stopping=lambda: len(shown) == 2,
    )
    assert len(shown) == 2 and all(each.isfinite().all() for each in stopped)


def test_numbers_beyond_all_bounds_are_told(make_generator: Callable[..., Generator]) -> None:
    class Endless(ToOwnLight):
        def __call__(self, seen: Look, labels: Tensor | None) -> Tensor:
            return seen.pictures.sum() / 0.0

    with pytest.raises(ArithmeticError, match="finite"):
        matched(make_generator(PLAIN, 1), Endless(), ForLightOnTheLeft(), BATCH, hardware=CPU)


def test_how_loud_the_critic_is_does_not_matter(make_generator: Callable[..., Generator]) -> None:
    before = make_generator(PLAIN, 1)
    soft, loud = (
        matched(before, ToOwnLight(), ForLightOnTheLeft(loudly), 8 * BATCH, hardware=CPU)
        for loudly in (0.1, 10.0)
    )
    for name, weight in soft.state_dict().items():
        torch.testing.assert_close(weight, loud.state_dict()[name], rtol=1e-3, atol=1e-4)
