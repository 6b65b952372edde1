"""Named, complete settings to train with."""

from __future__ import annotations

from train.recipes.coded import CODED
from train.recipes.modern import MODERN
from train.recipes.published import PUBLISHED
from train.recipes.recipe import (
    GROWING,
    OF_CODES,
    TEACHERS,
    Recipe,
    at_size,
    for_classes,
    for_words,
    from_dict,
    taught_by,
    with_vocabulary,
)

__all__ = [
    "GROWING",
    "OF_CODES",
    "RECIPES",
    "TEACHERS",
    "Recipe",
    "at_size",
    "for_classes",
    "for_words",
    "from_dict",
    "get",
    "taught_by",
    "with_vocabulary",
]

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (*MODERN, *PUBLISHED, *CODED)}


def get(name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise ValueError(
            f"There is no recipe {name!r}. Choose one of: {', '.join(RECIPES)}."
        ) from None
