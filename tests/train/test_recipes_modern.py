"""The modern recipes: networks that fit their images and each other, and what they may cost."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from studio.generators import build
from train import discriminators
from train.recipes import RECIPES, Recipe, for_classes
from train.recipes.modern import MODERN

NAMES = [recipe.name for recipe in MODERN]
# Multiply-adds of one picture in millions, by its size: it is drawn in browsers too.
BUDGET = {28: 60, 128: 250, 256: 500}


def networks(recipe: Recipe) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return build(recipe.generator), discriminators.build(recipe.discriminator)


@pytest.mark.parametrize("classes", [0, 9])
@pytest.mark.parametrize("name", NAMES)
def test_networks_fit_each_other_with_and_without_classes(name: str, classes: int) -> None:
    generator, discriminator = networks(for_classes(RECIPES[name], classes))
    labels = torch.tensor([0, classes - 1]) if classes else None
    told = {"labels": labels} if classes else {}
    images = generator(torch.randn(2, generator.latent_dim), labels)
    side, channels = (28, 1) if "mnist" in name else (128, 3)
    assert images.shape == (2, channels, side, side)
    logits = discriminator(images, **told)
    assert logits.shape == (2,)
    logits.sum().backward()
    for network in (generator, discriminator):
        assert all(each.grad is not None for each in network.parameters())
        assert all(bool(each.grad.isfinite().all()) for each in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_costs_no_more_than_a_browser_can_draw(name: str) -> None:
    generator, _ = networks(RECIPES[name])
    with FlopCounterMode(display=False) as counter:
        generator.eval()(torch.randn(1, generator.latent_dim))
    assert counter.get_total_flops() / 2 <= BUDGET[generator.image_size] * 1e6


@pytest.mark.parametrize("name", NAMES)
def test_weights_stay_below_10_megabytes_in_half_precision(name: str) -> None:
    for network in networks(RECIPES[name]):
        assert sum(each.numel() for each in network.parameters()) * 2 < 10e6


def test_mirrors_are_only_shown_where_things_have_no_side() -> None:
    # Fashion-MNIST's shoes all point to the left.
    assert {recipe.name for recipe in MODERN if recipe.flip} == {"handbags", "deepfashion"}


def test_a_recipe_without_conditions_is_not_told_of_classes() -> None:
    recipe = RECIPES["handbags-dcgan"]
    assert for_classes(recipe, 5) is recipe
