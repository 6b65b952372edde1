"""``python -m train categorise NAME CATEGORY … --out DIR``: by category instead of by words."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from studio import checkpoint, settings
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.generators import Generator
from studio.words import Encoder
from train.beginning.categorising import by_category, judged_by_category
from train.beginning.transfer import load_start
from train.commands import derived
from train.recipes import RECIPES

# What a card says of the one that draws by words.
OF_WORDS = ("title", "order", "guidance", "first", "discriminator")


def main(arguments: Sequence[str]) -> int:
    """Write the new generator's checkpoint and print where it is."""
    options = parser().parse_args(arguments)
    found = derived.original(options)
    before, encoder = found.load_generator(), found.load_words()
    if encoder is None:
        raise UserError(f"{found.title} draws by no words, so it knows no categories by name.")
    texts = spoken(options.categories)
    vectors = understood(encoder, texts)
    try:
        generator = by_category(before, vectors)
    except ValueError as error:
        raise UserError(f"{found.title} can't draw by category: {error}.") from error
    about = {
        "classes": list(texts),
        "recipe": recipe_for_more(generator),
        "categorised": {"from": found.name, "texts": texts},
    }
    card = derived.card(found, **about)
    card = {name: value for name, value in card.items() if name not in OF_WORDS}
    config, discriminator = judge(found, vectors)
    if config:
        card["discriminator"] = config
    checkpoint.save(options.out, generator, discriminator, card, derived.preview(generator))
    print(options.out)
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train categorise",
        description="Make a generator by category of one that draws by words. Each category draws"
        " what its name draws as words, or the text that is given. Nothing is trained, so it takes"
        " seconds; `match` then brings it nearer to photos in folders of these names.",
    )
    result.add_argument("name", metavar="NAME", help="a checkpoint's folder, or its name")
    result.add_argument(
        "categories",
        metavar="CATEGORY",
        nargs="+",
        help="its name, and where its words are other ones NAME=TEXT, as in tee='plain tshirt'",
    )
    result.add_argument("--out", metavar="DIR", type=Path, required=True, help="the new checkpoint")
    settings.add_folders(result)
    return result


def spoken(categories: Sequence[str]) -> dict[str, str]:
    """The text of each category, by its name.

    Raises:
        UserError: they are fewer than two, or one has no name or is named twice.
    """
    result: dict[str, str] = {}
    for each in categories:
        name, equals, text = (part.strip() for part in each.partition("="))
        if not checkpoint.is_name(name):
            raise UserError(f"{each!r} is no name of a category.")
        if name.casefold() in map(str.casefold, result):
            raise UserError(f"The category {name} is named twice.")
        result[name] = text if equals else name
    if len(result) < 2:
        raise UserError("Name at least two categories; one alone needs none.")
    return result


def understood(encoder: Encoder, texts: dict[str, str]) -> Tensor:
    """Texts as vectors (n, words).

    Raises:
        UserError: of one no word is known.
    """
    vectors = torch.from_numpy(encoder.vectors(texts.values()))
    for (name, text), vector in zip(texts.items(), vectors, strict=True):
        if not vector.any():
            remark = encoder.remark(text) or "There are no words."
            raise UserError(f"{name}: {remark} Say what it draws as {name}=TEXT.")
    return vectors


def recipe_for_more(generator: Generator) -> str:
    """The name of the recipe that trains it on: one that shows categories equally often."""
    balanced = [recipe for recipe in RECIPES.values() if recipe.balanced]
    widths = generator.config["widths"]
    alike = [recipe for recipe in balanced if recipe.generator["widths"] == widths]
    return [*alike, *balanced][0].name


def judge(found: Checkpoint, vectors: Tensor) -> tuple[dict[str, Any] | None, nn.Module | None]:
    """The configuration and discriminator for categories, or twice None where none can be had.

    Raises:
        CheckpointError: the file of that for words can't be read.
    """
    config, weights = found.card.get("discriminator"), load_start(found.folder)[1]
    if not weights or not isinstance(config, dict) or config.get("kind") != "dcgan":
        return None, None
    return judged_by_category(config, weights, vectors)
