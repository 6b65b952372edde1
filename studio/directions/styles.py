"""Directions among styles, for generators with a mapping network, and the layers they act on."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from studio import appearance
from studio.directions.base import (
    BATCH,
    COUNT,
    TRIAL_STEPS,
    Directions,
    coarse_look,
    drawn,
    ends,
    named,
    rounded,
)
from studio.generators import Generator

SAMPLES = 10_000
# Categories that the samples are shared among; each needs enough for its centre.
CLASSES = 100
# Principal components that are tried out, on how many designs, and how many designs, of how many
# categories or texts, tell how much a trait varies. Together they are less than 500 pictures: this
# may run beside a training.
CANDIDATES = 12
TRIAL_DESIGNS = 8
SPREAD_DESIGNS, SPREAD_CLASSES = 64, 8
TRIAL_PIXELS = 64
# A direction acts only on the layers that its trait belongs to if at least this share of its
# effect on the trait comes from there, and the trait then stands out more among all it changes.
KEPT = 0.5


@torch.inference_mode()
def find(
    generator: Generator, count: int = COUNT, seed: int = 0, texts: Tensor | None = None
) -> Directions:
    """Find the ``count`` strongest directions of a generator, and name them by what they change.

    They are principal components of the styles (GANSpace, Härkönen et al., 2020), each as long as
    its standard deviation. The centres of categories, or of ``texts`` (n, words), are subtracted
    first: what tells dresses from skirts is not for a slider to decide. Each is tried out on the
    coarse and on the fine layers apart, and acts where what it is called by is decided.
    """
    random = torch.Generator().manual_seed(seed)
    # Half as fast again in this layout; a copy, as it changes the last bit of a picture.
    generator = copy.deepcopy(generator).to(memory_format=torch.channels_last)
    styles, labels = samples(generator, random, texts)
    vectors = principal(styles, labels)
    groups = layer_groups(generator)
    spread = spreads(generator, styles, labels)
    looks, changes = tried(generator, vectors, styles[-TRIAL_DESIGNS:], groups)
    changes /= spread
    strongest = looks.sum(1).square().mean((1, 2)).argsort(descending=True)[:count]
    found = []
    for index, trait in zip(strongest, named(changes[strongest].sum(1)), strict=True):
        part = deciding(changes[index], trait)
        effect = looks[index, part].sum(0).square().mean().sqrt()
        falls = trait is not None and changes[index, part, trait].sum() < 0
        vector = -vectors[index] if falls else vectors[index]
        found.append((effect, vector, trait, (groups[part][0][0], groups[part][-1][1])))
    found.sort(key=lambda each: -each[0])
    effects, vectors, traits, layers = zip(*found, strict=True)
    names = [ends(trait, index) for index, trait in enumerate(traits)]
    return rounded(torch.stack(vectors), names, torch.stack(effects), list(layers))


def samples(
    generator: Generator, random: torch.Generator, texts: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Styles (SAMPLES, style_dim) of all categories or texts in turn, and which: (SAMPLES,)."""
    latents = torch.randn(SAMPLES, generator.latent_dim, generator=random)
    if generator.words:
        texts = torch.zeros(1, generator.words) if texts is None else texts
        labels = torch.arange(SAMPLES) % len(texts)
        return generator.map(latents, texts[labels]), labels
    labels = torch.arange(SAMPLES) % max(1, min(generator.classes, CLASSES))
    return generator.map(latents, labels if generator.classes else None), labels


def principal(styles: Tensor, labels: Tensor) -> Tensor:
    """The first principal components of styles within their categories: (CANDIDATES, style_dim).

    Each is as long as its standard deviation; there are fewer where styles are shorter.
    """
    apart = styles.double()
    for label in range(int(labels.max()) + 1):
        apart[labels == label] -= apart[labels == label].mean(0)
    variances, vectors = torch.linalg.eigh(apart.T @ apart / len(apart))
    deviations = variances.clamp_min(0).sqrt()
    return (vectors * deviations).T.flip(0)[:CANDIDATES].float()


def layer_groups(generator: Generator) -> list[tuple[int, int]]:
    """The coarse and the fine layers as (first, end); all in one where there are no two groups."""
    if generator.coarse_layers >= generator.style_layers:
        return [(0, generator.style_layers)]
    return [(0, generator.coarse_layers), (generator.coarse_layers, generator.style_layers)]


def spreads(generator: Generator, styles: Tensor, labels: Tensor) -> Tensor:
    """The traits' standard deviations among designs of one category or text: (traits,).

    How a trait differs between categories is no measure of what a slider does within one.
    """
    few = (labels < SPREAD_CLASSES).nonzero().flatten()[:SPREAD_DESIGNS]
    _, traits = seen(generator, styles[few, None].expand(-1, generator.style_layers, -1))
    alike = [traits[labels[few] == label] for label in labels[few].unique()]
    apart = torch.cat([each - each.mean(0) for each in alike])
    return (apart.square().sum(0) / (len(apart) - len(alike))).sqrt().clamp_min(1e-6)


def tried(
    generator: Generator, vectors: Tensor, styles: Tensor, groups: list[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """What each vector changes in some designs through each group of layers.

    Returns:
        How coarse looks change per standard deviation, (vectors, groups, designs, pixels); and how
        the traits change on average from the low to the high end of a trial, (vectors, groups,
        traits).
    """
    base = styles[:, None].expand(-1, generator.style_layers, -1)
    steps = torch.zeros(len(vectors), len(groups), 2, *base.shape)
    for group, (first, end) in enumerate(groups):
        along = TRIAL_STEPS * vectors[:, None, None]  # the same for all designs and layers
        steps[:, group, 0, :, first:end] = -along
        steps[:, group, 1, :, first:end] = along
    looks, traits = (
        each.view(*steps.shape[:4], -1) for each in seen(generator, (base + steps).flatten(0, 3))
    )
    looks = (looks[:, :, 1] - looks[:, :, 0]) / (2 * TRIAL_STEPS)
    return looks, (traits[:, :, 1] - traits[:, :, 0]).mean(2)


def seen(generator: Generator, styles: Tensor) -> tuple[Tensor, Tensor]:
    """The coarse looks (N, pixels) and the traits (N, traits) of pictures of styles."""
    looks, traits = [], []
    for batch in styles.split(BATCH):
        pictures = drawn(generator, batch)
        looks.append(coarse_look(pictures))
        if generator.image_size > TRIAL_PIXELS:
            pictures = adaptive_avg_pool2d(pictures.float(), TRIAL_PIXELS)
        traits.append(appearance.measure(pictures))
    return torch.cat(looks), torch.cat(traits)


def deciding(changes: Tensor, trait: int | None) -> slice:
    """Which groups of layers a direction is to act on, that is called by a trait: all, or one.

    A trait of shape belongs to the coarse layers, one of colour or surface to the fine ones.
    ``changes`` (groups, traits) are what the direction changes through each group.
    """
    if trait is None or len(changes) == 1:
        return slice(None)
    group = 0 if appearance.TRAITS[trait].shape else 1
    whole, part = changes.sum(0), changes[group]
    kept = part[trait] / whole[trait]
    return (
        slice(group, group + 1)
        if kept >= KEPT and standing_out(part, trait) >= standing_out(whole, trait)
        else slice(None)
    )


def standing_out(change: Tensor, trait: int) -> Tensor:
    """A trait's change relative to all changes, 0 to 1."""
    return change[trait].abs() / change.norm().clamp_min(1e-6)
