"""The recipe that trains a checkpoint on: its own networks, and settings that fit them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch

from studio import generators
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from train import discriminators
from train.beginning.transfer import networks_of
from train.recipes import RECIPES, Recipe

Frozen = tuple[tuple[str, Any], ...]  # a network's configuration, to remember what it is like


@dataclass(frozen=True)
class Shape:
    """What pictures a generator draws."""

    size: int
    channels: int


def shape_of(recipe: Recipe) -> Shape:
    """The size and channels of the images that a recipe trains on."""
    return _shape(_frozen(recipe.generator))


@lru_cache(256)
def _shape(config: Frozen) -> Shape:
    with torch.device("meta"):  # sizes only
        network = generators.build(_thawed(config))
    return Shape(network.image_size, network.channels)


@lru_cache(256)
def _fits(generator: Frozen, discriminator: Frozen) -> bool:
    """Whether a discriminator can judge what a generator draws."""
    shape = _shape(generator)
    with torch.device("meta"):
        judge = discriminators.build(_thawed(discriminator))
        told = {}
        if words := getattr(judge, "words", 0):
            told = {"condition": torch.zeros(2, words)}
        elif getattr(judge, "classes", 0):
            told = {"condition": torch.zeros(2, dtype=torch.int64)}
        try:
            judge(torch.empty(2, shape.channels, shape.size, shape.size), **told)
        except RuntimeError:
            return False
    return True


@lru_cache(256)
def _can_tell(generator: Frozen, discriminator: Frozen) -> bool:
    """Whether networks can be told of classes."""
    two = {"classes": 2}
    with torch.device("meta"):
        try:
            generators.build(_thawed(generator) | two)
            discriminators.build(_thawed(discriminator) | two)
        except ValueError:
            return False
    return True


def _frozen(config: Mapping[str, Any]) -> Frozen:
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(config.items())
    )


def _thawed(config: Frozen) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in config}


def recipe_for(name: str, start: Checkpoint | None) -> Recipe:
    """The recipe called ``name``, its networks those of the checkpoint to start from.

    It is conditional if those networks can be told of classes, and the recipe or they themselves
    are meant to be.
    Where no name is given it is the checkpoint's own recipe, else the first one for such networks;
    where there is no checkpoint either, the first of all.

    Raises:
        UserError: there is no such recipe, or the checkpoint can't be trained on.
    """
    if name and name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}. Choose one of: {', '.join(RECIPES)}.")
    if start is None:
        return RECIPES[name] if name else next(iter(RECIPES.values()))
    try:
        networks = networks_of(start.card)
        recipe = replace(RECIPES[name] if name else _recipe_of(start), **networks)
        parts = _frozen(recipe.generator), _frozen(recipe.discriminator)
        meant = recipe.conditional or bool(recipe.generator.get("classes"))
        # What learns codes plays no game, so whichever discriminator its recipe names is not asked.
        if recipe.generator["kind"] == "coded" or _fits(*parts):
            return replace(recipe, conditional=meant and _can_tell(*parts))
    except (ValueError, TypeError, KeyError):
        pass  # cards are other people's
    raise UserError(f"{start.title} can't be trained on: its card does not say how.")


def _recipe_of(start: Checkpoint) -> Recipe:
    named = start.card.get("recipe")
    if isinstance(named, str) and named in RECIPES:
        return RECIPES[named]
    shape = _shape(_frozen(start.card["generator"]))
    kind = start.card["generator"].get("kind")
    for recipe in RECIPES.values():
        alike = recipe.generator["kind"] == kind
        if alike and shape_of(recipe).channels == shape.channels:
            return recipe
    return next(iter(RECIPES.values()))
