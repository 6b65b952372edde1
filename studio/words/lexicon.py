"""The tables in ``terms/``: every way to write a thing, and the one English term for it.

A file's name is the attribute of its terms. A line of it is one term::

    navy blue + blue  | navy, marine blue | marineblau~ | bleu marine | blu navy | azul marino
    crimson > red     | crimsom           | karminrot~  | carmin      | carminio | carmesí

with what is written for it in English, German, French, Italian and Spanish, misspellings too.
Behind ``+`` stands what it is as well, behind ``>`` what may stand for it where a generator does
not know it, the nearest first. ``~`` behind a word stands for its endings in that language. Case,
accents and plurals in s need no mention, nor do two English words written as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from studio.words.normalise import WORD, folded, singular

FOLDER = Path(__file__).parent / "terms"
COLUMNS = ("en", "de", "fr", "it", "es")
ATTRIBUTES = (
    *("kind", "colour", "shade", "pattern", "material", "fit", "length", "sleeves"),
    *("neckline", "fastening", "detail", "wearer", "occasion"),
)
IGNORED = "ignored"
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
FRACTIONS = {"3/4": "three quarter", "¾": "three quarter"}
# Before a vowel: d'été, dell'uomo. What English shortens with an apostrophe ends in s.
ELIDED = re.compile(r"\b(d|l|qu|un|all|dall|dell|nell|sull)['\u2019`](?=\w\w)")
# Two English words may be written as one, if that one is not too short to be another.
JOINED = 6

Key = tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """What a text may ask for.

    Args:
        name: in English, as a person would write it.
        attribute: of :data:`ATTRIBUTES`.
        parts: terms that it is as well: navy blue is blue.
        broader: terms that may stand for it, the nearest first.
    """

    name: str
    attribute: str
    parts: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """All tables.

    Args:
        terms: by their names.
        exact: which term some words stand for, as they are written.
        loose: the same without endings of plurals; only by the first, "shorts" is not "short".
        modifiers, heads: words that German and English compounds begin and end with.
        ignored: which of the lists of ``terms/ignored.txt`` some words are on.
    """

    terms: dict[str, Term] = field(default_factory=dict)
    exact: dict[Key, str] = field(default_factory=dict)
    loose: dict[Key, str] = field(default_factory=dict)
    modifiers: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    ignored: dict[Key, str] = field(default_factory=dict)

    @cached_property
    def longest(self) -> dict[str, int]:
        """The number of words of the longest entry that begins with a word."""
        result: dict[str, int] = {}
        for key in (*self.exact, *self.loose, *self.ignored):
            result[key[0]] = max(len(key), result.get(key[0], 0))
        return result


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The tables, read once.

    Raises:
        ValueError: a line can't be read, two terms are written the same in one language, or a term
            names one that there is not.
    """
    result = Lexicon()
    written: dict[tuple[str, Key], str] = {}
    rows = [(attribute, *row) for attribute in ATTRIBUTES for row in _rows(attribute)]
    for attribute, term, columns in rows:
        name, parts, broader = _relations(term)
        if name in result.terms:
            raise ValueError(f"{name} is there twice")
        result.terms[name] = Term(name, attribute, parts, broader)
        for language, forms in zip(COLUMNS, columns or [[]], strict=False):
            for form in (name, *forms) if language == "en" else forms:
                for key in _keys(form, language):
                    if written.setdefault((language, key), name) != name:
                        raise ValueError(f"{' '.join(key)}: {name}, {written[language, key]}")
    for each in result.terms.values():
        if missing := set(each.parts + each.broader) - set(result.terms):
            raise ValueError(f"{each.name} names {', '.join(missing)}, which is no term")
    # English first: where a word means two things in two languages, captions are English.
    ordered = sorted(written.items(), key=lambda entry: COLUMNS.index(entry[0][0]))
    for (_, key), name in ordered:
        result.exact.setdefault(key, name)
    for (language, key), name in ordered:
        bare = tuple(map(singular, key))
        result.loose.setdefault(bare, result.exact.get(bare, name))
        if language == "en" and len(key) == 2 and len("".join(key)) >= JOINED:
            for one in ("".join(key), "".join(bare)):
                result.exact.setdefault((one,), name)
    _add_compounds(result, ordered)
    for name, forms in _lists():
        for form in forms:
            if key := tokens(form):
                result.ignored.setdefault(key, name)
    return result


def tokens(text: str) -> Key:
    """The words of a text as the tables have them; without the article, which is in the way."""
    return tuple(word for word in WORD.findall(plain(text)) if word != "the")


def plain(text: str) -> str:
    """A text in lower case, without accents, apostrophes and markup."""
    for written, meant in FRACTIONS.items():
        text = text.replace(written, f" {meant} ")
    return folded(ELIDED.sub(r"\1 ", text.casefold()))


def _rows(attribute: str) -> Iterator[tuple[str, list[list[str]]]]:
    """The lines of a table: the first column, and the forms in each of the others."""
    for line in _lines(attribute):
        first, *columns = (column.strip() for column in line.split("|"))
        if not first or len(columns) > len(COLUMNS):
            raise ValueError(f"{attribute}: {line}")
        yield first, [_listed(column) for column in columns]


def _lists() -> Iterator[tuple[str, list[str]]]:
    for line in _lines(IGNORED):
        name, _, forms = line.partition("|")
        yield name.strip(), _listed(forms)


def _lines(name: str) -> list[str]:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _relations(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """A first column as name, parts and broader terms."""
    head, _, broader = text.partition(">")
    name, _, parts = head.partition("+")
    return name.strip(), tuple(_listed(parts)), tuple(_listed(broader))


def _keys(form: str, language: str) -> Iterable[Key]:
    """Every way to write a form with its endings."""
    ways = [""]
    for word in form.split():
        endings = inflected(word[:-1], language) if word.endswith("~") else [word]
        ways = [f"{way} {each}" for way in ways for each in endings]
    if language == "de":
        ways += [way.translate(UMLAUTS) for way in ways]
    return {key for way in ways if (key := tokens(way))}


def inflected(word: str, language: str) -> list[str]:
    """A word with the endings that adjectives and most nouns of a language have.

    Some of them exist of no word; nobody writes those.
    """
    stem, last = word[:-1], word[-1:]
    if language == "de":
        return [word, *(word + end for end in (["n", "r", "s"] if last == "e" else _GERMAN))]
    if language == "fr":
        return [word] if last == "e" else [word, word + "e"]
    if language == "it":
        hard = "h" if stem.endswith(("c", "g")) else ""
        ends = {"o": ("o", "a", hard + "i", hard + "e"), "a": ("a", hard + "e"), "e": ("e", "i")}
        return [stem + end for end in ends.get(last, (last,))]
    if language == "es":
        return [word, stem + "a"] if last == "o" else [word, word + "es"]
    return [word]


_GERMAN = ("e", "en", "er", "es", "em", "s")


def _add_compounds(result: Lexicon, written: Iterable[tuple[tuple[str, Key], str]]) -> None:
    """What compounds are made of: any two words of German; in English, colours and the like."""
    before = {"colour", "shade", "pattern", "material"}
    for (language, key), name in written:
        attribute = result.terms[name].attribute
        if len(key) > 1 or len(key[0]) < 3 or language not in ("de", "en"):
            continue
        if language == "de" or (attribute in before and len(key[0]) > 3):
            result.modifiers.setdefault(key[0], name)
        if attribute in ("kind", "colour") and (language == "de" or len(key[0]) > 3):
            result.heads.setdefault(key[0], name)
