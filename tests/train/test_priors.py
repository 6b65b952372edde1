"""Fitting priors to codes, and carrying them over to other categories, texts and sizes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from studio.generators import Generator, build
from studio.generators.prior import Prior
from train.beginning.categorising import by_category
from train.beginning.conditions import told_otherwise
from train.beginning.transfer import take_over
from train.codes import priors

LAYERS, DIM = 3, 4
STYLED = {
    "kind": "style",
    "latent_dim": 5,
    "style_dim": DIM,
    "widths": [8, 8, 4],
    "output": "tanh",
    "prior": 1,
}


def codes_of(count: int, seed: int = 0) -> Tensor:
    """Codes that vary much along some axes and little along others, off the origin."""
    random = torch.Generator().manual_seed(seed)
    scales = torch.linspace(2.0, 0.1, LAYERS * DIM)
    rows = torch.randn(count, LAYERS * DIM, generator=random) * scales + 3
    return rows.view(count, LAYERS, DIM)


def drawn(prior: Prior, condition: Tensor | None = None, count: int = 100_000) -> Tensor:
    """Codes of a prior, (count, size)."""
    z = torch.randn(count, prior.latent_dim, generator=torch.Generator().manual_seed(9))
    told = None if condition is None else condition.expand(count, *condition.shape[1:])
    return prior(z, told).flatten(1)


def test_draws_have_the_codes_mean_and_covariance() -> None:
    codes = codes_of(500)
    found = drawn(priors.fitted(codes, components=12))
    flat = codes.flatten(1)
    torch.testing.assert_close(found.mean(0), flat.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(found.T.cov(), flat.T.cov(correction=0), atol=0.06, rtol=0)


def test_the_strongest_components_are_kept() -> None:
    codes = codes_of(500)
    prior = priors.fitted(codes, components=2)
    assert prior.latent_dim == 2
    variances = drawn(prior).var(0)
    assert (variances[:2] > 1).all() and variances[5:].max() < 0.1


def test_there_are_fewer_components_than_codes() -> None:
    assert priors.fitted(codes_of(4)).latent_dim == 3


def test_each_category_has_its_mean_and_a_covariance_between_its_own_and_all() -> None:
    codes = codes_of(400)
    labels = torch.arange(400) % 2
    codes[labels == 1] = codes[labels == 1] / 2 + 10
    prior = priors.fitted(codes, labels, classes=3, components=12)
    for label in range(2):
        found = drawn(prior, torch.tensor([label]))
        own = codes[labels == label].flatten(1)
        torch.testing.assert_close(found.mean(0), own.mean(0), atol=0.03, rtol=0)
    wide, narrow = (
        drawn(prior, torch.tensor([label])).var(0).sum()
        / codes[labels == label].flatten(1).var(0).sum()
        for label in range(2)
    )
    assert 0.7 < wide < 1 < narrow < 2.2
    # One without a photo is as all.
    torch.testing.assert_close(
        drawn(prior, torch.tensor([2])).mean(0), codes.flatten(1).mean(0), atol=0.05, rtol=0
    )


def test_a_texts_codes_follow_its_words() -> None:
    random = torch.Generator().manual_seed(1)
    texts = (torch.rand(1000, 2, generator=random) < 0.2).float()
    codes = codes_of(1000)
    codes[:, 0, 0] += 8 * texts[:, 0]
    prior = priors.fitted(codes, texts, components=12)
    none, first, second = (
        drawn(prior, torch.tensor([each])).mean(0)[0]
        for each in ([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    )
    assert first - second == pytest.approx(8, abs=1.5)
    assert none == pytest.approx(codes[:, 0, 0].mean().item(), abs=0.1)  # as all photos
    # Without words there is more to choose from.
    widths = [drawn(prior, torch.tensor([each])).var(0)[0] for each in ([0.0, 0.0], [1.0, 0.0])]
    assert widths[0] > 1.5 * widths[1]


def test_a_word_counts_the_same_in_a_prompt_and_in_a_caption() -> None:
    random = torch.Generator().manual_seed(1)
    terms = torch.rand(3000, 12, generator=random) < 0.2
    codes = codes_of(3000)
    codes[:, 0, 0] += 6 * terms[:, 0]
    texts = terms / terms.sum(1, keepdim=True).clamp(min=1).sqrt()  # as long as TF-IDF's: 1
    prior = priors.fitted(codes, texts, components=12)

    def mean(*words: int) -> float:
        text = torch.zeros(1, 12)
        text[0, list(words)] = len(words) ** -0.5
        return drawn(prior, text).mean(0)[0].item()

    assert mean(0) - mean(1) == pytest.approx(6, abs=1)
    assert mean(*range(12)) - mean(*range(1, 12)) == pytest.approx(6, abs=1)


def test_one_latent_is_nearly_the_same_thing_in_every_category() -> None:
    codes = codes_of(600)
    labels = torch.arange(600) % 2
    codes[labels == 1, 1] += 5
    prior = priors.fitted(codes, labels, classes=2, components=12)
    z = torch.randn(50, 12, generator=torch.Generator().manual_seed(2))
    one, other = (prior(z, torch.full((50,), label)).flatten(1) for label in range(2))
    apart = [each - each.mean(0) for each in (one, other)]
    assert torch.nn.functional.cosine_similarity(*apart).min() > 0.9


def clusters(count: int) -> tuple[Tensor, Tensor]:
    """Codes in three far clusters, 50, 30 and 20 % of them, and which each is of."""
    codes = codes_of(count) / 4
    which = torch.arange(count) % 10
    which = (which >= 5).long() + (which >= 8).long()
    codes[which == 1, 0, 0] += 20
    codes[which == 2, 1, 1] += 20
    return codes, which


def test_a_mixture_finds_the_parts() -> None:
    codes, which = clusters(1000)
    prior = priors.fitted(codes, components=12, parts=3)
    assert sorted(prior.shares[0].tolist()) == pytest.approx([0.2, 0.3, 0.5], abs=0.01)
    middles = (prior.centre + prior.means[0] @ prior.components).sort(0).values
    wanted = torch.stack([codes[which == at].flatten(1).mean(0) for at in range(3)])
    torch.testing.assert_close(middles, wanted.sort(0).values, atol=0.1, rtol=0)
    found, flat = drawn(prior), codes.flatten(1)
    torch.testing.assert_close(found.mean(0), flat.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(found.T.cov(), flat.T.cov(correction=0), atol=1.5, rtol=0)
    # Nothing lies between the clusters, where a single Gaussian would draw most.
    between = ((found[:, 0] > 6) & (found[:, 0] < 14)).float().mean()
    assert between < 0.01
    one = drawn(priors.fitted(codes, components=12))
    assert ((one[:, 0] > 6) & (one[:, 0] < 14)).float().mean() > 0.2


def test_few_codes_are_of_fewer_parts() -> None:
    prior = priors.fitted(codes_of(45), components=4, parts=8)
    assert (prior.shares[0] > 0).sum() == 2
    alone = priors.fitted(codes_of(15), components=4, parts=8)
    assert alone.shares[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def test_fitting_repeats() -> None:
    codes, _ = clusters(300)
    first, again = (priors.fitted(codes, components=5, parts=4, seed=2) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first.buffers(), again.buffers(), strict=True))


# --- carried over ------------------------------------------------------------------------------


def with_prior(make_generator: Callable, prior: Prior, **more: int) -> Generator:
    form = {"latent_dim": prior.latent_dim, "prior": prior.parts}
    generator = make_generator({**STYLED, **form, **more}, 1)
    generator.mapping.load_state_dict(prior.state_dict())
    return generator


def begun(old: Generator, before: tuple[str, ...], names: tuple[str, ...]) -> Generator:
    """A generator of categories ``names`` that begins with what ``old`` draws."""
    new = build({**old.config, "classes": len(names), "words": 0})
    card = {"generator": old.config, "classes": list(before)}
    weights, _ = told_otherwise(old.state_dict(), {}, card, names, new)
    new.load_state_dict(weights)
    return new.eval()


def two_categories(parts: int) -> Prior:
    codes = codes_of(300)
    labels = torch.arange(300) % 2
    codes[labels == 1] += 4
    return priors.fitted(codes, labels, classes=2, components=5, parts=parts)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_new_category_is_the_one_of_its_name_or_all(make_generator: Callable, parts: int) -> None:
    old = with_prior(make_generator, two_categories(parts), classes=2)
    new = begun(old, ("coat", "dress"), ("Dress", "hat"))
    z = torch.randn(4, old.latent_dim, generator=torch.Generator().manual_seed(0))
    dresses = torch.ones(4, dtype=torch.int64)
    assert torch.equal(new(z, 0 * dresses), old(z, dresses))
    hats = drawn(new.prior, torch.tensor([1]))
    both = torch.cat([drawn(old.prior, torch.tensor([label])) for label in range(2)])
    torch.testing.assert_close(hats.mean(0), both.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(hats.T.cov(), both.T.cov(), atol=0.2, rtol=0.02)
    plain = begun(old, ("coat", "dress"), ())
    torch.testing.assert_close(drawn(plain.prior).mean(0), both.mean(0), atol=0.05, rtol=0)


def by_words() -> Prior:
    texts = (torch.rand(300, 2, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    codes = codes_of(300)
    codes[:, 0, 0] += 8 * texts[:, 0]
    return priors.fitted(codes, texts, components=5)


def test_without_words_it_draws_as_it_did_without_any(make_generator: Callable) -> None:
    old = with_prior(make_generator, by_words(), words=2)
    z = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(begun(old, (), ())(z), old(z, torch.zeros(4, 2)))
    sorted_ = begun(old, (), ("coat", "hat"))
    assert torch.equal(sorted_(z, torch.arange(4) % 2), old(z, torch.zeros(4, 2)))


def test_a_category_of_a_text_draws_what_the_text_draws(make_generator: Callable) -> None:
    old = with_prior(make_generator, by_words(), words=2)
    texts = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    new = by_category(old, texts)
    z = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(new(z, torch.arange(2)), old(z, texts))


def test_a_larger_generator_begins_with_the_smaller_ones_pictures(make_generator: Callable) -> None:
    small = with_prior(make_generator, priors.fitted(codes_of(100), components=5))
    large = build({**small.config, "widths": [8, 8, 4, 4]}).eval()
    take_over(large, small.state_dict())
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    assert large.map(z).shape == (3, 4, DIM)
    torch.testing.assert_close(large.map(z)[:, :3], small.map(z))
    torch.testing.assert_close(large.map(z)[:, 3], small.map(z)[:, 2])
    torch.testing.assert_close(large.previews(large.map(z))[2], small(z))


def test_a_smaller_generator_begins_with_the_first_levels(make_generator: Callable) -> None:
    large = with_prior(make_generator, priors.fitted(codes_of(100), components=5))
    small = build({**large.config, "widths": [8, 8]}).eval()
    take_over(small, large.state_dict())
    z = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(small(z), large.previews(large.map(z))[1])
