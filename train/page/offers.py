"""What a training can be made of: recipes, generators to start from, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.checkpoint import PREVIEW, Checkpoint
from studio.errors import UserError
from studio.inversion.loading import takes_photos
from train.recipes import OF_CODES, RECIPES, Recipe
from train.recipes.starting import Shape, recipe_for, shape_of

# From so many photos on, learning from nothing is no longer the worse choice.
PLENTY = 5_000
# Where photos are few, what is not among them comes from what the networks saw before.
FEW = 1_000
USUAL_SIZE, USUAL_CHANNELS = 64, 3


def offered() -> list[Recipe]:
    """The recipes that a page can begin from nothing: a codec takes hours, from a shell."""
    return [each for each in RECIPES.values() if not set(each.teachers) & set(OF_CODES)]


def recipes() -> list[dict[str, Any]]:
    """What can be learnt by, for a page."""
    return [
        {
            "name": recipe.name,
            "title": recipe.title,
            "source": recipe.source,
            "size": shape_of(recipe).size,
            "channels": shape_of(recipe).channels,
            "batch": recipe.batch,
            "learning_rate": recipe.learning_rate,
        }
        for recipe in offered()
    ]


def starts(checkpoints: Mapping[str, Checkpoint]) -> list[dict[str, Any]]:
    """The checkpoints that a training can start from, for a page, in their order."""
    found = []
    for name, each in checkpoints.items():
        try:
            recipe = recipe_for("", each)
        except UserError:
            continue
        if is_coded(each) and not takes_photos(each):
            continue
        data = each.card.get("data")
        images = data.get("images") if isinstance(data, dict) else None
        found.append(
            {
                "name": name,
                "title": each.title,
                "size": shape_of(recipe).size,
                "channels": shape_of(recipe).channels,
                "images": images if isinstance(images, int) else 0,
                "recipe": recipe.name,
                "conditional": recipe.conditional,
                "worded": recipe.worded,
                "products": is_coded(each),
                "preview": (each.folder / PREVIEW).exists(),
            }
        )
    return found


def is_coded(start: Checkpoint | None) -> bool:
    """Whether a start has codes for photos: what is learnt then is which codes yours have."""
    return start is not None and start.card["generator"].get("kind") == "coded"


def suggested_start(
    checkpoints: Mapping[str, Checkpoint], shape: Shape, *, products: bool = False
) -> str:
    """The checkpoint that helps most where photos are few: the first that draws such pictures.

    For photos of ``products`` on plain, light grounds it is the first that has codes for such
    photos, if any has. Else one of another size is better than none; "" if none has these channels.
    """
    alike = [each for each in starts(checkpoints) if each["channels"] == shape.channels]
    if products and (coded := [e for e in alike if e["products"] and not e["worded"]]):
        return coded[0]["name"]
    alike = [each for each in alike if not each["products"]]
    alike.sort(key=lambda each: each["size"] != shape.size)
    return alike[0]["name"] if alike else ""


# How long ----------------------------------------------------------------------------------------

# Thousands of images shown, for two thousand photos: from nothing, and from a trained generator.
# The generators that ship saw about 300; a trained one needs only to change its mind.
CHOICES = (
    ("quick", "Quick look", "Rough shapes and colours, to see whether the photos work.", 25, 10),
    ("good", "Good", "Pictures to play with; the right choice for most.", 150, 60),
    ("best", "Best", "As far as these photos are likely to take it.", 600, 200),
)
# From a generator that has codes for photos: how often each photo is shown, and thousands of images
# at least and at most. Shown 2,000 times, 60 photos were copied in a tenth of the pictures; shown
# 250 times, 120 were in none (docs/experiments.md, "Your photos in minutes").
SHOWN_CODES = {"quick": (0, 10, 10), "good": (250, 15, 240), "best": (500, 30, 960)}
USUAL_IMAGES = 2_000


def lengths(images: int, start: Checkpoint | None) -> list[dict[str, Any]]:
    """Quick look, Good and Best in thousands of images shown: name, title, sentence and kimg.

    More photos take longer to learn, though far less than in proportion; few are known by heart
    soon. A quick look is as quick for all.

    Args:
        images: that there are to learn from.
        start: what is begun from; None for nothing.
    """
    factor = min(max((images / USUAL_IMAGES) ** 0.5, 0.5), 2.0)
    return [
        {
            "name": name,
            "title": title,
            "sentence": sentence,
            "kimg": kimg_of_codes(name, images)
            if is_coded(start)
            else round((trained if start else nothing) * (1 if name == "quick" else factor)),
        }
        for name, title, sentence, nothing, trained in CHOICES
    ]


def kimg_of_codes(length: str, images: int) -> int:
    """Thousands of images shown to a generator that has codes for them, for a length."""
    times, least, most = SHOWN_CODES[length]
    return round(min(max(times * images / 1000, least), most))
