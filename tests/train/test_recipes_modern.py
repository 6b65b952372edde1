"""The modern recipes: networks that fit their images and each other, and what they may cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from studio.generators import Generator, build
from train import discriminators
from train.recipes import RECIPES, Recipe, at_size, for_classes, for_words, with_vocabulary
from train.recipes.modern import MODERN

NAMES = [recipe.name for recipe in MODERN]
# Multiply-adds of one picture in millions, by its size: it is drawn in browsers too.
BUDGET = {28: 60, 128: 250, 256: 500}


def condition_of(generator: Generator, count: int = 2) -> Tensor | None:
    """Texts or classes for some pictures, if the generator draws by either."""
    if generator.words:
        return functional.normalize(torch.rand(count, generator.words))
    return torch.arange(count) % generator.classes if generator.classes else None


def networks(recipe: Recipe) -> tuple[Generator, nn.Module]:
    torch.manual_seed(0)
    return build(recipe.generator), discriminators.build(recipe.discriminator)


@pytest.mark.parametrize("classes", [0, 9])
@pytest.mark.parametrize("name", NAMES)
def test_networks_fit_each_other_with_and_without_classes(name: str, classes: int) -> None:
    generator, discriminator = networks(for_classes(RECIPES[name], classes))
    condition = condition_of(generator)
    assert (condition is not None) == (classes > 0 or RECIPES[name].worded)
    told = {} if condition is None else {"condition": condition}
    images = generator(torch.randn(2, generator.latent_dim), condition)
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
        generator.eval()(torch.randn(1, generator.latent_dim), condition_of(generator, 1))
    assert counter.get_total_flops() / 2 <= BUDGET[generator.image_size] * 1e6


@pytest.mark.parametrize("name", NAMES)
def test_weights_stay_below_10_megabytes_in_half_precision(name: str) -> None:
    for network in networks(RECIPES[name]):
        assert sum(each.numel() for each in network.parameters()) * 2 < 10e6


def test_mirrors_are_only_shown_where_things_have_no_side() -> None:
    # Fashion-MNIST's shoes all point to the left.
    flipped = {recipe.name for recipe in MODERN if recipe.flip}
    assert flipped == {"handbags", "handbags-wide", "deepfashion", "deepfashion-wide"}


def test_a_recipe_without_conditions_is_not_told_of_classes() -> None:
    for name in ("handbags-dcgan", "words"):
        assert for_classes(RECIPES[name], 5) is RECIPES[name]


def test_a_recipe_of_words_has_as_many_as_the_captions() -> None:
    recipe = for_words(RECIPES["words"], 7)
    generator, discriminator = networks(recipe)
    condition = condition_of(generator)
    assert condition.shape == (2, 7)
    images = generator(torch.randn(2, generator.latent_dim), condition)
    assert discriminator(images, condition).shape == (2,)
    assert for_words(RECIPES["handbags"], 7) is RECIPES["handbags"]


def test_a_vocabulary_of_attributes_has_more_terms() -> None:
    recipe = with_vocabulary(RECIPES["words"], "attributes")
    assert recipe.vocabulary == "attributes"
    assert recipe.generator["words"] == recipe.discriminator["words"] == 1_000
    assert with_vocabulary(recipe, "words") == RECIPES["words"]
    with pytest.raises(ValueError, match="draws by no words"):
        with_vocabulary(RECIPES["handbags"], "attributes")
    with pytest.raises(ValueError, match="one of: words, attributes"):
        with_vocabulary(RECIPES["words"], "letters")


def test_the_recipes_before_have_256_words() -> None:
    for name in ("text-dcgan", "words", "words-wide"):
        assert RECIPES[name].vocabulary == "words"
        assert RECIPES[name].generator["words"] == 256


# --- a smaller size first ----------------------------------------------------------------------

GROWN = [(name, size) for name in ("handbags", "deepfashion", "words") for size in (8, 64, 128)]


@pytest.mark.parametrize(("name", "size"), [*GROWN, ("fashion-mnist", 14)])
def test_networks_of_a_smaller_size_fit_each_other(name: str, size: int) -> None:
    recipe = at_size(RECIPES[name], size)
    generator, discriminator = networks(recipe)
    condition = condition_of(generator)
    told = {} if condition is None else {"condition": condition}
    images = generator(torch.randn(2, generator.latent_dim), condition)
    assert images.shape[2:] == (size, size)
    assert discriminator(images, **told).shape == (2,)


@pytest.mark.parametrize("name", RECIPES)
def test_its_own_size_changes_nothing(name: str) -> None:
    recipe = RECIPES[name]
    assert at_size(recipe, build(recipe.generator).image_size) == recipe


def test_a_smaller_size_changes_only_the_networks() -> None:
    recipe = RECIPES["words"]
    smaller = at_size(recipe, 64)
    networks = {"generator": recipe.generator, "discriminator": recipe.discriminator}
    assert smaller != recipe == replace(smaller, **networks)


@pytest.mark.parametrize(
    ("name", "size", "own"),
    [
        *[("words", size, 128) for size in (0, -64, 2, 4, 63, 65, 256)],
        *[("fashion-mnist", size, 28) for size in (7, 16, 56)],
        ("handbags-dcgan", 32, 64),
        ("text-dcgan", 64, 128),
        ("fashion-mnist-mlp", 14, 28),
    ],
)
def test_a_size_that_cannot_be_is_refused(name: str, size: int, own: int) -> None:
    message = f"{name} can't be trained at {size} px; its own size is {own} px"
    with pytest.raises(ValueError, match=message):
        at_size(RECIPES[name], size)
