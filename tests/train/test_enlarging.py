"""A trained generator gets a level of twice the pixels, and nothing else about it changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.generators import Generator, build
from studio.generators.style import StyleGenerator
from train.beginning.enlarging import enlarged, learn_last_level

CONFIG = {"latent_dim": 6, "style_dim": 8, "widths": [12, 12], "output": "tanh"}
KINDS = ["style", "self-modulated"]


class Tinted(nn.Module):
    """What the new level is to draw: the picture enlarged, in another light."""

    def forward(self, pictures: Tensor) -> Tensor:
        light = torch.tensor([0.3, -0.2, 0.1]).view(3, 1, 1)
        return F.interpolate(pictures, scale_factor=2, mode="bilinear") + light


@pytest.fixture(params=KINDS)
def small(request: pytest.FixtureRequest, make_generator: Callable[..., Generator]):
    return make_generator({**CONFIG, "kind": request.param, "classes": 3}, 1)


def styles_of(generator: StyleGenerator) -> Tensor:
    latents = torch.randn(24, 6, generator=torch.Generator().manual_seed(7))
    return generator.map(latents, torch.arange(24) % 3)


def away(generator: StyleGenerator) -> float:
    """How far its pictures are from what it is taught."""
    with torch.no_grad():
        pictures = generator.previews(styles_of(generator))
        return F.l1_loss(pictures[-1], Tinted()(pictures[-2]).clamp(-1, 1)).item()


def test_at_first_it_draws_the_same_with_four_times_the_pixels(small: StyleGenerator) -> None:
    large = enlarged(small, 9)
    assert large.config == {**small.config, "widths": [12, 12, 9]} and not large.training
    styles = styles_of(small)
    assert torch.equal(styles_of(large), styles)
    *_, before, after = large.previews(styles)
    assert torch.equal(before, small.draw(styles))
    inside = F.interpolate(before.atanh(), scale_factor=2, mode="bilinear").tanh()
    torch.testing.assert_close(after, inside, atol=1e-4, rtol=0)


def test_the_new_level_learns_and_nothing_else_changes(small: StyleGenerator) -> None:
    large = enlarged(small, 12)
    before, shown = away(large), []
    learn_last_level(large, Tinted(), 1600, on_pictures=shown.append)
    assert sum(shown) == 1600 and away(large) < 0.4 * before
    found = large.state_dict()
    assert all(torch.equal(found[name], each) for name, each in small.state_dict().items())
    assert not large.training and not any(each.requires_grad for each in large.parameters())
    # A picture depends on its own style only.
    styles = styles_of(large)
    torch.testing.assert_close(large.draw(styles)[:1], large.draw(styles[:1]))


def test_it_is_the_same_each_time_and_touches_no_other_random_numbers(
    make_generator: Callable[..., Generator],
) -> None:
    small = make_generator({**CONFIG, "kind": "self-modulated"}, 1)
    state = torch.get_rng_state()

    def drawn(seed: int) -> Tensor:
        large = enlarged(small, 8, seed)
        learn_last_level(large, Tinted(), 32, seed=seed)
        return large.draw(large.map(torch.zeros(1, 6)))

    first, again, other = drawn(3), drawn(3), drawn(4)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "dcgan", "latent_dim": 4, "widths": [8, 8]}, "no levels"),
        ({**CONFIG, "kind": "style", "words": 5}, "by words"),
        ({**CONFIG, "kind": "style", "output": "sigmoid"}, "sigmoid"),
        ({**CONFIG, "kind": "style", "widths": [2] * 8}, "512 pixels"),
    ],
)
def test_what_can_not_be_enlarged_is_told(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        enlarged(build(changes), 8)
