"""A generator whose styles follow the codes of photos: shapes, moments, conditions, designs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio import checkpoint
from studio.design import from_dict, from_seed
from studio.generators import Generator, build
from studio.generators.prior import Prior
from studio.render import Renderer

STYLED = {"latent_dim": 5, "style_dim": 4, "widths": [8, 8, 4], "output": "tanh", "prior": 1}
KINDS = ("style", "self-modulated")


def filled(prior: Prior, seed: int = 0) -> Prior:
    """The prior with other numbers than it begins with; symmetric roots, rows apart."""
    random = torch.Generator().manual_seed(seed)
    for each in prior.buffers():
        each.copy_(torch.randn(each.shape, generator=random))
    vectors, _ = torch.linalg.qr(torch.randn(prior.centre.numel(), len(prior.components)))
    prior.components.copy_(vectors.T)
    prior.roots.copy_(prior.roots @ prior.roots.mT / prior.latent_dim)
    prior.shares.copy_(prior.shares.abs())
    return prior


def made(make_generator: Callable, kind: str, **more: int) -> Generator:
    generator = make_generator({**STYLED, "kind": kind, **more}, 1)
    filled(generator.prior)
    return generator


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("told", [{}, {"classes": 3}, {"words": 2}])
def test_each_layer_has_a_style_of_its_own(
    make_generator: Callable, kind: str, told: dict[str, int]
) -> None:
    generator = made(make_generator, kind, **told)
    again = build(generator.config)
    again.load_state_dict(generator.state_dict())
    condition = None
    if told:
        condition = torch.tensor([0, 2]) if "classes" in told else torch.tensor([[0, 0], [1.0, 0]])
    z = torch.randn(2, 5, generator=torch.Generator().manual_seed(3))
    styles = generator.map(z, condition)
    assert styles.shape == (2, 3, 4)
    assert not torch.allclose(styles[:, 0], styles[:, 1])
    pictures = generator(z, condition)
    assert pictures.shape == (2, 3, 16, 16)
    torch.testing.assert_close(again.eval()(z, condition), pictures)


def test_draws_have_the_mean_and_the_covariance_of_each_category() -> None:
    prior = filled(Prior(5, 2, 4, classes=2))
    z = torch.randn(200_000, 5, generator=torch.Generator().manual_seed(0))
    for label in range(2):
        codes = prior(z, torch.full((len(z),), label)).flatten(1)
        mean = prior.centre + prior.means[label, 0] @ prior.components
        torch.testing.assert_close(codes.mean(0), mean, atol=0.03, rtol=0)
        root = prior.roots[label, 0]
        covariance = prior.components.T @ root @ root @ prior.components
        torch.testing.assert_close(codes.T.cov(), covariance, atol=0.15, rtol=0.02)


def test_the_terms_of_a_text_move_the_mean_and_no_text_is_a_gaussian_of_its_own() -> None:
    prior = filled(Prior(3, 2, 4, words=2))
    texts = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.6, 0.8]])
    found = prior(torch.zeros(3, 3), texts).flatten(1)
    free, told = prior.means[:, 0]
    added = torch.nn.functional.gelu((texts > 0).float() @ prior.told + prior.offset) @ prior.meant
    codes = torch.stack([free, told + added[1], told + added[2]])
    torch.testing.assert_close(found, prior.centre + codes @ prior.components)
    # Only whether a term is there counts.
    again = prior(torch.zeros(1, 3), torch.tensor([[0.2, 0.1]])).flatten()
    torch.testing.assert_close(again, found[2])


def test_what_does_not_fit_is_refused(make_generator: Callable) -> None:
    with pytest.raises(ValueError, match="no 13 components"):
        build({**STYLED, "kind": "style", "latent_dim": 13})
    with pytest.raises(ValueError, match="takes no label or text"):
        made(make_generator, "style").map(torch.zeros(1, 5), torch.zeros(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="needs a label or text"):
        made(make_generator, "style", classes=2).map(torch.zeros(1, 5))


def test_a_mixtures_parts_come_as_often_as_they_are() -> None:
    prior = filled(Prior(4, 2, 4, parts=4))
    prior.shares.copy_(torch.tensor([[0.5, 0.3, 0.2, 0.0]]))
    z = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(0))
    parts = prior.part(z, torch.zeros(len(z), dtype=torch.int64))
    counts = parts.bincount(minlength=4) / len(z)
    torch.testing.assert_close(counts, prior.shares[0], atol=0.01, rtol=0)
    for part in range(3):
        mean = prior(z[parts == part]).flatten(1).mean(0)
        wanted = prior.centre + prior.means[0, part] @ prior.components
        torch.testing.assert_close(mean, wanted, atol=0.08, rtol=0)
        middle = prior(prior.middle(z[parts == part][:1])).flatten()
        torch.testing.assert_close(middle, wanted)


def test_a_part_without_a_share_is_never_drawn() -> None:
    prior = filled(Prior(4, 2, 4, parts=3))
    prior.shares.copy_(torch.tensor([[0.2998, 0.6998, 0.0]]))  # as float16 rounds them
    z = torch.tensor([[0, 0, 0, 9.0], [0, 0, 0, 3.9], [0, 0, 0, -9.0]])
    assert prior.part(z, torch.zeros(3, dtype=torch.int64)).tolist() == [1, 1, 0]


def test_designs_stay_in_their_part(make_generator: Callable, tmp_path: Path) -> None:
    generator = make_generator({**STYLED, "kind": "style", "prior": 5}, 1)
    filled(generator.prior)
    checkpoint.save(tmp_path / "bags", generator, None, {}, Image.new("RGB", (16, 16)), half=False)
    renderer = Renderer(tmp_path)
    prior = generator.prior
    middles = (prior.centre + prior.means[0] @ prior.components).view(5, 3, 4).numpy()
    found = set()
    for seed in range(12):
        average = renderer.styles(from_seed("bags", seed, truncation=0.0))
        found.add(int(np.abs(middles - average).max((1, 2)).argmin()))
        assert np.abs(middles - average).max((1, 2)).min() < 1e-5
        varied = from_seed("bags", seed, truncation=0.0, variations=[[99, 0.8]])
        np.testing.assert_allclose(renderer.styles(varied), average, atol=1e-5)
        nearby = renderer.styles(from_seed("bags", seed, variations=[[99, 0.2]]))
        assert np.abs(nearby - renderer.styles(from_seed("bags", seed))).max() > 1e-3
    assert len(found) > 2
    first, second = from_seed("bags", 1), from_seed("bags", 2)
    blend = {"generator": "bags", "blend": [first.to_dict(), second.to_dict(), 0.5]}
    centre = renderer.styles(from_dict({**blend, "truncation": 0.0}))
    halves = [renderer.styles(from_seed("bags", seed, truncation=0.0)) for seed in (1, 2)]
    np.testing.assert_allclose(centre, sum(halves) / 2, atol=1e-5)


@pytest.fixture
def renderer(tmp_path: Path, make_generator: Callable) -> Renderer:
    """A renderer of ``garments``, a generator of two categories with a prior."""
    generator = made(make_generator, "self-modulated", classes=2)
    card = {"classes": ["Coat", "Dress"]}
    checkpoint.save(
        tmp_path / "all" / "garments", generator, None, card, Image.new("RGB", (16, 16)), half=False
    )
    return Renderer(tmp_path / "all")


def test_designs_are_put_together_in_its_styles(renderer: Renderer) -> None:
    prior = renderer.open("garments").generator.prior
    design = from_seed("garments", 3, label=1)
    styles = renderer.styles(design)
    assert styles.shape == (3, 4)
    centre = (prior.centre + prior.means[1, 0] @ prior.components).view(3, 4).numpy()
    for psi in (0.0, 0.5):
        found = renderer.styles(from_seed("garments", 3, label=1, truncation=psi))
        np.testing.assert_allclose(found, centre + psi * (styles - centre), atol=1e-5)


def test_sliders_move_layers_apart(renderer: Renderer) -> None:
    opened = renderer.open("garments")
    vectors = opened.directions.vectors
    assert vectors.shape[1:] == (3, 4)
    moved = renderer.styles(from_seed("garments", 3, directions=[[0, 2.0]]))
    still = renderer.styles(from_seed("garments", 3))
    np.testing.assert_allclose(moved - still, 2 * vectors[0], atol=1e-5)
