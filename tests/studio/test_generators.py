"""Every generator's shape, range and configuration, and configurations that are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from studio.generators import KINDS, Generator, build
from studio.generators.base import RANGES, from_uint8, to_uint8
from train.recipes import RECIPES

DCGAN = {"kind": "dcgan", "latent_dim": 5, "widths": [8, 4]}
MLP = {"kind": "mlp", "latent_dim": 5, "widths": [8, 4]}
OTHERS = {
    "dcgan, one width": ({**DCGAN, "widths": [4]}, 3, 8),
    "dcgan, from one pixel": ({**DCGAN, "start": 1, "channels": 1}, 1, 4),
    "dcgan, sigmoid": ({**DCGAN, "start": 7, "output": "sigmoid"}, 3, 28),
    "mlp, one width": ({**MLP, "widths": [4]}, 1, 28),
    "mlp, in colour": ({**MLP, "image_size": 9, "channels": 3, "output": "sigmoid"}, 3, 9),
    "mlp, one pixel": ({**MLP, "image_size": 1}, 1, 1),
}
PUBLISHED = {
    "handbags-dcgan": (128, 3, 64),
    "deepfashion-dcgan": (100, 3, 64),
    "fashion-mnist-dcgan": (100, 1, 28),
    "fashion-mnist-mlp": (100, 1, 28),
    "text-dcgan": (100, 3, 128),
}


def condition(network: Generator, count: int) -> torch.Tensor | None:
    """What a network needs to be told of ``count`` pictures."""
    return torch.rand(count, network.words) if network.words else None


def check(config: dict[str, Any], channels: int, size: int) -> None:
    network = build(config).eval()
    assert (network.channels, network.image_size) == (channels, size)
    with torch.inference_mode():
        images = network(3 * torch.randn(3, network.latent_dim), condition(network, 3))
    low, high = network.value_range
    assert images.shape == (3, channels, size, size)
    assert images.dtype == torch.float32
    assert images.isfinite().all()
    assert low <= images.min() and images.max() <= high
    assert not torch.equal(images[0], images[1])


@pytest.mark.parametrize(("config", "channels", "size"), OTHERS.values(), ids=OTHERS)
def test_shape_and_range(config: dict[str, Any], channels: int, size: int) -> None:
    check(config, channels, size)


@pytest.mark.parametrize("name", PUBLISHED)
def test_shape_and_range_of_every_published_recipe(name: str) -> None:
    latent_dim, channels, size = PUBLISHED[name]
    assert build(RECIPES[name].generator).latent_dim == latent_dim
    check(RECIPES[name].generator, channels, size)


@pytest.mark.parametrize("output", ["tanh", "sigmoid"])  # "linear" ends nowhere
def test_the_last_activation_reaches_both_ends_of_its_range(output: str) -> None:
    network = build({**MLP, "output": output}).eval()
    with torch.inference_mode():
        network.layers[-2].bias.fill_(50)
        assert network(torch.zeros(1, 5)).max() == RANGES[output][1]
        network.layers[-2].bias.fill_(-200)
        assert network(torch.zeros(1, 5)).min() == pytest.approx(RANGES[output][0], abs=1e-30)


@pytest.mark.parametrize(
    "config",
    [config for config, _, _ in OTHERS.values()] + [each.generator for each in RECIPES.values()],
    ids=[*OTHERS, *RECIPES],
)
def test_a_configuration_makes_the_same_network_again(config: dict[str, Any]) -> None:
    first = build(config)
    written = json.loads(json.dumps(first.config))
    second = build(written)
    assert second.config == first.config == written
    assert {**first.config, **config} == first.config
    assert str(second) == str(first)
    second.load_state_dict(first.state_dict())
    given = torch.randn(2, first.latent_dim), condition(first, 2)
    with torch.inference_mode():
        assert torch.equal(first.eval()(*given), second.eval()(*given))


def test_building_leaves_the_configuration_alone() -> None:
    config = {**DCGAN, "widths": [8, 4]}
    build(config)
    assert config == DCGAN


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"kind": "stylegan"},
        {"kind": None},
        {"kind": ["dcgan"]},
        {"kind": {"dcgan": 1}},
        {"kind": "dcgan"},
        {**DCGAN, "latent_dim": 0},
        {**DCGAN, "latent_dim": -3},
        {**DCGAN, "latent_dim": 10**9},
        {**DCGAN, "latent_dim": 2.5},
        {**DCGAN, "latent_dim": "100"},
        {**DCGAN, "latent_dim": None},
        {**DCGAN, "latent_dim": [5]},
        {**DCGAN, "widths": []},
        {**DCGAN, "widths": 8},
        {**DCGAN, "widths": None},
        {**DCGAN, "widths": "88"},
        {**DCGAN, "widths": [8, 0]},
        {**DCGAN, "widths": [8, -1]},
        {**DCGAN, "widths": [8, 2.5]},
        {**DCGAN, "widths": [8, "4"]},
        {**DCGAN, "widths": [[8], [4]]},
        {**DCGAN, "widths": [8, float("nan")]},
        {**DCGAN, "widths": [10**12]},
        {**DCGAN, "widths": [1] * 60},
        {**DCGAN, "start": 0},
        {**DCGAN, "start": -4},
        {**DCGAN, "start": 10**6},
        {**DCGAN, "start": "4"},
        {**DCGAN, "start": 4.5},
        {**DCGAN, "channels": 2},
        {**DCGAN, "channels": 10**9},
        {**DCGAN, "channels": None},
        {**DCGAN, "output": "relu"},
        {**DCGAN, "output": None},
        {**DCGAN, "output": ["tanh"]},
        {**DCGAN, "image_size": 64},
        {**DCGAN, "__init__": 1},
        {**MLP, "widths": []},
        {**MLP, "widths": [8, 0]},
        {**MLP, "widths": [10**12]},
        {**MLP, "widths": [1] * 100},
        {**MLP, "image_size": 0},
        {**MLP, "image_size": -28},
        {**MLP, "image_size": 10**6},
        {**MLP, "image_size": "28"},
        {**MLP, "image_size": 2.5},
        {**MLP, "channels": 4},
        {**MLP, "latent_dim": 4097},
        {**MLP, "start": 4},
    ],
    ids=str,
)
def test_a_hostile_configuration_is_refused_with_a_sentence(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ .*\w") as caught:
        build(config)
    assert type(caught.value) is ValueError


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'stylegan'.*dcgan, mlp"):
        build({"kind": "stylegan"})
    assert set(KINDS) == {"coded", "dcgan", "mlp", "self-modulated", "style"}


@pytest.mark.parametrize("value_range", RANGES.values(), ids=RANGES)
def test_pixels_survive_the_way_to_a_network_and_back(value_range: tuple[float, float]) -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    values = from_uint8(levels, value_range)
    assert (values.min().item(), values.max().item()) == pytest.approx(value_range, abs=1e-6)
    assert torch.equal(to_uint8(values, value_range), levels)
    assert torch.equal(levels, torch.arange(256, dtype=torch.uint8))


def test_pixels_are_rounded_to_the_nearest_level_and_clipped() -> None:
    values = torch.tensor([-9.0, 0.4 / 255, 0.6 / 255, 100.4 / 255, 100.6 / 255, 9.0])
    assert to_uint8(values, (0.0, 1.0)).tolist() == [0, 0, 1, 100, 101, 255]
    assert to_uint8(torch.tensor([-1.0, 0.0, 1.0]), (-1.0, 1.0)).tolist() == [0, 128, 255]
