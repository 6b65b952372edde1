"""Discriminators: one logit for each image, from every recipe's images, and refused settings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from studio import generators
from train.discriminators import KINDS, build
from train.recipes import RECIPES, Recipe

DCGAN = {"kind": "dcgan", "widths": [4, 8]}
MLP = {"kind": "mlp", "widths": [8, 4]}
OTHERS = {
    "dcgan": (DCGAN, (3, 16)),
    "dcgan, one width": ({**DCGAN, "widths": [4], "end": 7, "channels": 1}, (1, 14)),
    "dcgan, norm first": ({**DCGAN, "norm_first": True}, (3, 16)),
    "mlp": (MLP, (1, 28)),
    "mlp, in colour": ({**MLP, "image_size": 9, "channels": 3}, (3, 9)),
}


def check(config: dict[str, Any], channels: int, size: int) -> None:
    network = build(config)
    images = torch.rand(5, channels, size, size) * 2 - 1
    words = config.get("words", 0)
    logits = network(images, *([torch.rand(5, words)] if words else []))
    assert logits.shape == (5,)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all() and logits.std() > 0
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(("config", "shape"), OTHERS.values(), ids=OTHERS)
def test_one_logit_for_each_image(config: dict[str, Any], shape: tuple[int, int]) -> None:
    check(config, *shape)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_one_logit_for_each_of_a_recipes_images(recipe: Recipe) -> None:
    generator = generators.build(recipe.generator)
    check(recipe.discriminator, generator.channels, generator.image_size)


def test_a_label_adds_its_own_view_to_the_logit() -> None:
    network = build({**DCGAN, "classes": 3}).eval()
    images, labels = torch.rand(6, 3, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2])
    logits = network(images, labels)
    assert logits.shape == (6,)
    seen = network.layers(images)[:, :, 0, 0]
    for row, label in enumerate(labels.tolist()):
        torch.testing.assert_close(logits[row], seen[row, 0] + seen[row, 1 + label])


def test_a_text_adds_its_words_weighted_views_to_the_logit() -> None:
    network = build({**DCGAN, "words": 4}).eval()
    images, texts = torch.rand(5, 3, 16, 16), torch.rand(5, 4) - 0.3
    seen = network.layers(images)[:, :, 0, 0]
    expected = seen[:, 0] + (seen[:, 1:] * texts).sum(1)
    torch.testing.assert_close(network(images, texts), expected)


def test_no_text_leaves_the_plain_logit() -> None:
    network = build({**DCGAN, "words": 4}).eval()
    images = torch.rand(5, 3, 16, 16)
    plain = network.layers(images)[:, 0, 0, 0]
    torch.testing.assert_close(network(images, torch.zeros(5, 4)), plain, rtol=0, atol=0)


CONDITIONED = {
    "dcgan": DCGAN,
    "style": {"kind": "style", "widths": [4, 8], "image_size": 16, "patch": 2},
}
TWO_OF_EACH = {
    "words": torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(1)),
    "classes": torch.tensor([[0, 1, 2, 3, 4, 0], [1, 1, 0, 4, 2, 3]]),
}


@pytest.mark.parametrize("told", TWO_OF_EACH)
@pytest.mark.parametrize("config", CONDITIONED.values(), ids=CONDITIONED)
def test_stacked_conditions_are_judged_as_each_alone(config: dict[str, Any], told: str) -> None:
    network = build({**config, told: 5}).eval()
    images = torch.randn(6, 3, 16, 16)
    both = TWO_OF_EACH[told]
    first, second = (network(images, condition=each) for each in both)
    assert not torch.allclose(first, second)
    torch.testing.assert_close(network(images, condition=both), torch.stack([first, second]))


@pytest.mark.parametrize("config", CONDITIONED.values(), ids=CONDITIONED)
def test_an_image_has_a_class_or_a_text_and_not_both(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="classes or words, not both"):
        build({**config, "classes": 3, "words": 4})


def test_an_image_alone_is_one_logit_too() -> None:
    assert build(DCGAN).eval()(torch.zeros(1, 3, 16, 16)).shape == (1,)
    assert build(MLP)(torch.zeros(1, 1, 28, 28)).shape == (1,)


def test_logits_are_no_probabilities() -> None:
    network = build(MLP)
    with torch.no_grad():
        list(network.children())[-1][-1].bias.fill_(-40)
        assert network(torch.zeros(2, 1, 28, 28)).max() < -30


def test_norm_first_adds_one_norm_after_the_first_convolution() -> None:
    kinds = [[type(x) for x in build(c).layers] for c in (DCGAN, {**DCGAN, "norm_first": True})]
    assert kinds[0][:2] == [nn.Conv2d, nn.LeakyReLU]
    assert kinds[1] == [nn.Conv2d, nn.BatchNorm2d, *kinds[0][1:]]


def test_images_are_not_changed() -> None:
    for config, (channels, size) in OTHERS.values():
        images = torch.rand(3, channels, size, size)
        before = images.clone()
        build(config)(images)
        assert torch.equal(images, before)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"kind": "stylegan"},
        {"kind": None},
        {"kind": ["dcgan"]},
        {"kind": "dcgan"},
        {**DCGAN, "widths": []},
        {**DCGAN, "widths": None},
        {**DCGAN, "widths": [4, -8]},
        {**DCGAN, "widths": [4, "8"]},
        {**DCGAN, "widths": [4, 2.5]},
        {**DCGAN, "channels": -1},
        {**DCGAN, "end": -4},
        {**DCGAN, "end": "4"},
        {**DCGAN, "start": 4},
        {**MLP, "widths": []},
        {**MLP, "widths": [-4]},
        {**MLP, "image_size": "28"},
        {**MLP, "norm_first": True},
    ],
    ids=str,
)
def test_wrong_settings_are_refused_with_a_sentence(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        build(config)


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'stylegan'.*dcgan, mlp"):
        build({"kind": "stylegan"})
    assert set(KINDS) == {"dcgan", "mlp", "style"}
