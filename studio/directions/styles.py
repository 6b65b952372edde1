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
    rounded,
)
from studio.generators import Generator

SAMPLES = 10_000
# Categories that the samples are shared among; each needs enough for its centre.
CLASSES = 100
# Principal components of each group of layers, of how many designs the traits are measured to find
# directions among them, and on how many designs those are tried out. Together they are some 700
# pictures: this may run beside a training.
COMPONENTS = 16
TRAIT_DESIGNS, TRAIT_CLASSES = 400, 16
TRIAL_DESIGNS = 8
TRIAL_PIXELS = 64
RIDGE = 0.02  # of the designs, so that components which are one are taken in equal parts
# A direction that is mostly one of those before it is none.
LEAST_NEW = 0.4
# A direction acts only on the layers that its trait belongs to if at least this share of its
# effect on the trait comes from there, and the trait then stands out more among all it changes.
KEPT = 0.5


@torch.inference_mode()
def find(
    generator: Generator, count: int = COUNT, seed: int = 0, texts: Tensor | None = None
) -> Directions:
    """Find ``count`` directions of a generator, named by what they change.

    Styles are written in principal components (GANSpace, Härkönen et al., 2020) of the coarse and
    of the fine layers apart, each as long as its standard deviation. The centres of categories, or
    of ``texts`` (n, words), are subtracted first: what tells dresses from skirts is not for a
    slider to decide. Each trait is regressed on them, and its direction is that along which it
    changes most (as attributes' in InterFaceGAN, Shen et al., 2020, without what those before it
    change). Each is tried out on both groups of layers, and acts where what it is called by is
    decided; what does not change its trait clearly is left out. Where too few are left, the
    strongest components follow, without names.
    """
    random = torch.Generator().manual_seed(seed)
    # Half as fast again in this layout; a copy, as it changes the last bit of a picture.
    generator = copy.deepcopy(generator).to(memory_format=torch.channels_last)
    styles, labels = samples(generator, random, texts)
    groups = layer_groups(generator)
    components = torch.cat([principal(styles, labels, group) for group in groups])
    some = (labels < TRAIT_CLASSES).nonzero().flatten()[:TRAIT_DESIGNS]
    slopes, spread = regressed(generator, styles[some], labels[some], components)
    traits, ways = told_apart(slopes / spread)
    # All of the directions may turn out to change their traits too little.
    free = without(torch.eye(len(components)), ways)[:count]
    vectors = torch.tensordot(torch.cat([ways, free]), components, 1)
    looks, changes = tried(generator, vectors, styles[-TRIAL_DESIGNS:], groups)
    changes /= spread
    found: list[tuple[bool, Tensor, Tensor, int | None]] = []
    for index, trait in enumerate([*traits, *[None] * len(free)]):
        part = deciding(changes[index], trait)
        change = 0.0 if trait is None else changes[index, part, trait].sum().item()
        if trait is not None and abs(change) < appearance.CLEAR_CHANGE:
            continue
        effect = looks[index, part].sum(0).square().mean().sqrt()
        first, end = groups[part][0][0], groups[part][-1][1]
        vector = torch.zeros_like(vectors[index])
        vector[first:end] = -vectors[index, first:end] if change < 0 else vectors[index, first:end]
        found.append((trait is None, -effect, vector, trait))
    found.sort(key=lambda each: each[:2])
    chosen = found[:count]
    names = [ends(trait, index) for index, (*_, trait) in enumerate(chosen)]
    effects = -torch.stack([effect for _, effect, _, _ in chosen])
    return rounded(torch.stack([vector for _, _, vector, _ in chosen]), names, effects)


def samples(
    generator: Generator, random: torch.Generator, texts: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Styles (SAMPLES, style_layers, style_dim) of all categories or texts in turn, and which."""
    latents = torch.randn(SAMPLES, generator.latent_dim, generator=random)
    if generator.words:
        texts = torch.zeros(1, generator.words) if texts is None else texts
        labels = torch.arange(SAMPLES) % len(texts)
        return generator.per_layer(generator.map(latents, texts[labels])), labels
    labels = torch.arange(SAMPLES) % max(1, min(generator.classes, CLASSES))
    styles = generator.map(latents, labels if generator.classes else None)
    return generator.per_layer(styles), labels


def principal(styles: Tensor, labels: Tensor, group: tuple[int, int]) -> Tensor:
    """The first principal components of a group of layers within categories, strongest first.

    They are (COMPONENTS, style_layers, style_dim), fewer where styles are shorter, each as long as
    its standard deviation and zero in other layers.
    """
    first, end = group
    apart = centred(styles[:, first:end].flatten(1).double(), labels)
    variances, vectors = torch.linalg.eigh(apart.T @ apart / len(apart))
    deviations = variances.clamp_min(0).sqrt()
    strongest = (vectors * deviations).T.flip(0)[:COMPONENTS].float()
    result = torch.zeros(len(strongest), *styles.shape[1:])
    result[:, first:end] = strongest.unflatten(1, (end - first, -1))
    return result


def centred(rows: Tensor, labels: Tensor) -> Tensor:
    """Rows (n, k) without the means of their categories."""
    rows = rows.clone()
    for label in labels.unique():
        rows[labels == label] -= rows[labels == label].mean(0)
    return rows


def layer_groups(generator: Generator) -> list[tuple[int, int]]:
    """The coarse and the fine layers as (first, end); all in one where there are no two groups."""
    if generator.coarse_layers >= generator.style_layers:
        return [(0, generator.style_layers)]
    return [(0, generator.coarse_layers), (generator.coarse_layers, generator.style_layers)]


def regressed(
    generator: Generator, styles: Tensor, labels: Tensor, components: Tensor
) -> tuple[Tensor, Tensor]:
    """How traits change along components within a category: (components, traits), by ridge.

    Also the traits' standard deviations there, (traits,): how a trait differs between categories
    is no measure of what a slider does within one.
    """
    lengths = components.flatten(1).square().sum(1).clamp_min(1e-12)
    rows = centred(styles.flatten(1), labels) @ components.flatten(1).T / lengths
    traits = centred(seen(generator, styles)[1], labels)
    squares = rows.T @ rows + RIDGE * len(rows) * torch.eye(len(components))
    slopes = torch.linalg.solve(squares, rows.T @ traits)
    freedom = max(1, len(traits) - len(labels.unique()))
    return slopes, (traits.square().sum(0) / freedom).sqrt().clamp_min(1e-6)


def told_apart(slopes: Tensor) -> tuple[list[int], Tensor]:
    """Which traits have a direction, and it: unit vectors (n, components), mutually orthogonal.

    The trait that components tell most about comes first; of each the part that is new counts.
    """
    traits: list[int] = []
    ways = slopes.new_zeros(0, len(slopes))
    for trait in slopes.norm(dim=0).argsort(descending=True).tolist():
        way = slopes[:, trait] / slopes[:, trait].norm().clamp_min(1e-12)
        new = way - ways.T @ (ways @ way)
        if new.norm() >= LEAST_NEW:
            traits.append(trait)
            ways = torch.cat([ways, new[None] / new.norm()])
    return traits, ways


def without(rows: Tensor, ways: Tensor) -> Tensor:
    """What is left of unit vectors (n, k) beside ``ways``, orthogonal too; the same order."""
    kept = ways
    for row in rows:
        new = row - kept.T @ (kept @ row)
        if new.norm() >= LEAST_NEW:
            kept = torch.cat([kept, new[None] / new.norm()])
    return kept[len(ways) :]


def tried(
    generator: Generator, vectors: Tensor, styles: Tensor, groups: list[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """What each vector changes in some designs through each group of layers.

    Returns:
        How coarse looks change per standard deviation, (vectors, groups, designs, pixels); and how
        the traits change on average from the low to the high end of a trial, (vectors, groups,
        traits).
    """
    steps = torch.zeros(len(vectors), len(groups), 2, *styles.shape)
    for group, (first, end) in enumerate(groups):
        along = TRIAL_STEPS * vectors[:, None, first:end]  # the same for all designs
        steps[:, group, 0, :, first:end] = -along
        steps[:, group, 1, :, first:end] = along
    looks, traits = (
        each.view(*steps.shape[:4], -1) for each in seen(generator, (styles + steps).flatten(0, 3))
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
