"""Networks that grow: what a larger one takes over from a smaller, trained one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from studio import generators
from train.beginning.transfer import take_over
from train.discriminators import build
from train.recipes import RECIPES, at_size

MODULATED = {"kind": "self-modulated", "latent_dim": 5, "style_dim": 6, "output": "linear"}
JUDGE = {"kind": "dcgan", "widths": [8, 16, 24], "words": 4}


def small_and_large(name: str) -> tuple[nn.Module, nn.Module]:
    """The discriminators of a recipe at 64 px and at 128."""
    recipe = RECIPES[name]
    return build(at_size(recipe, 64).discriminator), build(recipe.discriminator)


def equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def settled(config: dict[str, Any]) -> generators.Generator:
    """A generator whose batch norms have seen some pictures, and are no longer new."""
    network = generators.build(config)
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(32, network.latent_dim))
    return network.eval()


# --- discriminators ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["words", "handbags"])
def test_a_grown_discriminator_is_new_only_in_its_first_layers(name: str) -> None:
    small, large = small_and_large(name)
    new = take_over(large, small.state_dict())
    # The first convolution, and the second, which was the first and has a norm now.
    assert {each.split(".")[1] for each in new} == {"0", "2", "3"}
    for mine, taken in zip(large.layers[4:], small.layers[1:], strict=True):
        assert equal(mine, taken)


def test_what_it_took_over_sees_the_same() -> None:
    small, large = build({**JUDGE, "widths": [16, 24]}).eval(), build(JUDGE).eval()
    take_over(large, small.state_dict())
    maps = torch.randn(3, 16, 8, 8)
    torch.testing.assert_close(large.layers[5:](maps), small.layers[2:](maps), rtol=0, atol=0)


def test_a_discriminator_of_the_same_size_takes_over_all() -> None:
    first, second = build(JUDGE), build(JUDGE)
    assert take_over(second, first.state_dict()) == []
    assert equal(first, second)


def test_a_discriminator_gets_smaller_from_its_front_too() -> None:
    large, small = build(JUDGE), build({**JUDGE, "widths": [16, 24]})
    new = take_over(small, large.state_dict())
    assert new == ["layers.0.weight"]
    assert torch.equal(small.layers[2].weight, large.layers[5].weight)


def test_other_words_start_anew_and_the_rest_is_taken() -> None:
    old, fresh = build(JUDGE), build({**JUDGE, "words": 9})
    new = take_over(fresh, old.state_dict())
    assert {each.split(".")[1] for each in new} == {"8"}
    assert torch.equal(fresh.layers[0].weight, old.layers[0].weight)


def test_of_nothing_nothing_is_taken() -> None:
    network = build(JUDGE)
    assert take_over(network, {}) == list(network.state_dict())


# --- generators --------------------------------------------------------------------------------


def test_a_grown_self_modulated_generator_starts_with_the_smaller_ones_picture() -> None:
    small = settled({**MODULATED, "widths": [8, 8]})
    large = generators.build({**MODULATED, "widths": [8, 8, 4]}).eval()
    new = take_over(large, small.state_dict())
    assert new and all(name.startswith("levels.2.") for name in new)
    z = torch.randn(3, 5)
    with torch.inference_mode():
        expected = nn.functional.interpolate(small(z), scale_factor=2, mode="bilinear")
        torch.testing.assert_close(large(z), expected)


def test_a_smaller_self_modulated_generator_draws_the_larger_ones_first_levels() -> None:
    large = settled({**MODULATED, "widths": [8, 8, 4]})
    small = generators.build({**MODULATED, "widths": [8, 8]}).eval()
    assert take_over(small, large.state_dict()) == []
    z = torch.randn(3, 5)
    with torch.inference_mode():
        torch.testing.assert_close(small(z), large.previews(large.map(z))[1])


def test_a_recipe_of_words_grows_from_64_pixels_to_its_own_size() -> None:
    recipe = RECIPES["words"]
    small = generators.build(at_size(recipe, 64).generator).eval()
    large = generators.build(recipe.generator).eval()
    new = take_over(large, small.state_dict())
    assert new and all(name.startswith("levels.5.") for name in new)
    z, text = torch.randn(2, large.latent_dim), torch.rand(2, large.words)
    with torch.inference_mode():
        torch.testing.assert_close(large.map(z, text), small.map(z, text))
