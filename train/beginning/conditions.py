"""Starting from a generator by category or words for photos of other categories, or of none.

What it draws and judges by label is known from training, and the new one begins with it: a new
category as the earlier one of the same name, or else as the mean of all; pictures without
categories as that mean, or as those of no words. Left new at random, it would send every latent to
styles that nothing was ever drawn with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from studio.generators import Generator
from studio.generators.coded import CodedGenerator
from studio.generators.equalised import RECTIFIER_GAIN
from studio.generators.flow import TOLD
from studio.generators.style import CONDITION_GAIN, StyleGenerator, normalised
from train.beginning.priors import has_prior, told_shares

TABLE = "mapping.embedding.weight"
FIRST = "mapping.layers.0"
TABLE_OF_FLOW, TIME_OF_FLOW = "flow.embedding.weight", "flow.time.2.bias"
ANYTHING_OF_WORDS = "flow.embedding.2.bias"


def shares_of(before: Sequence[str], now: Sequence[str]) -> Tensor:
    """How much of each category of ``before`` is in each of ``now``: (len(now) or 1, len(before)).

    Rows sum to 1; one row where there are no categories now. Names are compared whatever their
    case.
    """
    known = [name.casefold() for name in before]
    shares = torch.full((len(now) or 1, len(before)), 1 / len(before))
    for row, name in zip(shares, now, strict=False):
        if name.casefold() in known:
            row.zero_()[known.index(name.casefold())] = 1
    return shares


def generator_told(
    weights: Mapping[str, Tensor], before: Mapping[str, Any], shares: Tensor, now: Generator
) -> dict[str, Tensor]:
    """A generator's weights for one that is told others, or nothing.

    Args:
        weights: of a style-based one.
        before: its configuration.
        shares: of each of its classes, see :func:`shares_of`; of its words, which are none then.
        now: the new one, which takes classes or nothing.
    """
    weights = dict(weights)
    table = weights.pop(TABLE).double()  # so that what is rounded is the same wherever it starts
    inputs, latents = before["latent_dim"] + before["style_dim"], before["latent_dim"]
    told, power = table.new_zeros(1, before["style_dim"]), 0.0
    if before.get("classes"):
        told = shares.double() @ normalised(table)
        power = CONDITION_GAIN**2 * before["style_dim"]
    if now.classes:
        return {**weights, TABLE: normalised(told).float()}
    # What follows the normed latent and the one thing told is a dense layer: that thing becomes
    # part of its bias, and the norm of both together a factor of its weights.
    of_latent, of_told = weights[f"{FIRST}.weight"].double().split((latents, inputs - latents), 1)
    norm = math.sqrt(inputs / (latents + power))
    moved = of_told @ told[0] * (CONDITION_GAIN * norm * RECTIFIER_GAIN / math.sqrt(inputs))
    weights[f"{FIRST}.weight"] = (of_latent * norm * math.sqrt(latents / inputs)).float()
    weights[f"{FIRST}.bias"] = (weights[f"{FIRST}.bias"].double() + moved).float()
    return weights


def flow_told(
    weights: Mapping[str, Tensor], before: Sequence[str], names: Sequence[str], now: CodedGenerator
) -> dict[str, Tensor]:
    """A coded generator's weights for one that is told others, or nothing.

    A new category begins as the earlier one of its name, else as anything that was drawn before;
    pictures without categories likewise.

    Args:
        before: the earlier categories, in the order of the flow's table, whose last row is that of
            anything.
        names: of the categories there are now.
    """
    weights = dict(weights)
    if now.words or not any(name.startswith("flow.") for name in weights):
        return weights
    told = {name: weights.pop(name) for name in [*weights] if name.startswith("flow.embedding.")}
    table = told.get(TABLE_OF_FLOW)
    if ANYTHING_OF_WORDS in told:  # what an empty text comes to
        table = told[ANYTHING_OF_WORDS][None]
    if now.classes:
        if table is None:
            table = torch.zeros(1, TOLD)  # it was told nothing, and draws as before
        known = [name.casefold() for name in before[: len(table) - 1]]
        rows = [known.index(n) if n in known else -1 for n in map(str.casefold, names)]
        if len(rows) == now.classes:
            weights[TABLE_OF_FLOW] = table[[*rows, -1]]
    elif table is not None:
        weights[TIME_OF_FLOW] = weights[TIME_OF_FLOW].float() + table[-1].float()
    return weights


def discriminator_told(
    weights: Mapping[str, Tensor], shares: Tensor, classes: int
) -> dict[str, Tensor]:
    """A DCGAN discriminator's weights for one that is told ``classes`` of others, or nothing (0).

    Its last convolution's first map is the logit, and each other one a condition's view.
    """
    weights = dict(weights)
    last = max(int(name.split(".")[1]) for name in weights)
    for name in (f"layers.{last}.weight", f"layers.{last}.bias"):
        logit, views = weights[name].double().split((1, shares.shape[1]))
        views = torch.tensordot(shares.double(), views, 1)
        weights[name] = (torch.cat([logit, views]) if classes else logit + views).float()
    return weights


def told_otherwise(
    generator: Mapping[str, Tensor],
    discriminator: Mapping[str, Tensor],
    card: Mapping[str, Any],
    names: Sequence[str],
    now: Generator,
) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    """Weights of both networks, as they were trained, for a generator that may be told others.

    Args:
        generator, discriminator: the weights; either may be empty.
        card: of the checkpoint that they are of.
        names: of the categories there are now.
        now: the generator to begin with them.
    """
    before = card["generator"]
    count, words = before.get("classes", 0), before.get("words", 0)
    if isinstance(now, CodedGenerator):
        listed = [str(each) for each in card.get("classes") or ()][:count]
        return flow_told(generator, listed, names, now), discriminator
    known = TABLE in generator or has_prior(generator)
    if not known or not (count or words) or not isinstance(now, StyleGenerator) or now.words:
        return generator, discriminator
    if count:
        listed = [str(each) for each in card.get("classes") or ()]
        listed = listed if len(listed) == count else [""] * count
        shares = shares_of(listed, names if now.classes else ())
    else:
        shares = torch.zeros(1, words)
    judge = card.get("discriminator") or {}
    views = judge.get("classes", 0), judge.get("words", 0)
    if discriminator and judge.get("kind") == "dcgan" and views == (count, words):
        discriminator = discriminator_told(discriminator, shares, now.classes)
    if has_prior(generator):
        if words:  # drawn without any
            shares = torch.tensor([[1.0, 0.0]]).expand(max(1, now.classes), -1)
        return told_shares(generator, shares), discriminator
    return generator_told(generator, before, shares, now), discriminator
