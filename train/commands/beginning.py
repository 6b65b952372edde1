"""Making the run that a shell asks for: what it learns from, what it starts from, its settings."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio import checkpoint
from studio.generators.coded import CodedGenerator
from studio.inversion.loading import PHOTO
from train import recipes
from train.beginning.transfer import check_start, copy_start
from train.data.held_out import without_held_out
from train.data.images import ImageSet
from train.recipes.starting import recipe_for, shape_of
from train.runs.run import START, Run, RunError
from train.runs.settings import Settings
from train.teachers.codes import LEARNING, MISSING, NO_STYLES
from train.teachers.features import frozen_stages, weights_file
from train.work.dataset import check_same, digest, load, place_of

# What of a recipe can be changed for one run.
CHANGES = ("batch", "learning_rate", "augment", "freeze", "encoder_share")


def create(options: argparse.Namespace, how: dict[str, Any]) -> tuple[Run, ImageSet]:
    """Read the images and what it starts from, then make the run's folder.

    So what can't be used leaves nothing behind. ``how`` to work on it is kept for later times.
    """
    for place in (options.data, *options.more):
        check_apart(place, options.out)
    start = checkpoint.read(options.start_from) if options.start_from else None
    lone = options.teachers == ("likeness",) and not options.recipe
    # Without a game, what the start was trained with decides next to nothing.
    recipe = recipe_for("", start) if lone else recipes.get(options.recipe or recipe_of(start))
    if options.size:
        recipe = smaller(recipe, options.size)
    if start and is_coded(recipe, start):
        recipe = with_networks_of(recipe, start)
    elif start and not related(recipe, start):
        recipe = recipe_for(recipe.name, start)
    if options.vocabulary:
        recipe = worded(recipe, options.vocabulary, start)
    if options.teachers:
        recipe = recipes.taught_by(recipe, options.teachers)
    changes = {name: getattr(options, name) for name in CHANGES}
    recipe = replace(
        recipe, **{name: value for name, value in changes.items() if value is not None}
    )
    check_codes(recipe, start)
    settings = Settings(
        recipe=recipe.to_dict(),
        data=place_of(options.data),
        more=tuple(map(place_of, options.more)),
        fit=options.fit or "crop",
        ground=options.ground,
        data_digest=None,
        seed=recipe.seed if options.seed is None else options.seed,
        length={},
        card={},
        live=bool(options.live),
        device=options.device or "auto",
        options=how,
        start_from=start.name if start else "",
    )
    data = load(settings)
    if options.hold_out:
        data, left_out = held_out(data)
        settings = replace(settings, leave_out=left_out)
    own = recipes.for_classes(recipe, len(data.label_names)).to_dict()
    title = options.out.resolve().name
    card = {"title": title, **read_card(options.card), **data_card(options, data)}
    settings = replace(settings, recipe=own, data_digest=digest(data), card=card)
    if start:
        check_start(start, own["generator"], own["discriminator"], data.label_names)
    seeing = {"likeness", "reconstruction", "styles"} & set(recipe.teachers)
    if seeing and not options.on:
        frozen_stages(weights_file(how.get("feature_weights")), ())  # raises if they can't be had

    def fill(folder: Path) -> None:
        if start:
            copy_start(start, folder / START)

    return Run.create(options.out, settings, fill), data


def read_elsewhere(run: Run, places: Sequence[str]) -> ImageSet:
    """A run's images, read at other places than before, which are kept for later times.

    Raises:
        RunError: they are not the images that the run was started on.
    """
    for place in places:
        check_apart(place, run.folder)
    first, *more = map(place_of, places)
    settings = replace(run.settings, data=first, more=tuple(more))
    data = load(settings)
    check_same(settings, digest(data))
    run.change_settings(data=settings.data, more=settings.more)
    return data


def check_apart(data: str, folder: Path) -> None:
    """Make sure that images and a run's folder don't lie in each other.

    Raises:
        RunError: they do.
    """
    place, folder = Path(place_of(data)), folder.resolve()
    if place.is_dir() and folder.is_relative_to(place):
        raise RunError(
            f"{folder} lies in {place}, so that what the training draws there would be taken for "
            "images to learn from. Choose a folder for the run outside of --data."
        )
    if place.exists() and place.is_relative_to(folder):
        raise RunError(
            f"The images in {place} lie in {folder}, which can't be the run's folder as well. "
            "Choose an empty or new folder as --out."
        )


def held_out(data: ImageSet) -> tuple[ImageSet, tuple[str, ...]]:
    """The images without those that are held out, and the names of these, to be left out."""
    if not data.captions:
        raise RunError("--hold-out needs captions, and a recipe that draws by words.")
    data, names = without_held_out(data)
    return data, tuple(names)


def smaller(recipe: recipes.Recipe, size: int) -> recipes.Recipe:
    """The recipe at a smaller size.

    Raises:
        RunError: its networks can't be made that size.
    """
    try:
        return recipes.at_size(recipe, size)
    except ValueError as error:
        raise RunError(str(error)) from error


def worded(
    recipe: recipes.Recipe, vocabulary: str, start: checkpoint.Checkpoint | None
) -> recipes.Recipe:
    """The recipe with another vocabulary.

    Raises:
        RunError: it draws by no words, or what it starts from has words of its own.
    """
    if start and start.draws_by_words:
        raise RunError(f"{start.title} has its own words, which a training from it keeps.")
    try:
        return recipes.with_vocabulary(recipe, vocabulary)
    except ValueError as error:
        raise RunError(str(error)) from error


def related(recipe: recipes.Recipe, start: checkpoint.Checkpoint) -> bool:
    """Whether a recipe's own generator shares levels with the checkpoint's, and is another one.

    It then takes over what fits: it may have more levels or fewer, or another condition.
    """
    own, other = recipe.generator, dict(start.card["generator"])
    if not own["kind"] == other["kind"] in recipes.GROWING:
        return False
    widths = list(own["widths"]), list(other["widths"])
    shared = min(map(len, widths))
    return widths[0][:shared] == widths[1][:shared] and (
        len(widths[0]) != len(widths[1]) or own.get("words", 0) != other.get("words", 0)
    )


def is_coded(recipe: recipes.Recipe, start: checkpoint.Checkpoint) -> bool:
    """Whether a recipe of coded generators begins from a checkpoint of one.

    Raises:
        RunError: it is to begin from another generator, which has no codec.
    """
    kinds = recipe.generator["kind"], start.card["generator"].get("kind")
    if kinds[0] == "coded" != kinds[1] and set(recipe.teachers) & set(recipes.OF_CODES):
        raise RunError(
            f"{recipe.name} begins from a codec, and {start.name} has none: it is a generator of"
            " another kind. Train a codec first (--recipe codec)."
        )
    return kinds == ("coded", "coded")


def check_codes(recipe: recipes.Recipe, start: checkpoint.Checkpoint | None) -> None:
    """Make sure that teachers of codes find what they need.

    Raises:
        RunError: they don't.
    """
    teachers = set(recipe.teachers)
    if not teachers & set(recipes.OF_CODES):
        return
    if recipe.generator["kind"] != "coded":
        raise RunError(
            f"{' and '.join(sorted(teachers & set(recipes.OF_CODES)))} teach what draws codes of"
            f" photos, and {recipe.name} is another kind of generator. Choose --recipe codec or"
            " coded."
        )
    known = set(start.card.get("encoders") or ()) if start else set()
    learns = "reconstruction" in teachers and recipe.encoder_share > 0
    if not learns and PHOTO not in known:
        raise RunError(MISSING)
    if learns and teachers & {"styles", "flow"}:
        raise RunError(LEARNING)
    if start and "flow" in teachers and "styles" not in teachers:
        generator = start.load_generator()
        if not (isinstance(generator, CodedGenerator) and generator.synthesis.known):
            raise RunError(NO_STYLES)


def with_networks_of(recipe: recipes.Recipe, start: checkpoint.Checkpoint) -> recipes.Recipe:
    """A recipe of coded generators with the networks of a checkpoint, told what the recipe's are.

    Raises:
        RunError: its networks do not fit the size of the recipe's pictures.
    """
    told = {name: recipe.generator.get(name, 0) for name in ("classes", "words")}
    own = replace(recipe, generator={**start.card["generator"], **told})
    sizes = shape_of(recipe), shape_of(own)
    if sizes[0] != sizes[1]:
        raise RunError(
            f"{recipe.name} learns from pictures of {sizes[0].size} px, and {start.name} draws"
            f" pictures of {sizes[1].size} px. Begin from a codec of the same size."
        )
    encoders = start.card.get("encoders")
    return replace(own, encoders={**recipe.encoders, **encoders}) if encoders else own


def recipe_of(start: checkpoint.Checkpoint | None) -> str:
    """The recipe that a checkpoint was trained with, to train it on."""
    assert start is not None, "who names no recipe starts from something"
    name = start.card.get("recipe")
    if name not in recipes.RECIPES:
        raise RunError(
            f"{start.name} does not say which recipe it was trained with; give --recipe."
        )
    return name


def read_card(path: Path | None) -> dict[str, Any]:
    """What a person wants the card to say; the title is the run's name unless it has another."""
    if path is None:
        return {}
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be used as a card: {error}.") from error
    if not isinstance(card, dict):
        raise RunError(f"{path} can't be used as a card: it is not a JSON object.")
    return card


def data_card(options: argparse.Namespace, data: ImageSet) -> dict[str, Any]:
    """The data's part of the card: what a person wrote, and the number of images used."""
    written = read_card(options.card).get("data", {})
    if not isinstance(written, dict):
        raise RunError(f"{options.card} can't be used as a card: its data is not a JSON object.")
    name = ", ".join(Path(place).stem for place in (options.data, *options.more))
    own = {"name": name, **({"ground": options.ground} if options.ground else {})}
    card: dict[str, Any] = {"data": {**own, **written, "images": len(data)}}
    return {**card, "classes": list(data.label_names)} if data.label_names else card
