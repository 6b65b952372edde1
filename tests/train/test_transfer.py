"""Starting from a trained generator, and layers that stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from trainings import CPU, run, same

from studio import checkpoint, generators
from studio.checkpoint import DISCRIMINATOR, GENERATOR, CheckpointError
from train.beginning.transfer import (
    copy_start,
    freeze_early_layers,
    load_start,
    networks_of,
    take_over,
)
from train.discriminators import build
from train.engine.training import Training
from train.recipes import Recipe


@pytest.fixture
def trained(tmp_path: Path, make_checkpoint: Callable[..., checkpoint.Checkpoint]):
    return make_checkpoint(tmp_path / "trained", seed=4)


def test_a_training_starts_as_the_checkpoint_draws(
    trained: checkpoint.Checkpoint, tmp_path: Path, tiny_recipe: Recipe, squares: Tensor
) -> None:
    copy_start(trained, tmp_path / "start")
    recipe = replace(tiny_recipe, **networks_of(trained.card))
    training = Training(recipe, squares, CPU, seed=5)
    training.start_from(*load_start(tmp_path / "start"))
    generator = trained.load_generator()
    assert same(training.generator, generator)
    assert same(training.average.network, generator)
    judge = build(trained.card["discriminator"])
    checkpoint.load_weights(judge, trained.folder / DISCRIMINATOR)
    assert same(training.discriminator, judge)
    run(training, 2)
    assert not same(training.generator, generator)


def test_the_copy_outlives_the_checkpoint(trained: checkpoint.Checkpoint, tmp_path: Path) -> None:
    copy_start(trained, tmp_path / "start")
    before = (trained.folder / GENERATOR).read_bytes()
    (trained.folder / GENERATOR).unlink()
    assert (tmp_path / "start" / GENERATOR).read_bytes() == before


def test_without_a_discriminator_only_the_generator_is_taken(
    trained: checkpoint.Checkpoint, tmp_path: Path, tiny_recipe: Recipe, squares: Tensor
) -> None:
    (trained.folder / DISCRIMINATOR).unlink()
    copy_start(trained, tmp_path / "start")
    fresh, training = (Training(tiny_recipe, squares, CPU, seed=5) for _ in range(2))
    training.start_from(*load_start(tmp_path / "start"))
    assert same(training.generator, trained.load_generator())
    assert same(training.discriminator, fresh.discriminator)


def test_without_a_start_nothing_changes(tmp_path: Path) -> None:
    assert load_start(tmp_path / "nothing") == ({}, {})


def test_a_damaged_checkpoint_is_refused(trained: checkpoint.Checkpoint, tmp_path: Path) -> None:
    path = trained.folder / GENERATOR
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError):
        copy_start(trained, tmp_path / "start")
    assert not (tmp_path / "start").exists()


def test_a_damaged_copy_is_a_sentence(trained: checkpoint.Checkpoint, tmp_path: Path) -> None:
    copy_start(trained, tmp_path / "start")
    (tmp_path / "start" / DISCRIMINATOR).write_bytes(b"{}")
    with pytest.raises(CheckpointError, match=r"discriminator\.safetensors can't be read"):
        load_start(tmp_path / "start")


def test_the_networks_are_the_cards() -> None:
    card = {"generator": {"kind": "mlp"}, "discriminator": {"kind": "dcgan"}, "title": "x"}
    assert networks_of(card) == {
        "generator": {"kind": "mlp"},
        "discriminator": {"kind": "dcgan"},
    }
    assert networks_of({"generator": {"kind": "mlp"}}) == {"generator": {"kind": "mlp"}}


DCGAN = {"kind": "dcgan", "widths": [8, 16, 24], "end": 4, "channels": 3}
MLP = {"kind": "mlp", "widths": [16, 8], "image_size": 16, "channels": 3}


@pytest.mark.parametrize(("config", "layers"), [(DCGAN, 4), (MLP, 3)])
@pytest.mark.parametrize("count", [0, 1, 2, 99])
def test_early_layers_stay_and_the_last_one_learns(config: dict, layers: int, count: int) -> None:
    network = build(config)
    freeze_early_layers(network, count)
    weighty = [each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    assert len(weighty) == layers
    learning = [each.weight.requires_grad for each in weighty]
    frozen = min(count, layers - 1)
    assert learning == [False] * frozen + [True] * (layers - frozen)


def test_frozen_layers_do_not_change_in_training(start: Callable[..., Training]) -> None:
    training, free = start(freeze=1), start()
    weights = training.discriminator.layers[0].weight.clone()
    run(training, 3), run(free, 3)
    assert torch.equal(training.discriminator.layers[0].weight, weights)
    assert not torch.equal(free.discriminator.layers[0].weight, weights)
    assert not torch.equal(
        training.discriminator.layers[2].weight, free.discriminator.layers[2].weight
    )


STYLE = {"kind": "style", "latent_dim": 5, "style_dim": 6, "widths": [8, 8]}
JUDGE = {"kind": "style", "widths": [8, 8], "image_size": 8}


def test_a_larger_generator_starts_with_the_smaller_ones_picture() -> None:
    small = generators.build(STYLE).eval()
    large = generators.build({**STYLE, "widths": [8, 8, 4]}).eval()
    new = take_over(large, small.state_dict())
    assert new and all(name.startswith("levels.2.") for name in new)
    z = torch.randn(3, 5)
    with torch.inference_mode():
        expected = nn.functional.interpolate(small(z), scale_factor=2, mode="bilinear")
        torch.testing.assert_close(large(z), expected)


def test_a_larger_discriminator_takes_over_the_coarse_blocks() -> None:
    small, large = build(JUDGE), build({**JUDGE, "widths": [4, 8, 8], "image_size": 16})
    new = take_over(large, small.state_dict())
    assert {name.split(".")[0] for name in new} == {"stem", "blocks"}
    assert not any(name.startswith("blocks.8.") for name in new)
    assert torch.equal(large.logit.weight, small.logit.weight)


def test_other_classes_start_anew_and_the_rest_is_taken() -> None:
    old = generators.build({**STYLE, "classes": 3})
    for classes in (0, 4):
        fresh = generators.build({**STYLE, "classes": classes})
        new = take_over(fresh, old.state_dict())
        assert new and all(name.startswith("mapping.") for name in new)
        assert same(fresh.levels, old.levels)


def test_early_layers_of_a_style_discriminator_stay_too() -> None:
    network = build(JUDGE)
    freeze_early_layers(network, 2)
    learning = {name for name, each in network.named_parameters() if not each.requires_grad}
    assert learning == {"stem.weight", "stem.bias", "blocks.8.first.weight", "blocks.8.first.bias"}
