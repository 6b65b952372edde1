"""What the check before the start says, in the words of a person with photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.framing import TRIM

# Below the first, a generator that starts from nothing comes to repeat its photos; from the second
# on, it has learnt without (the DCGAN of the handbag report had 740).
FEW, ENOUGH = 200, 500
# A share of the photos that is worth a warning, not only a note.
MANY = 0.05
NAMED = 3
CATEGORIES_NAMED = 8
# Photos of one category, below which it is hardly learnt.
FEW_OF_ONE = 20
# Photos that a generator with codes for such photos learns from without more to say.
ENOUGH_CODES = 60


@dataclass(frozen=True)
class Facts:
    """The numbers to tell. ``different`` are the photos that can be read, without the copies."""

    files: int
    images: int
    different: int
    minimum: int
    unreadable: Sequence[tuple[str, str]]
    same: int
    alike: int
    odd: int
    common_size: tuple[int, int]
    smaller: int
    size: int
    suggestion: str | None
    categories: Sequence[tuple[str, int]] = ()
    conditional: bool | None = None
    knows: bool = False  # whether what it starts from has codes for such photos


def reasons(facts: Facts) -> list[str]:
    """Why training can't start; empty if it can."""
    if facts.images == 0:
        which = "The only file" if facts.files == 1 else f"None of the {facts.files:,} files"
        return [f"{which} can{'not' if facts.files == 1 else ''} be read as a photo."]
    if facts.different >= facts.minimum:
        return []
    kind = "different photo" if facts.different < facts.images else "photo"
    return [
        f"Only {count(facts.different, kind)} can be used, and training needs at least "
        f"{facts.minimum:,}."
    ]


def sentences(facts: Facts, fit_reason: str) -> list[tuple[str, str]]:
    """All there is to say as (kind, text), the most important first."""
    result = [("bad", reason) for reason in reasons(facts)]
    if not result:
        result.append(("good", f"{count(facts.different, 'photo')} can be used."))
        result += few(facts)
        result += categories(facts)
    if facts.unreadable:
        result.append(("warning", unreadable(facts)))
    if facts.same:
        one = facts.same == 1
        text = "is an exact copy of another" if one else "are exact copies of others"
        result.append(("note", f"{count(facts.same, 'photo')} {text}, and {left_out(facts.same)}."))
    if facts.alike:
        one = facts.alike == 1
        text = "is another one" if one else "are others"
        result.append(
            (
                "note",
                f"{count(facts.alike, 'photo')} {text} saved again or in another size, and "
                f"{left_out(facts.alike)}.",
            )
        )
    if facts.odd:
        have, them = ("has", "it") if facts.odd == 1 else ("have", "them")
        result.append(
            (
                "note",
                f"{count(facts.odd, 'photo')} {have} a background unlike the rest. Look at {them} "
                f"and decide whether to leave {them} out.",
            )
        )
    if facts.images:
        result += sizes(facts)
        result.append(("note", fit_reason))
    return result


def few(facts: Facts) -> list[tuple[str, str]]:
    """What to say when there are too few photos for learning from nothing."""
    photos = count(facts.different, "photo")
    if facts.knows:
        text = f"{photos} will do; with more, what it draws is more varied."
        return [("note", text)] if facts.different < ENOUGH_CODES else []
    if facts.different < FEW:
        text = f"{photos}: it will learn, but it may copy them. "
        if facts.suggestion:
            return [("warning", f"{text}Start from {facts.suggestion} instead of from nothing.")]
        return [("warning", f"{text}More photos would help.")]
    if facts.different < ENOUGH:
        text = f"{photos} are few for learning from nothing"
        if facts.suggestion:
            return [("note", f"{text}; starting from {facts.suggestion} gets further.")]
        return [("note", f"{text}; more would help.")]
    return []


def categories(facts: Facts) -> list[tuple[str, str]]:
    """Which categories the folders make, and what becomes of them."""
    found = facts.categories
    if not found:
        return []
    named = [f"{name} ({number:,})" for name, number in found[:CATEGORIES_NAMED]]
    if len(found) > CATEGORIES_NAMED:
        named.append(f"{len(found) - CATEGORIES_NAMED:,} more")
    text = f"{len(found):,} categories found: {', '.join(named[:-1])} and {named[-1]}."
    if facts.conditional is None:
        return [("note", text)]
    if not facts.conditional:
        return [("note", f"{text} They are learnt together, as one.")]
    small = sum(number < FEW_OF_ONE for _, number in found)
    if small:
        have = "has" if small == 1 else "have"
        return [
            (
                "warning",
                f"{text} {small:,} of them {have} fewer than {FEW_OF_ONE} photos, too few to learn "
                "apart; put them together, or all photos in one folder.",
            )
        ]
    return [("note", f"{text} Each is learnt by its name.")]


def unreadable(facts: Facts) -> str:
    """Which files can't be read, and why."""
    files = len(facts.unreadable)
    named = ", ".join(f"{name} ({reason})" for name, reason in facts.unreadable[:NAMED])
    more = f" and {files - NAMED:,} more" if files > NAMED else ""
    if 2 * files > facts.files > 1:
        return (
            f"Most of the files can't be used, {files:,} of {facts.files:,}: {named}{more}. Check "
            "that they are photos: JPEG, PNG or WebP."
        )
    return f"{count(files, 'file')} can't be used: {named}{more}."


def sizes(facts: Facts) -> list[tuple[str, str]]:
    """How large the photos are, beside what training sees of them."""
    side = facts.size
    width, height = facts.common_size
    result = [
        (
            "note",
            f"The most common size is {width:,} × {height:,} pixels; training sees each photo as "
            f"{side:,} × {side:,}.",
        )
    ]
    if facts.smaller:
        many = facts.smaller > MANY * facts.images
        are, them = ("is", "it") if facts.smaller == 1 else ("are", "them")
        text = (
            f"{count(facts.smaller, 'photo')} {are} smaller than {side:,} × {side:,} pixels; "
            f"enlarging {them} makes {them} soft."
        )
        result.append(("warning" if many else "note", text))
    return result


def fit_reason(fit: str, shapes: dict[str, int], white: int, *, chosen: bool, exact: bool) -> str:
    """Why photos are made square as they are.

    Args:
        fit: one of :data:`studio.framing.FITS`.
        shapes: how many are square, tall and wide.
        white: how many of the tall and wide ones have white edges.
        chosen: a person has chosen it.
        exact: every photo is exactly square.
    """
    others = shapes["tall"] + shapes["wide"]
    if fit == TRIM:
        return "What stands on a plain ground is put in the middle of a square, all at one size."
    if exact:
        return "The photos are square, so they are used whole."
    if not others:
        how = "get a narrow white edge" if fit == "pad" else "lose a narrow edge"
        return f"The photos are square or nearly so: some {how}."
    arent, have = ("isn't", "has") if others == 1 else ("aren't", "have")
    which = f"{count(others, 'photo')} {arent} square"
    if fit == "pad":
        if chosen:
            return f"{which}: white is added beside the whole photo, as you chose."
        mostly = "" if white == others else "mostly "
        return f"{which} and {mostly}{have} white edges: white is added, so nothing is cut off."
    if chosen:
        return f"{which}: only the middle square is used, as you chose."
    return f"{which}, and added white would show: only the middle square is used."


def left_out(copies: int) -> str:
    """That copies are left out."""
    return "is left out" if copies == 1 else "are left out"


def count(number: int, noun: str) -> str:
    """Like "1 photo" or "2,375 photos"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
