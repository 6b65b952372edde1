"""Texts as TF-IDF vectors, with the words that a generator was trained on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import UserError
from studio.files import write_text_whole
from studio.words.normalise import words
from studio.words.tables import SYNONYMS

WORDS = "words.json"  # in a checkpoint's folder
TERMS = 256
MAX_TEXT = 300  # characters
MAX_TERM = 60
EXAMPLES, EXAMPLES_AMONG, EXAMPLE_LENGTH = 24, 2_000, 60
NAMED = 5  # unknown words in a sentence
# How alike two words are, 0..1, so that one may be meant by the other.
ALIKE = 0.75


class WordsError(UserError):
    """A text or a list of words that can't be used; the message is a sentence."""


@dataclass(frozen=True)
class Unknown:
    """A word that the generator was not trained on, and the nearest one that it was, or ""."""

    word: str
    nearest: str

    def __str__(self) -> str:
        """As in a sentence: “wimen” (women?)."""
        return f"“{self.word[:30]}”" + (f" ({self.nearest}?)" if self.nearest else "")


@dataclass(frozen=True)
class Encoder:
    """Turns a text into the L2-normalised TF-IDF vector of its terms (Salton and Buckley, 1988).

    Args:
        terms: of one or two words, as :func:`studio.words.normalise.words` gives them.
        idf: each term's inverse document frequency in the captions, as scikit-learn smooths it.
        spoken: how people write a term where that is not the term itself: "jean" is "jeans".
        examples: texts to offer.
    """

    terms: tuple[str, ...]
    idf: tuple[float, ...]
    spoken: Mapping[str, str]
    examples: tuple[str, ...] = ()

    @cached_property
    def vectorizer(self) -> Any:
        """The TfidfVectorizer of these terms; takes texts of words separated by spaces."""
        result = _vectorizer(self.terms)
        result.idf_ = np.array(self.idf)
        return result

    @cached_property
    def known(self) -> frozenset[str]:
        """The single words that terms are made of, and the terms themselves."""
        return frozenset(self.terms) | {word for term in self.terms for word in term.split()}

    def vectors(self, texts: Iterable[str]) -> np.ndarray:
        """Texts as float32 (n, terms); a row of zeros where no word is known."""
        prepared = [" ".join(self.understood(text)) for text in texts]
        return self.vectorizer.transform(prepared).toarray().astype(np.float32)

    def vector(self, text: str) -> np.ndarray:
        """One text as float32 (terms,)."""
        return self.vectors([text])[0]

    def understood(self, text: str) -> list[str]:
        """The words of a text, those that are not known replaced by ones of the same meaning."""
        found = words(text)
        result: list[str] = []
        at = 0
        while at < len(found):
            length, meant = self._meant(found, at)
            result += meant.split()
            at += length
        return result

    def unknown(self, text: str) -> list[Unknown]:
        """The words of a text that change nothing, each once, with what could be meant."""
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        used = " ".join(self.understood(text)).split()
        missing = [word for word in dict.fromkeys(used) if word not in self.known]
        return [
            Unknown(word, self._nearest(word))
            for word in missing
            if word not in ENGLISH_STOP_WORDS and len(word) > 1
        ]

    def remark(self, text: str) -> str:
        """A sentence on what of a text is not known; empty where all is, or there is no text."""
        if not text.strip():
            return ""
        if not words(text):
            return f"No word here can be read: write in English, such as “{self.example}”."
        unknown = self.unknown(text)
        if not unknown:
            return ""
        named = ", ".join(map(str, unknown[:NAMED]))
        if len(unknown) > NAMED:
            named += f" and {len(unknown) - NAMED} more"
        if self.vector(text).any():
            return f"Not known here: {named}."
        example = "" if any(each.nearest for each in unknown) else f" Try “{self.example}”."
        return f"No word of this is known here: {named}.{example}"

    @property
    def offers(self) -> tuple[str, ...]:
        """Texts that are understood, at least one."""
        return self.examples or (self.example,)

    @property
    def example(self) -> str:
        """A text that is understood."""
        return self.examples[0] if self.examples else self.spoken.get(self.terms[0], self.terms[0])

    def to_json(self) -> str:
        """All of it as JSON text; :func:`from_json` is the inverse, to the bit."""
        values = {
            "terms": dict(zip(self.terms, self.idf, strict=True)),
            "spoken": dict(self.spoken),
            "examples": list(self.examples),
        }
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    def _meant(self, found: Sequence[str], at: int) -> tuple[int, str]:
        """How many words from ``at`` on are one thing, and what it is called here."""
        for length in (2, 1):
            phrase = " ".join(found[at : at + length])
            if len(found) - at < length or phrase in self.known:
                continue
            for meaning in SYNONYMS.get(phrase, ()):
                if set(meaning.split()) <= self.known:
                    return length, meaning
        return 1, found[at]

    def _nearest(self, word: str) -> str:
        close = get_close_matches(word, sorted(self.known), 1, ALIKE)
        return self.spoken.get(close[0], close[0]) if close else ""


# What reading a text of another shape raises; the last for a number that is no float's.
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)


def from_json(text: str) -> Encoder:
    """The encoder that :meth:`Encoder.to_json` wrote.

    Raises:
        WordsError: the text is damaged, or of something else.
    """
    try:
        values = json.loads(text)
        terms, spoken = values["terms"], values["spoken"]
        names, idf = tuple(terms), tuple(float(each) for each in terms.values())
        examples = tuple(str(each)[:MAX_TEXT] for each in values.get("examples", ()))
        spoken = {str(key): str(value)[:MAX_TERM] for key, value in spoken.items()}
        usable = all(0 < len(each) <= MAX_TERM and len(each.split()) in (1, 2) for each in names)
        if not names or not usable or not np.isfinite(idf).all():
            raise ValueError("a term is none")
    except _DAMAGE as error:
        raise WordsError("This list of words is damaged.") from error
    return Encoder(names, idf, spoken, examples)


def load(folder: Path) -> Encoder:
    """The encoder of a checkpoint's or a run's folder.

    Raises:
        WordsError: it has none, or a damaged one.
    """
    try:
        return from_json((folder / WORDS).read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise WordsError(f"{folder / WORDS} can't be read: {error}.") from error


def save(encoder: Encoder, folder: Path) -> None:
    """Write an encoder where :func:`load` finds it, whole: a run decides on its words only once."""
    write_text_whole(folder / WORDS, encoder.to_json())


def fit(captions: Sequence[str], kept: Sequence[str] = (), terms: int = TERMS) -> Encoder:
    """The encoder of some captions: at most ``terms`` terms, at least 1.

    Args:
        captions: one text for each image.
        kept: what has to stay of them: names of colours, types and so on, the most important first.
            Those of two words are terms as a whole, besides their single words.
        terms: how many there are at most. What is left goes to the most frequent single words.

    Raises:
        WordsError: the captions have no words.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    prepared = [" ".join(words(caption)) for caption in captions]
    counter = CountVectorizer(**_SETTINGS, binary=True)
    try:
        counts = np.asarray(counter.fit_transform(prepared).sum(0))[0]
    except ValueError as error:  # an empty vocabulary
        raise WordsError("The captions hold no words; give a text for each image.") from error
    seen = {term: int(counts[at]) for term, at in counter.vocabulary_.items()}
    chosen: dict[str, None] = {}
    for value in kept:
        parts = words(value)
        whole = " ".join(parts)
        for term in (whole, *parts):
            # A name may be a word that elsewhere says little: "top" is a garment.
            telling = term == whole or term not in ENGLISH_STOP_WORDS
            if term in seen and len(term) <= MAX_TERM and telling:
                chosen.setdefault(term)
    frequent = sorted(seen, key=lambda term: (-seen[term], term))
    for term in frequent:
        plain = " " not in term and 1 < len(term) <= MAX_TERM and term not in ENGLISH_STOP_WORDS
        if plain and seen[term] > 1:
            chosen.setdefault(term)
    if not chosen:
        chosen = dict.fromkeys(term for term in frequent[:1])
    names = tuple(sorted(list(chosen)[:terms]))
    vectorizer = _vectorizer(names).fit(prepared)
    idf = tuple(float(each) for each in vectorizer.idf_)
    result = Encoder(names, idf, _spoken(names, captions, kept))
    return replace(result, examples=_examples(result, captions))


# How texts of words, separated by spaces, become terms.
_SETTINGS = {"ngram_range": (1, 2), "token_pattern": r"\S+", "lowercase": False}


def _vectorizer(terms: Sequence[str]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second that most don't need

    return TfidfVectorizer(vocabulary=list(terms), **_SETTINGS)


def _examples(encoder: Encoder, captions: Sequence[str]) -> tuple[str, ...]:
    """The first sentences of captions that have little in common, short ones of known words."""
    random = np.random.Generator(np.random.PCG64(0))
    order = random.permutation(len(captions))[:EXAMPLES_AMONG]
    chosen: list[tuple[str, set[str]]] = []
    for at in order:
        text = " ".join(captions[at].split(". ")[0].split()).strip(" .")
        terms = set(encoder.understood(text))
        if not 0 < len(text) <= EXAMPLE_LENGTH or not terms or not terms <= encoder.known:
            continue
        if all(len(terms & other) <= len(terms) // 2 for _, other in chosen):
            chosen.append((text, terms))
        if len(chosen) == EXAMPLES:
            break
    return tuple(text for text, _ in chosen)


def _spoken(terms: Sequence[str], captions: Sequence[str], kept: Sequence[str]) -> dict[str, str]:
    """The most frequent way in which each term is written, where that is another."""
    ways: dict[str, Counter[str]] = {term: Counter() for term in terms}
    for caption in captions:
        for written in caption.lower().replace(",", " ").replace(".", " ").split():
            term = " ".join(words(written))
            if term in ways:
                ways[term][written] += 1
    for value in kept:
        term = " ".join(words(value))
        if term in ways:
            ways[term][value.lower()] += len(captions)
    best = {
        term: max(sorted(each), key=lambda way: each[way]) for term, each in ways.items() if each
    }
    return {term: way for term, way in best.items() if way != term and len(way) <= MAX_TERM}
