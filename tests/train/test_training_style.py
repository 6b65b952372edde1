"""Trainings with what style generators bring: labels, mixed styles, penalties, adaptation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from trainings import CPU, differences, run, taken, through_a_file

from train.engine.training import Training
from train.recipes import Recipe, for_classes

STYLE = {"kind": "style", "latent_dim": 4, "style_dim": 6, "widths": [8, 8, 4], "start": 4}
JUDGE = {"kind": "style", "widths": [4, 8], "image_size": 16, "patch": 2}
LABELS = torch.arange(24) % 3
NEW = {
    "generator": STYLE,
    "discriminator": JUDGE,
    "augment": "color,translation,cutout",
    "style_mixing": 0.5,
    "flip": True,
    "conditional": True,
    "balanced": True,
}


@pytest.fixture
def begin(tiny_recipe: Recipe, squares: Tensor):
    """``begin(labels, **changes)``: a new training of a style recipe."""

    def begin(labels: Tensor | None = LABELS, **changes: Any):
        recipe = replace(tiny_recipe, **{**NEW, **changes})
        recipe = for_classes(recipe, 0 if labels is None else int(labels.max()) + 1)
        return Training(recipe, squares, CPU, 5, condition=labels)

    return begin


KINDS = {
    "self-modulated": {
        "generator": {**STYLE, "kind": "self-modulated"},
        "discriminator": {"kind": "dcgan", "widths": [4, 8]},
        "init": "dcgan",
    },
    "R1": {"r1": 0.5, "penalty_every": 2},
    "relativistic": {"loss": "relativistic", "r1": 0.5, "r2": 0.5},
    "hinge": {"loss": "hinge", "augment_target": 0.6},
}


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_a_resumed_training_is_the_same(begin, changes: dict[str, Any]) -> None:
    whole, first, second = (begin(**changes) for _ in range(3))
    for training in (whole, first):
        run(training, 3)
        training.adapt({"real_sign": 1.0})
    second.load_state_dict(through_a_file(first.state_dict()))
    run(whole, 2), run(second, 2)
    assert not differences(whole, second)
    assert all(map(torch.isfinite, map(torch.tensor, taken(whole).values())))


def test_without_labels_a_conditional_recipe_has_no_classes(begin) -> None:
    training = run(begin(labels=None), 1)
    assert training.average.network.classes == 0
    assert training.average.fixed_condition is None


def test_a_generator_with_classes_needs_every_label(begin, squares: Tensor) -> None:
    recipe = begin().recipe
    for labels in (None, LABELS + 1):
        with pytest.raises(ValueError, match="needs a label below 3"):
            Training(recipe, squares, CPU, 5, condition=labels)


def test_columns_of_the_samples_are_classes(begin) -> None:
    training = begin(sample_grid=(2, 4))
    assert training.average.fixed_condition.tolist() == [0, 1, 2, 0, 0, 1, 2, 0]
    assert training.average.samples().shape == (8, 3, 16, 16)
    assert training.average.draw(training.average.generator(1), 5).shape == (5, 3, 16, 16)


def test_penalties_are_lazy_and_keep_the_discriminator_flat(begin) -> None:
    free, held, once = begin(), begin(r1=50.0), begin(r1=50.0, penalty_every=100)
    run(free, 3), run(held, 3), run(once, 1)
    assert differences(free, held)
    plain = run(begin(), 1)
    assert differences(plain, once) >= {"teachers"}  # the first update is a penalised one


def test_augmentation_follows_how_sure_the_discriminator_is(begin) -> None:
    training = begin(augment_target=0.6)
    assert training.teachers["game"].augment_share == 0.0
    training.adapt({"real_sign": 0.9})
    grown = training.teachers["game"].augment_share
    assert 0 < grown < 0.1
    training.adapt({"real_sign": 0.5})
    assert training.teachers["game"].augment_share == 0.0
    for _ in range(200):
        training.adapt({"real_sign": 1.0})
    assert training.teachers["game"].augment_share == 1.0
    always = begin()
    always.adapt({"real_sign": 0.0})
    assert always.teachers["game"].augment_share == 1.0


def test_mixed_styles_change_only_the_later_layers(begin, monkeypatch) -> None:
    training = begin(style_mixing=1.0)
    seen: list[Tensor] = []
    draw = training.generator.draw
    monkeypatch.setattr(
        training.generator, "draw", lambda styles: seen.append(styles.detach()) or draw(styles)
    )
    run(training, 4)
    styles = torch.cat(seen)
    same = (styles == styles[:, :1]).all(2)
    assert same[:, 0].all() and not same[:, -1].any()
    assert same[:, 1].any() and not same[:, 1].all()


def test_the_average_measures_its_norms_on_the_classes_that_are_trained(begin) -> None:
    changes = {**KINDS["self-modulated"], "balanced": False}
    uneven = torch.tensor([0] * 20 + [1] * 2 + [2] * 2)
    training = run(begin(uneven, **changes), 3)
    network, measured = training.average.network, training.average.generator(batches=200)
    z = torch.randn(4000, 4, generator=torch.Generator().manual_seed(1))
    labels = uneven[torch.arange(4000) % 24]
    with torch.no_grad():
        maps = network.first(network.map(z, labels)).unflatten(1, (8, 4, 4))
    mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3))
    torch.testing.assert_close(measured.norm.running_mean, mean, rtol=0, atol=0.05)
    torch.testing.assert_close(measured.norm.running_var, variance, rtol=0.1, atol=0.02)
