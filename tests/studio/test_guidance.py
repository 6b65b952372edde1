"""How closely a coded generator follows what it is told, and what is calm or related there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from photo_parts import SMALL, made, write

from studio.design import Design, variation
from studio.directions import Directions
from studio.generators import build
from studio.generators.coded import CodedGenerator
from studio.latents import of_seed
from studio.spaces.base import Wish
from studio.spaces.styles import StyleSpace, mapped
from train.metrics.drawing import truncation

LABELS = torch.tensor([0, 2, 1])


@pytest.fixture
def z() -> torch.Tensor:
    return torch.randn(3, 12, generator=torch.Generator().manual_seed(1))


def space(generator: CodedGenerator, classes: tuple[str, ...] = ("a", "b", "c")) -> StyleSpace:
    none = Directions(
        vectors=np.zeros((0, 12), np.float32), names=(), effects=np.zeros(0, np.float32)
    )
    return StyleSpace(generator, none, classes)


@torch.no_grad()
@pytest.mark.parametrize("told", [{"classes": 3}, {"words": 4}])
def test_guidance_goes_from_nothing_told_to_more_than_photos_do(
    z: torch.Tensor, told: dict[str, int]
) -> None:
    generator = made(**told)
    condition = LABELS if "classes" in told else torch.eye(4)[:3]
    free, asked = generator.flow(z), generator.flow(z, condition)
    torch.testing.assert_close(generator.guided(z, condition, 0), free)
    torch.testing.assert_close(generator.guided(z, condition, 1), asked)
    more = generator.guided(z, condition, 2)
    assert (more - free).norm() > 1.2 * (asked - free).norm()
    assert torch.nn.functional.cosine_similarity(more - asked, asked - free).min() > 0


@torch.no_grad()
def test_a_generator_keeps_its_guidance(z: torch.Tensor) -> None:
    plain, guided = made(classes=3), made(classes=3, guidance=2.0)
    assert "guidance" not in plain.config  # files of before stay what they are
    again = build(guided.config)
    again.load_state_dict(guided.state_dict())
    torch.testing.assert_close(again.eval().map(z, LABELS), plain.guided(z, LABELS, 2))
    # Without anything that is told there is nothing to follow.
    torch.testing.assert_close(guided.map(z), plain.map(z))


def test_designs_of_another_guidance_are_told_apart(tmp_path: Path) -> None:
    found = write(tmp_path / "a")
    for guidance in (1.5, 2.0):
        again = write(tmp_path / "b", guidance=guidance)
        assert again.card["generator_sha256"] == found.card["generator_sha256"]
        assert again.fingerprint != found.fingerprint
        found = again


@torch.no_grad()
def test_the_way_back_is_guided_too(z: torch.Tensor) -> None:
    generator = made(classes=3, guidance=1.5)
    back = generator.flow.latents(generator.map(z, LABELS), LABELS, steps=64)
    assert (back - z).abs().max() < 0.05


@pytest.mark.parametrize("wrong", [-0.1, 9.0, float("nan")])
def test_guidance_has_limits(wrong: float) -> None:
    with pytest.raises(ValueError, match="guidance is between 0 and 8"):
        build({**SMALL, "guidance": wrong})


@pytest.mark.parametrize("psi", [0.0, 0.7, 1.0])
def test_truncation_calms_the_latent(psi: float) -> None:
    generator = made(classes=3, guidance=1.5)
    found = space(generator).of_design(Design("a", seed=5, label=1, truncation=psi))
    expected = mapped(generator, np.float32(psi) * of_seed(5, 12)[None], Wish(1))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    labels = torch.tensor([1])
    with torch.no_grad():
        drawn = truncation(generator, psi)(torch.tensor(of_seed(5, 12)[None]), labels)[0]
    np.testing.assert_allclose(drawn, expected, atol=1e-5)  # what is measured is what is drawn


def test_relatives_are_what_the_flow_makes_of_latents_between() -> None:
    generator = made(classes=3)
    own, seed = space(generator), 9
    design = Design("a", seed=5, label=2)
    all_of_it = own.of_design(variation(design, seed, 1.0))
    np.testing.assert_allclose(all_of_it, own.of_design(Design("a", seed=seed, label=2)), atol=1e-5)
    latent = (of_seed(5, 12) + of_seed(seed, 12)) / np.sqrt(2)
    half = own.of_design(variation(design, seed, 0.5))
    between = mapped(generator, latent[None].astype(np.float32), Wish(2))[0]
    np.testing.assert_allclose(half, between, atol=1e-5)
