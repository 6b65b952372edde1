"""Starting from a generator by category or words for other categories, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from trainings import CPU, same

from studio import checkpoint
from studio.generators import Generator, build
from train import discriminators
from train.beginning.conditions import discriminator_told, shares_of, told_otherwise
from train.beginning.transfer import copy_start, networks_of, start_of
from train.engine.training import Training
from train.recipes import Recipe

STYLED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 8], "output": "tanh"}
CODED = {
    **{"kind": "coded", "style_dim": 6, "code_channels": 4, "code_size": 4},
    **{"synthesis_widths": [4, 4], "decoder_widths": [4, 4], "flow_width": 8, "flow_blocks": 1},
}
JUDGE = {"kind": "dcgan", "widths": [8]}
BEFORE = ("dress", "shirt", "shoe")
Z = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=["style", "self-modulated"])
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {**STYLED, "kind": request.param}


def begun(old: Generator, names: tuple[str, ...], classes: tuple[str, ...] = BEFORE) -> Generator:
    """A generator of categories ``names`` that begins with what ``old`` has learnt."""
    new = build({**old.config, "classes": len(names), "words": 0})
    card = {"generator": old.config, "classes": list(classes)}
    weights, _ = told_otherwise(old.state_dict(), {}, card, names, new)
    new.load_state_dict(weights)
    return new.requires_grad_(False).eval()


def test_a_category_is_the_one_of_its_name_or_the_mean_of_all() -> None:
    third = 1 / 3
    expected = torch.tensor([[0, 0, 1.0], [third, third, third], [1, 0, 0]])
    torch.testing.assert_close(shares_of(BEFORE, ("SHOE", "hat", "Dress")), expected)
    torch.testing.assert_close(shares_of(BEFORE, ()), torch.full((1, 3), third))


def test_a_name_that_is_known_draws_what_it_drew(config: dict, make_generator: Callable) -> None:
    old = make_generator({**config, "classes": 3}, 2)
    new = begun(old, ("shoe", "hat"))
    shoes = new(Z, torch.zeros(4, dtype=torch.int64))
    torch.testing.assert_close(shoes, old(Z, torch.full((4,), 2)))
    assert not torch.allclose(new(Z, torch.ones(4, dtype=torch.int64)), shoes, atol=1e-3)


def test_without_categories_it_draws_what_the_only_one_was(
    config: dict, make_generator: Callable
) -> None:
    old = make_generator({**config, "classes": 1}, 2)
    new = begun(old, (), ("shoe",))
    torch.testing.assert_close(new(Z), old(Z, torch.zeros(4, dtype=torch.int64)))


def test_without_words_it_draws_what_no_text_did(config: dict, make_generator: Callable) -> None:
    old = make_generator({**config, "words": 5}, 2)
    new = begun(old, ())
    torch.testing.assert_close(new(Z), old(Z, torch.zeros(4, 5)))


def test_a_discriminator_judges_as_it_did_on_average() -> None:
    torch.manual_seed(2)
    old = discriminators.build({**JUDGE, "classes": 3}).eval()
    images = torch.randn(4, 3, 8, 8)
    logits = torch.stack([old(images, torch.full((4,), label)) for label in range(3)])
    for names, expected in (((), logits.mean(0)), (("shoe",), logits[2])):
        new = discriminators.build({**JUDGE, "classes": len(names)}).eval()
        weights = discriminator_told(old.state_dict(), shares_of(BEFORE, names), len(names))
        new.load_state_dict(weights)
        told = (torch.zeros(4, dtype=torch.int64),) if names else ()
        torch.testing.assert_close(new(images, *told), expected)


@pytest.mark.parametrize("named", [(), ("hat", "shirt")])
def test_a_training_begins_so(
    tmp_path: Path,
    tiny_recipe: Recipe,
    squares: Tensor,
    make_generator: Callable[..., Generator],
    named: tuple[str, ...],
) -> None:
    judge = {"kind": "dcgan", "widths": [8, 8], "classes": 3}
    old = checkpoint.save(
        tmp_path / "old",
        make_generator({**STYLED, "kind": "self-modulated", "widths": [8, 8, 8], "classes": 3}, 2),
        discriminators.build(judge),
        {"title": "Old", "discriminator": judge, "classes": list(BEFORE)},
        Image.new("RGB", (16, 16)),
        half=False,
    )
    copy_start(old, tmp_path / "start")
    networks = networks_of(old.card)
    for network in networks.values():
        network["classes"] = len(named)
    labels = torch.arange(len(squares)) % len(named) if named else None
    training = Training(replace(tiny_recipe, **networks), squares, CPU, seed=5, condition=labels)
    training.start_from(*start_of(tmp_path / "start", training.average.network, named))
    expected = begun(old.load_generator(), named)
    for network in (training.generator, training.average.network):
        assert same(network, expected)
    # All of the discriminator, too.
    last = training.discriminator.layers[-1]
    before = discriminators.build(judge)
    checkpoint.load_weights(before, old.folder / checkpoint.DISCRIMINATOR)
    assert torch.equal(training.discriminator.layers[0].weight, before.layers[0].weight)
    views = shares_of(BEFORE, named) @ before.layers[-1].bias[1:]
    logit = before.layers[-1].bias[:1]
    expected_bias = torch.cat([logit, views]) if named else logit + views
    torch.testing.assert_close(last.bias, expected_bias)


def test_what_has_no_table_is_left_as_it_is(make_generator: Callable) -> None:
    old = make_generator({"kind": "dcgan", "latent_dim": 6, "widths": [8], "start": 4}, 2)
    weights = old.state_dict()
    found = told_otherwise(weights, {}, {"generator": old.config}, (), old)
    assert found == (weights, {})


@torch.no_grad()
@pytest.mark.parametrize("told", [{"classes": 3}, {"words": 4}, {}])
def test_a_coded_generator_begins_as_what_it_drew_without_being_told(told: dict) -> None:
    old = build({**CODED, **told}).eval()
    for weights in old.parameters():
        weights += 0.05 * torch.randn_like(weights)
    z = torch.randn(2, 6)
    anything = old.map(z)
    torch.testing.assert_close(begun(old, ()).map(z), anything)
    new = begun(old, ("SHOE", "hat"), BEFORE if "classes" in told else ())
    labels = torch.arange(2)
    torch.testing.assert_close(new.map(z, labels)[1], anything[1])
    torch.testing.assert_close(new.map(z), anything)
    if "classes" in told:  # the one of its name goes on as it was
        torch.testing.assert_close(new.map(z, labels)[0], old.map(z, labels + 2)[0])
