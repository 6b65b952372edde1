"""What a person wishes for when a training is started, checked before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.framing import FITS
from studio.inversion.photos import ground_of
from train.page.offers import is_coded
from train.page.photos import Source
from train.page.plan import Plan
from train.runs.settings import HERE, PLACES, Settings

LONGEST_TITLE = 80
MOST_LEFT_OUT = 100_000
PARTS = {
    *("data", "title", "start_from", "length", "fit", "leave_out", "advanced", "where"),
    "flavor",
}


@dataclass(frozen=True)
class Wish:
    """One wish; the names are those of the page (see :func:`read`)."""

    data: str
    title: str
    start_from: str
    length: str
    fit: str
    leave_out: tuple[str, ...]
    advanced: Mapping[str, Any]
    where: str
    flavor: str


def read(values: Any) -> Wish:
    """A wish from JSON.

    Only ``data`` must be there: the rest is good, from nothing, and here.

    Raises:
        UserError: a part is unknown or of the wrong kind.
    """
    if not isinstance(values, Mapping):
        raise UserError("This is not a wish for a training.")
    if unknown := [str(each) for each in values if each not in PARTS]:
        raise UserError(f"A training can't be told about {unknown[0]!r}.")
    left_out = values.get("leave_out", [])
    if not isinstance(left_out, list | tuple) or not all(isinstance(e, str) for e in left_out):
        raise UserError("The photos to leave out are a list of their names.")
    if len(left_out) > MOST_LEFT_OUT:
        raise UserError(f"At most {MOST_LEFT_OUT:,} photos can be left out one by one.")
    advanced = values.get("advanced", {})
    if not isinstance(advanced, Mapping):
        raise UserError("The advanced settings are names with values.")
    return Wish(
        data=_text(values, "data", "The photos"),
        title=title(values.get("title", "")),
        start_from=_text(values, "start_from", "What to start from", ""),
        length=_text(values, "length", "The length", "good"),
        fit=_one_of(FITS, values.get("fit", "crop"), "The way photos are fitted"),
        leave_out=tuple(sorted(set(left_out))),
        advanced=advanced,
        where=_one_of(PLACES, values.get("where", HERE), "The place"),
        flavor=_text(values, "flavor", "The machine", ""),
    )


def settings_of(
    wish: Wish, plan: Plan, source: Source, images: int, start: Checkpoint | None
) -> Settings:
    """The settings of the run that is wished for, on so many ``images``."""
    before = start.card.get("data") if start else None
    before = before if isinstance(before, Mapping) else {}
    data = {
        "name": source.name,
        "kind": "photos",
        "images": images,
        "licence": source.licence,
        # What a generator has learnt before stays in what it learns next.
        "notice": _sentences(source.notice, before.get("notice")),
        "limits": _sentences(before.get("limits")),
    }
    return Settings(
        recipe=plan.recipe.to_dict(),
        data=source.place,
        fit=wish.fit,
        ground=ground_of(start.card) if start and is_coded(start) else None,
        leave_out=wish.leave_out,
        data_digest=None,
        seed=plan.seed,
        length={"kimg": plan.kimg},
        live=True,
        start_from=wish.start_from,
        options={"precision": plan.precision, "save_minutes": plan.save_minutes},
        device=plan.device,
        where=wish.where,
        card={"title": wish.title or source.name, "description": "", "data": data},
    )


def _sentences(*texts: Any) -> str:
    return " ".join(dict.fromkeys(text for text in texts if isinstance(text, str) and text))


def title(value: Any) -> str:
    """A title in one line of printable characters, or "".

    Raises:
        UserError: it is no text.
    """
    if not isinstance(value, str):
        raise UserError("The name is a text.")
    printable = "".join(char if char.isprintable() else " " for char in value)
    return " ".join(printable.split())[:LONGEST_TITLE].strip()


def _text(values: Mapping[str, Any], name: str, called: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str):
        raise UserError(f"{called} must be named in a text.")
    return value


def _one_of(known: tuple[str, ...], value: Any, called: str) -> str:
    if value not in known:
        raise UserError(f"{called} is one of: {', '.join(known)}.")
    return value


def whole(value: Any, called: str, low: int = 0) -> int:
    """A whole number from ``low``.

    Raises:
        UserError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value < 2**53:
        raise UserError(f"The {called} is a whole number from {low}.")
    return value
