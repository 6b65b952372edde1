"""Texts as TF-IDF vectors, with the words that a generator was trained on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from studio.errors import UserError
from studio.words.normalise import words
from studio.words.tables import SYNONYMS

TERMS = 256
MAX_TEXT = 300  # characters
MAX_TERM = 60
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

    # What its file calls this kind of encoder, and the length of its longest terms.
    vocabulary: ClassVar[str] = "words"
    words_in_a_term: ClassVar[int] = 2

    @cached_property
    def vectorizer(self) -> Any:
        """The TfidfVectorizer of these terms; takes texts of words separated by spaces."""
        result = vectorizer_of(self.terms)
        result.idf_ = np.array(self.idf)
        return result

    @cached_property
    def known(self) -> frozenset[str]:
        """The single words that terms are made of, and the terms themselves."""
        return frozenset(self.terms) | {word for term in self.terms for word in term.split()}

    def vectors(self, texts: Iterable[str]) -> np.ndarray:
        """Texts as float32 (n, terms); a row of zeros where no word is known."""
        documents = [self.document(text) for text in texts]
        return self.vectorizer.transform(documents).toarray().astype(np.float32)

    def vector(self, text: str) -> np.ndarray:
        """One text as float32 (terms,)."""
        return self.vectors([text])[0]

    def document(self, text: str) -> Any:
        """What the vectorizer is given for a text."""
        return " ".join(self.understood(text))

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
        """All of it as JSON text; :func:`studio.words.files.from_json` is the inverse."""
        values: dict[str, Any] = {
            "terms": dict(zip(self.terms, self.idf, strict=True)),
            "spoken": dict(self.spoken),
            "examples": list(self.examples),
        }
        if self.vocabulary != Encoder.vocabulary:
            values["vocabulary"] = self.vocabulary
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


# How texts of words, separated by spaces, become terms.
SETTINGS = {"ngram_range": (1, 2), "token_pattern": r"\S+", "lowercase": False}


def vectorizer_of(terms: Sequence[str]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second that most don't need

    return TfidfVectorizer(vocabulary=list(terms), **SETTINGS)
