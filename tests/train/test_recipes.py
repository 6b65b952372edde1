"""The published recipes: their settings, and the layers they really build; recipes as data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from studio.generators import build
from train import discriminators, initialise
from train.hardware import Hardware
from train.loop import Training
from train.recipes import RECIPES, Recipe, from_dict, get, published

NAMES = ("handbags-dcgan", "deepfashion-dcgan", "fashion-mnist-dcgan", "fashion-mnist-mlp")


def layers(network: nn.Module) -> list[tuple]:
    """Every layer in order, as a short tuple of all that makes it what it is."""
    return [described(layer) for layer in leaves(network)]


def leaves(network: nn.Module) -> Iterator[nn.Module]:
    children = list(network.children())
    if not children:
        yield network
    for child in children:
        yield from leaves(child)


def described(layer: nn.Module) -> tuple:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        name = "up" if isinstance(layer, nn.ConvTranspose2d) else "conv"
        assert layer.kernel_size[0] == layer.kernel_size[1]
        assert (layer.groups, layer.dilation) == (1, (1, 1))
        geometry = layer.kernel_size[0], layer.stride[0], layer.padding[0]
        return (name, layer.in_channels, layer.out_channels, *geometry)
    if isinstance(layer, nn.Linear):
        return "dense", layer.in_features, layer.out_features
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        assert (layer.eps, layer.affine) == (1e-5, True)
        return "norm", layer.num_features, round(layer.momentum, 6)
    if isinstance(layer, nn.LeakyReLU):
        return "leaky", layer.negative_slope
    return (type(layer).__name__.lower(),)


RELU, LEAKY, TANH, SIGMOID = ("relu",), ("leaky", 0.2), ("tanh",), ("sigmoid",)


def norm(width: int, momentum: float = 0.1) -> tuple:
    return "norm", width, momentum


def up64(latent_dim: int) -> list[tuple]:
    """The DCGAN generator of 64 x 64 x 3, as in the paper and both notebooks."""
    return [
        ("up", latent_dim, 512, 4, 1, 0),
        *(norm(512), RELU, ("up", 512, 256, 4, 2, 1)),
        *(norm(256), RELU, ("up", 256, 128, 4, 2, 1)),
        *(norm(128), RELU, ("up", 128, 64, 4, 2, 1)),
        *(norm(64), RELU, ("up", 64, 3, 4, 2, 1)),
        TANH,
    ]


GENERATORS = {
    "handbags-dcgan": up64(128),
    "deepfashion-dcgan": up64(100),
    "fashion-mnist-dcgan": [
        ("up", 100, 128, 7, 1, 0),
        *(norm(128), RELU, ("up", 128, 64, 4, 2, 1)),
        *(norm(64), RELU, ("up", 64, 1, 4, 2, 1)),
        SIGMOID,
    ],
    "fashion-mnist-mlp": [
        *(("dense", 100, 256), LEAKY, norm(256, 0.2)),
        *(("dense", 256, 512), LEAKY, norm(512, 0.2)),
        *(("dense", 512, 1024), LEAKY, norm(1024, 0.2)),
        ("dense", 1024, 784),
        TANH,
    ],
}
DISCRIMINATORS = {
    "handbags-dcgan": [
        *(("conv", 3, 64, 4, 2, 1), norm(64), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        *(("conv", 128, 256, 4, 2, 1), norm(256), LEAKY),
        *(("conv", 256, 512, 4, 2, 1), norm(512), LEAKY),
        ("conv", 512, 1, 4, 1, 0),
    ],
    "deepfashion-dcgan": [
        *(("conv", 3, 64, 4, 2, 1), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        *(("conv", 128, 256, 4, 2, 1), norm(256), LEAKY),
        *(("conv", 256, 512, 4, 2, 1), norm(512), LEAKY),
        ("conv", 512, 1, 4, 1, 0),
    ],
    "fashion-mnist-dcgan": [
        *(("conv", 1, 64, 4, 2, 1), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        ("conv", 128, 1, 7, 1, 0),  # as large as its input: one dense output
    ],
    "fashion-mnist-mlp": [
        ("flatten",),
        *(("dense", 784, 512), LEAKY),
        *(("dense", 512, 256), LEAKY),
        ("dense", 256, 1),
    ],
}
SETTINGS: dict[str, dict[str, Any]] = {
    "handbags-dcgan": {
        "batch": 128,
        "epochs": 50,
        "steps": None,
        "log_steps": None,
        "learning_rate": 3e-4,
        "betas": (0.5, 0.999),
        "init": "torch",
        "sample_grid": (8, 8),
    },
    "deepfashion-dcgan": {
        "batch": 128,
        "epochs": 40,
        "steps": None,
        "log_steps": None,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "seed": 999,
        "init": "dcgan",
        "sample_grid": (8, 8),
    },
    "fashion-mnist-dcgan": {
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "steps": None,
        "log_steps": None,
        "init": "torch",
    },
    "fashion-mnist-mlp": {
        "batch": 32,
        "epochs": None,
        "steps": 5_000,
        "log_steps": 1_000,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "init": "torch",
        "sample_grid": (5, 10),
    },
}
IMAGES = {name: (1, 28) if "mnist" in name else (3, 64) for name in NAMES}


def training(name: str, count: int = 2) -> Training:
    channels, size = IMAGES[name]
    images = torch.zeros(count, channels, size, size, dtype=torch.uint8)
    return Training(RECIPES[name], images, Hardware(torch.device("cpu"), bf16=False), seed=1)


def test_these_are_the_recipes() -> None:
    assert tuple(recipe.name for recipe in published.PUBLISHED) == NAMES
    assert tuple(RECIPES) == ("handbags", "deepfashion", "fashion-mnist", *NAMES)
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


@pytest.mark.parametrize("name", NAMES[:3])
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
    images = generator(torch.randn(2, generator.latent_dim))
    assert images.shape == (2, channels, size, size)
    assert discriminator(images).shape == (2,)


@pytest.mark.parametrize("name", NAMES)
def test_both_optimisers_are_adam_with_the_recipes_numbers(name: str) -> None:
    started = training(name)
    for optimiser, network in (
        (started.optimiser_g, started.generator),
        (started.optimiser_d, started.discriminator),
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


def test_recipes_are_found_by_name() -> None:
    for name in RECIPES:
        assert get(name) is RECIPES[name]
    with pytest.raises(ValueError, match=r"no recipe 'shoes'.*handbags-dcgan, deepfashion-dcgan"):
        get("shoes")


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        published.HANDBAGS_DCGAN.batch = 1  # type: ignore[misc]
    assert isinstance(published.HANDBAGS_DCGAN, Recipe)
