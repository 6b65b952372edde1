"""A generator that comes nearer to photos without a discriminator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from trainings import CPU

from studio.generators import Generator
from train.matching import BATCH, matched

PLAIN = {"kind": "dcgan", "latent_dim": 4, "widths": [8, 8]}
STYLED = {"latent_dim": 4, "style_dim": 6, "widths": [8, 8], "output": "tanh", "classes": 2}
LABELS = torch.tensor([0, 1, 1, 1])
CONFIGS = [PLAIN, {**STYLED, "kind": "style"}, {**STYLED, "kind": "self-modulated"}]


def to_own_light(pictures: Tensor, labels: Tensor | None) -> Tensor:
    """How far pictures are from the brightness that is asked of each; stands for the distance."""
    wanted = 0.3 if labels is None else torch.where(labels == 1, 0.6, -0.6)
    return (pictures.mean((1, 2, 3)) - wanted).square().mean()


def labels_of(config: dict) -> Tensor | None:
    return LABELS if config.get("classes") else None


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["kind"])
def test_pictures_come_nearer(make_generator: Callable[..., Generator], config: dict) -> None:
    before = make_generator(config, 1)
    kept = {name: each.clone() for name, each in before.state_dict().items()}
    told, shown, far = labels_of(config), [], []

    def note(count: int, distance: float) -> None:
        shown.append(count)
        far.append(distance)

    after = matched(
        before, to_own_light, 250 * BATCH, condition=told, hardware=CPU, on_pictures=note
    )
    assert sum(shown) == 250 * BATCH
    assert all(torch.equal(each, kept[name]) for name, each in before.state_dict().items())
    assert not after.training and not any(each.requires_grad for each in after.parameters())
    latents = torch.randn(64, 4, generator=torch.Generator().manual_seed(9))
    wanted = None if told is None else told.repeat(16)
    drawn = [each(latents, wanted) for each in (before, after)]
    assert to_own_light(drawn[1], wanted) < 0.5 * to_own_light(drawn[0], wanted)
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
            before, to_own_light, pictures, condition=LABELS, seed=seed, hardware=CPU, **rest
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
    with pytest.raises(ArithmeticError, match="finite"):
        matched(
            make_generator(PLAIN, 1),
            lambda pictures, labels: pictures.sum() / 0.0,
            BATCH,
            hardware=CPU,
        )
