"""What a text asks for, by attributes: "knielanges rotes Kleid" is knee length, red, dress."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from studio.words.lexicon import Key, Lexicon, Term, lexicon, plain, tokens
from studio.words.normalise import singular

CLAUSE = re.compile(r"[.,;:!?()\[\]{}\n\r\t|\u2022\u2013\u2014]+")
WITHOUT, NOR, BUT = "without", "nor", "but"  # lists of terms/ignored.txt
# What is denied together with what it describes: "without black buttons".
DESCRIBING = ("colour", "shade", "pattern", "material", "fit", "length")
# With "sleeves" anywhere behind them: "long raglan sleeves" are long sleeves.
OF_SLEEVES = {"long": "long sleeves", "short": "short sleeves", "wide": "wide sleeves"}
BETWEEN_SLEEVES = ("sleeves", "length", "fit", "material")
LEAST_PART = 3  # letters of a part of a compound
LESS = "less"
# The s, n or e that German puts between two words, or leaves away.
LINKS = ("", "s", "n", "en", "es", "er", "e")


@dataclass(frozen=True)
class Found:
    """A term in a text, or a word that is none.

    Args:
        name: the term, in English; a colour with its shade; or the word in lower case and
            singular.
        attribute: of :data:`studio.words.lexicon.ATTRIBUTES`, or "" for a word that is no term.
        written: as the text has it, in lower case and without accents.
        denied: the text asks for it not to be there.
        parts: other terms that it is as well.
    """

    name: str
    attribute: str
    written: str
    denied: bool = False
    parts: tuple[str, ...] = ()


def recognise(text: str) -> list[Found]:
    """The terms and other words of a text, in their order.

    The longest entry of the tables is taken; small words and makers' names are left away. Terms
    don't reach over commas and the like. A text without Latin letters has none.
    """
    clauses = CLAUSE.split(plain(text))
    return _with_sleeves([found for clause in clauses for found in _in_clause(clause)])


@lru_cache(maxsize=1 << 14)  # captions repeat themselves
def _in_clause(clause: str) -> tuple[Found, ...]:
    tables = lexicon()
    return tuple(_with_shades(_without_denied(_matched(tokens(clause), tables), tables)))


def _matched(words: Key, tables: Lexicon) -> list[Found]:
    """Words as terms, other words and, with an attribute of their own, what tables ignore."""
    result: list[Found] = []
    at = 0
    while at < len(words):
        longest = max(tables.longest.get(each, 0) for each in _ways(words[at]))
        for length in range(min(longest, len(words) - at), 0, -1):
            written = words[at : at + length]
            if found := _entry(written, tables):
                result.append(found)
                break
        else:
            length, written = 1, words[at : at + 1]
            result += _compound(written[0], tables)
        at += length
    return result


def _entry(written: Key, tables: Lexicon) -> Found | None:
    """What is in the tables for these very words."""
    text = " ".join(written)
    ways = list(zip(*map(_ways, written), strict=True))
    name = next(filter(None, map(tables.loose.get, ways)), None)
    name = tables.exact.get(written, name)
    ignored = next(filter(None, map(tables.ignored.get, ways)), None)
    # A term wins over a small word of another language, and a maker's name over a term.
    if ignored and (not name or ignored == "names"):
        return Found("", ignored, text)
    return _found(tables.terms[name], text) if name else None


def _ways(word: str) -> tuple[str, str, str]:
    """A word; without the ending of an English plural; and without that of another language."""
    return word, singular(word), word.removesuffix("s")


def _found(term: Term, written: str) -> Found:
    return Found(term.name, term.attribute, written, parts=term.parts)


def _compound(word: str, tables: Lexicon) -> list[Found]:
    """A word that the tables don't have: two of theirs written as one, "…less", or only itself."""
    for at in range(LEAST_PART, len(word) - LEAST_PART + 1):
        head = tables.heads.get(word[at:]) or tables.heads.get(singular(word[at:]))
        first = _modifier(word[:at], tables) if head else None
        if head and first:
            return [_found(tables.terms[name], word) for name in (first, head)]
    if word.endswith(LESS) and (denied := _entry((word.removesuffix(LESS),), tables)):
        return [Found("", WITHOUT, word), replace(denied, written=word)]
    return [Found(singular(word), "", word)]


def _modifier(word: str, tables: Lexicon) -> str | None:
    if word in tables.modifiers:
        return tables.modifiers[word]
    stems = (word.removesuffix(link) for link in LINKS if link and word.endswith(link))
    ways = [*stems, word + "e"]
    return next((tables.modifiers[each] for each in ways if each in tables.modifiers), None)


def _without_denied(found: Sequence[Found], tables: Lexicon) -> list[Found]:
    """The same with what follows a "without" marked, and without all that is ignored."""
    result: list[Found] = []
    denying = going_on = False
    for each in found:
        if each.attribute == WITHOUT:
            denying = True
        elif each.attribute == NOR:
            denying = denying or going_on
        elif each.attribute == BUT:
            denying = going_on = False
        elif not each.name:
            continue
        else:
            result.append(replace(each, denied=denying))
            # "Sleeveless" and "no collar" are terms of their own.
            going_on = denying or tables.ignored.get(tokens(each.written)[:1]) == WITHOUT
            denying = denying and each.attribute in DESCRIBING
    return result


def _with_shades(found: Sequence[Found]) -> list[Found]:
    """The same with a colour and the shade before or behind it as one: dark blue, azul oscuro."""
    result: list[Found] = []
    waiting = list(found)
    while waiting:
        each = waiting.pop(0)
        following = waiting[0] if waiting else None
        pair = {each.attribute, following.attribute} if following else set()
        # Behind a colour, a shade may belong to the next: "black, light grey" without its comma.
        before_next = len(waiting) > 1 and waiting[1].attribute == "colour"
        if following and pair == {"colour", "shade"}:
            shade, colour = (each, following) if each.attribute == "shade" else (following, each)
            if each is shade or not before_next:
                waiting.pop(0)
                result.append(
                    Found(
                        f"{shade.name} {colour.name}",
                        "colour",
                        f"{each.written} {following.written}",
                        each.denied and following.denied,
                        (colour.name, *colour.parts, shade.name),
                    )
                )
                continue
        result.append(each)
    return result


def _with_sleeves(found: Sequence[Found]) -> list[Found]:
    """The same with "long" as long sleeves where sleeves follow: long, wide raglan sleeves."""
    result = list(found)
    sleeves = False
    for at in range(len(result) - 1, -1, -1):
        each = result[at]
        if sleeves and each.name in OF_SLEEVES:
            result[at] = replace(each, name=OF_SLEEVES[each.name], attribute="sleeves")
        sleeves = each.name.endswith("sleeves") or (sleeves and each.attribute in BETWEEN_SLEEVES)
    return result
