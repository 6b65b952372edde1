"""The published recipes: their settings, and the layers they really build; recipes as data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from published_networks import (
    DISCRIMINATORS,
    GENERATORS,
    IMAGES,
    NAMES,
    SETTINGS,
    WORDS,
    layers,
    leaves,
)
from torch import Tensor, nn

from studio.generators import build
from train import discriminators
from train.beginning import initialise
from train.devices.hardware import Hardware
from train.engine.training import Training
from train.recipes import RECIPES, Recipe, from_dict, get, published


def training(name: str, count: int = 2) -> Training:
    channels, size = IMAGES[name]
    images = torch.zeros(count, channels, size, size, dtype=torch.uint8)
    hardware = Hardware(torch.device("cpu"), bf16=False)
    return Training(RECIPES[name], images, hardware, seed=1, condition=texts(name, count))


def texts(name: str, count: int) -> Tensor | None:
    """Vectors of some texts, for the recipe that draws by them."""
    return torch.rand(count, WORDS) if RECIPES[name].worded else None


def test_these_are_the_recipes() -> None:
    assert tuple(recipe.name for recipe in published.PUBLISHED) == NAMES
    modern = ("handbags", "deepfashion", "fashion-mnist", "words")
    modern += ("handbags-wide", "deepfashion-wide", "words-wide")
    assert tuple(RECIPES) == (*modern, *NAMES, "codec", "coded", "coded-words")
    assert all(recipe.name == name for name, recipe in RECIPES.items())
    assert all(recipe.title and recipe.source for recipe in RECIPES.values())
    assert len({recipe.title for recipe in RECIPES.values()}) == len(RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_the_published_ones(name: str) -> None:
    recipe = RECIPES[name]
    assert {key: getattr(recipe, key) for key in SETTINGS[name]} == SETTINGS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_generators_layers_are_the_published_ones(name: str) -> None:
    assert layers(build(RECIPES[name].generator)) == GENERATORS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_discriminators_layers_are_the_published_ones(name: str) -> None:
    assert layers(discriminators.build(RECIPES[name].discriminator)) == DISCRIMINATORS[name]


@pytest.mark.parametrize("name", [name for name in NAMES if "mlp" not in name])
def test_only_convolutions_without_batch_norm_after_them_may_have_a_bias(name: str) -> None:
    for network in (
        build(RECIPES[name].generator),
        discriminators.build(RECIPES[name].discriminator),
    ):
        found = list(leaves(network))
        for layer, following in zip(found, found[1:], strict=False):
            if isinstance(following, nn.BatchNorm2d):
                assert layer.bias is None


@pytest.mark.parametrize("name", NAMES)
def test_networks_fit_each_other_and_the_images(name: str) -> None:
    channels, size = IMAGES[name]
    generator = build(RECIPES[name].generator)
    discriminator = discriminators.build(RECIPES[name].discriminator)
    told = {"condition": texts(name, 2)} if RECIPES[name].worded else {}
    images = generator(torch.randn(2, generator.latent_dim), **told)
    assert images.shape == (2, channels, size, size)
    assert discriminator(images, **told).shape == (2,)


@pytest.mark.parametrize("name", NAMES)
def test_both_optimisers_are_adam_with_the_recipes_numbers(name: str) -> None:
    started = training(name)
    for optimiser, network in (
        (started.optimiser, started.generator),
        (started.teachers["game"].optimiser, started.discriminator),
    ):
        assert isinstance(optimiser, torch.optim.Adam)
        (group,) = optimiser.param_groups
        assert group["lr"] == SETTINGS[name]["learning_rate"]
        assert group["betas"] == (0.5, 0.999)
        assert (group["weight_decay"], group["amsgrad"], group["eps"]) == (0, False, 1e-8)
        assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]


def test_fixed_latents_fill_the_grid_of_samples() -> None:
    assert training("deepfashion-dcgan").average.fixed_latents.shape == (64, 100)
    assert training("fashion-mnist-mlp").average.fixed_latents.shape == (50, 100)


def test_the_dcgan_scheme_starts_weights_as_the_paper_does() -> None:
    started = training("deepfashion-dcgan")
    for network in (started.generator, started.discriminator):
        convolutions = [x for x in leaves(network) if isinstance(x, nn.Conv2d | nn.ConvTranspose2d)]
        norms = [x for x in leaves(network) if isinstance(x, nn.BatchNorm2d)]
        assert len(convolutions) == 5 and norms
        for layer in convolutions:
            assert layer.weight.mean().item() == pytest.approx(0, abs=1e-3)
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        scales = torch.cat([layer.weight for layer in norms])
        assert scales.mean().item() == pytest.approx(1, abs=0.005)
        assert scales.std().item() == pytest.approx(0.02, rel=0.15)
        assert all(not layer.bias.any() for layer in norms)


def test_other_recipes_start_as_torchs_layers_do() -> None:
    started = training("fashion-mnist-mlp")
    first = next(x for x in leaves(started.generator) if isinstance(x, nn.Linear))
    assert first.weight.abs().max().item() == pytest.approx(0.1, rel=0.01)  # 1 / sqrt(100)
    norms = [x for x in leaves(started.generator) if isinstance(x, nn.BatchNorm1d)]
    assert all(bool((layer.weight == 1).all()) for layer in norms)
    assert RECIPES["handbags-dcgan"].init in initialise.SCHEMES


# --- as data -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_goes_through_json_unchanged(name: str) -> None:
    recipe = RECIPES[name]
    assert from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    changed = replace(recipe, batch=7, learning_rate=0.125)
    assert from_dict(json.loads(json.dumps(changed.to_dict()))) == changed != recipe


@pytest.mark.parametrize(
    "values",
    [
        {},
        None,
        [],
        {"betas": [0.5, 0.9], "sample_grid": [1, 1]},
        {**RECIPES["handbags-dcgan"].to_dict(), "colour": "red"},
        {**RECIPES["handbags-dcgan"].to_dict(), "betas": None},
        {**RECIPES["handbags-dcgan"].to_dict(), "sample_grid": 8},
        {k: v for k, v in RECIPES["handbags-dcgan"].to_dict().items() if k != "batch"},
        {k: v for k, v in RECIPES["handbags-dcgan"].to_dict().items() if k != "betas"},
    ],
    ids=["empty", "none", "list", "few", "unknown", "betas", "grid", "no batch", "no betas"],
)
def test_what_is_no_recipe_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match="not a recipe's settings"):
        from_dict(values)


def test_a_recipe_of_before_there_were_vocabularies_is_of_words() -> None:
    recipe = RECIPES["text-dcgan"]
    values = recipe.to_dict()
    assert (
        from_dict({k: v for k, v in values.items() if k != "vocabulary"}) == RECIPES["text-dcgan"]
    )
    with pytest.raises(ValueError, match="vocabulary is one of: words, attributes"):
        from_dict({**values, "vocabulary": "letters"})


def test_recipes_are_found_by_name() -> None:
    for name in RECIPES:
        assert get(name) is RECIPES[name]
    with pytest.raises(ValueError, match=r"no recipe 'shoes'.*handbags-dcgan, deepfashion-dcgan"):
        get("shoes")


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        published.HANDBAGS_DCGAN.batch = 1  # type: ignore[misc]
    assert isinstance(published.HANDBAGS_DCGAN, Recipe)
