"""From what a person chose on the page to a recipe: defaults, one line of help each, and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from studio.checkpoint import DISCRIMINATOR, Checkpoint
from studio.errors import UserError
from train.page.offers import FEW, is_coded, lengths, offered
from train.places.machine import Machine
from train.recipes import Recipe, taught_by
from train.recipes.starting import recipe_for
from train.teachers import augment

EARLY_LAYERS = 2
NO_RAMP_UP = 1e9
# What likeness alone has numbers of its own for.
OF_LIKENESS = ("batch", "learning_rate", "ema_kimg")
# The generator's, at most, where it begins trained: at four times of it, new photos spoilt what it
# had learnt sooner than it learnt from them (docs/experiments.md, "Photos of something new").
FINE_TUNING_RATE = 5e-4
SAVE_MINUTES = 2.0

HELP = {
    "recipe": "Which network learns, and how; the generator to start from brings its own network.",
    "teachers": "What it learns from: a second network that judges, or likeness to your photos as a"
    " network trained on ImageNet sees them. Likeness alone is for a generator to start from. One"
    " that takes photos learns which codes yours have.",
    "kimg": "How many thousand photos it is shown, each many times.",
    "batch": "Photos per step. More is steadier and needs more memory.",
    "learning_rate": "How large each step is. Too large, and it breaks; too small, and it crawls.",
    "seed": "The same number with the same settings gives the same training.",
    "augment": "Random changes that keep few photos from being learnt by heart.",
    "freeze": "Early layers of the discriminator that stay as they are; for few photos.",
    "ema_kimg": "How slowly the average follows that the pictures are drawn from.",
    "save_minutes": "Minutes between two saves; this much is lost at most.",
    "precision": "bf16 is faster where the machine has it; fp32 is exact everywhere.",
    "device": "What trains. Automatic takes the first that is free.",
}
AUGMENTATIONS = (
    ("color,translation,cutout", "Colour, position and cut-outs"),
    ("color,translation", "Colour and position"),
    ("translation,cutout", "Position and cut-outs, true to colour"),
    ("color", "Colour"),
    ("translation", "Position"),
    ("cutout", "Cut-outs"),
    ("", "None"),
)
TAUGHT_BY = (
    ("game", "A game of two networks"),
    ("likeness", "Likeness to the photos"),
    ("game,likeness", "Both"),
)
# What a generator that has codes for photos learns from.
TAUGHT_CODES_BY = (
    ("flow", "The codes of your photos"),
    ("styles,flow", "Their codes, and how codes become pictures"),
)
# The flow alone, on some hundred photos: more at once, or a slower average, and a training of a few
# minutes would hardly have begun (docs/experiments.md, "Your photos in minutes").
FLOW_BATCH, FLOW_EMA_KIMG = 64, 6.0
PRECISIONS = (("auto", "Automatic"), ("bf16", "bf16"), ("fp32", "fp32"))


@dataclass(frozen=True)
class Number:
    """A number that may be changed: what it is called, and what it may be."""

    title: str
    low: float
    high: float
    whole: bool = False

    def check(self, value: Any) -> float | int:
        """``value`` as the number it is.

        Raises:
            UserError: it is none, or too small or too large.
        """
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        usable = usable and abs(value) < 1e15 and (not self.whole or value == int(value))
        if not usable or not self.low <= value <= self.high:
            kind = "a whole number" if self.whole else "a number"
            raise UserError(f"{self.title} is {kind} from {self.low:,g} to {self.high:,g}.")
        return int(value) if self.whole else float(value)


NUMBERS = {
    "kimg": Number("The length in thousands of photos shown", 0.1, 1_000_000),
    "batch": Number("The batch", 2, 4_096, whole=True),
    "learning_rate": Number("The learning rate", 0.000_000_1, 1),
    "seed": Number("The seed", 0, 2**32 - 1, whole=True),
    "freeze": Number("The number of frozen layers", 0, 32, whole=True),
    "ema_kimg": Number("The half-life of the average", 0.001, 10_000),
    "save_minutes": Number("The time between saves in minutes", 0.1, 1_440),
}


@dataclass(frozen=True)
class Plan:
    """A recipe with what was changed, and how a process works on it."""

    recipe: Recipe
    kimg: float
    seed: int
    device: str
    precision: str
    save_minutes: float


def defaults(
    name: str,
    start: Checkpoint | None,
    images: int,
    length: str = "good",
    teachers: str = "",
) -> dict[str, Any]:
    """The values that hold where nobody changes them.

    Raises:
        UserError: there is no such recipe or length, or ``start`` can't be trained on.
    """
    recipe, teachers = recipe_for(name, start), teachers or taught(start)[0][0]
    kimg = {each["name"]: each["kimg"] for each in lengths(images, start)}
    if length not in kimg:
        raise UserError(f"There is no length {length!r}. Choose one of: {', '.join(kimg)}.")
    values = {
        "recipe": recipe.name,
        "teachers": teachers,
        "kimg": kimg[length],
        "batch": recipe.batch,
        "learning_rate": min(recipe.learning_rate, FINE_TUNING_RATE if start else math.inf),
        "seed": recipe.seed,
        # What a recipe says itself was chosen with the rest of it.
        "augment": "" if is_coded(start) else recipe.augment or augment.default_policy(images),
        "freeze": EARLY_LAYERS if _has_seen(start) and images < FEW else recipe.freeze,
        "ema_kimg": min(recipe.ema_kimg, kimg[length] / 10) if start else recipe.ema_kimg,
        "save_minutes": SAVE_MINUTES,
        "precision": "auto",
        "device": "auto",
    }
    if teachers == "flow":
        return {**values, "batch": FLOW_BATCH, "ema_kimg": min(FLOW_EMA_KIMG, kimg[length] / 10)}
    if teachers != "likeness":
        return values
    own = taught_by(recipe, ["likeness"])
    return {**values, **{name: getattr(own, name) for name in OF_LIKENESS}}


def by_teachers(name: str, start: Checkpoint | None, images: int) -> dict[str, dict[str, Any]]:
    """Which defaults are others with other teachers than the game."""
    own = defaults(name, start, images)
    found = {each: defaults(name, start, images, teachers=each) for each, _ in taught(start)}
    return {
        each: {name: v for name, v in values.items() if name != "teachers" and v != own[name]}
        for each, values in found.items()
    }


def taught(start: Checkpoint | None) -> tuple[tuple[str, str], ...]:
    """What there is to learn from, the usual first: (name, title) of each."""
    return TAUGHT_CODES_BY if is_coded(start) else TAUGHT_BY


def _has_seen(start: Checkpoint | None) -> bool:
    """Whether early layers of a discriminator bring something worth keeping."""
    return start is not None and (start.folder / DISCRIMINATOR).exists()


def choices(machine: Machine, start: Checkpoint | None = None) -> dict[str, list[list[str]]]:
    """[value, label] of each value that is picked from a list, where ``start`` is begun from."""
    recipes = [[recipe.name, recipe.title] for recipe in offered()]
    if is_coded(start) and start:
        own = recipe_for("", start)
        recipes = [[own.name, own.title]]
    devices = [["auto", "Automatic"]]
    devices += [[f"cuda:{index}", f"GPU {index + 1}"] for index in range(machine.gpus)]
    devices += [["cpu", "CPU"]] if machine.gpus else []
    return {
        "recipe": recipes,
        "teachers": [list(each) for each in taught(start)],
        "augment": [list(each) for each in AUGMENTATIONS],
        "precision": [list(each) for each in PRECISIONS],
        "device": devices,
    }


def make_plan(
    advanced: Any, start: Checkpoint | None, images: int, length: str, machine: Machine
) -> Plan:
    """The defaults with what was changed in ``advanced``.

    Raises:
        UserError: something in it is unknown, of the wrong kind or out of range.
    """
    if not isinstance(advanced, Mapping):
        raise UserError("The advanced settings are not a list of names and values.")
    if unknown := [str(each) for each in advanced if each not in HELP]:
        raise UserError(f"There is no advanced setting {unknown[0]!r}.")
    name = advanced.get("recipe", "")
    if not isinstance(name, str):
        raise UserError("The recipe is given by its name.")
    teachers = _teachers(advanced.get("teachers", taught(start)[0][0]), start)
    values = {**defaults(name, start, images, length, teachers), **advanced}
    for field, number in NUMBERS.items():
        values[field] = number.check(values[field])
    values["augment"] = _policy(values["augment"])
    known = choices(machine, start)
    for field in ("precision", "device"):
        allowed = [value for value, _ in known[field]]
        if values[field] not in allowed:
            raise UserError(f"The {field} is one of: {', '.join(allowed)}.")
    changes: dict[str, Any] = {}
    if start:
        # The average begins with weights that are good already, so it need not follow quickly at
        # first, as it does where it begins with random ones.
        changes["ema_rampup"] = NO_RAMP_UP
    recipe = replace(
        taught_by(recipe_for(name, start), teachers.split(",")),
        **changes,
        **{field: values[field] for field in ("batch", "learning_rate", "augment")},
        **{field: values[field] for field in ("freeze", "ema_kimg")},
    )
    return Plan(
        recipe,
        values["kimg"],
        values["seed"],
        values["device"],
        values["precision"],
        values["save_minutes"],
    )


def _teachers(value: Any, start: Checkpoint | None) -> str:
    known = [each for each, _ in taught(start)]
    if value not in known:
        raise UserError(f"What it learns from is one of: {'; '.join(known)}.")
    if value == "likeness" and start is None:
        raise UserError(
            "Likeness alone brings a trained generator nearer to photos: choose one to start from, "
            "or let it learn from a game."
        )
    return value


def _policy(value: Any) -> str:
    if not isinstance(value, str):
        raise UserError("The augmentation is a list of names, separated by commas.")
    try:
        return ",".join(augment.parse(value))
    except ValueError as error:
        raise UserError(str(error)) from error
