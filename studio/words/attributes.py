"""Texts as TF-IDF vectors of attributes: of what :mod:`studio.words.recognise` finds in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from studio.words.encoder import NAMED, Encoder, Unknown
from studio.words.lexicon import lexicon
from studio.words.recognise import Found, recognise

# As ALIKE of the other encoder; there are more words here that a wrong one could be like.
ALIKE = 0.78
MIN_WORD = 3  # letters of a word that could be another one misspelt


@dataclass(frozen=True)
class AttributeEncoder(Encoder):
    """Knows terms of :mod:`studio.words.lexicon`, in five languages, and some other words.

    A text's term counts together with its parts: dark blue is blue as well. One that is not known
    here is replaced by the nearest broader term that is.
    """

    vocabulary: ClassVar[str] = "attributes"
    words_in_a_term: ClassVar[int] = 6

    @cached_property
    def vectorizer(self) -> Any:
        """The TfidfVectorizer of these terms; takes lists of terms."""
        result = vectorizer_of(self.terms)
        result.idf_ = np.array(self.idf)
        return result

    @cached_property
    def known(self) -> frozenset[str]:
        """The terms."""
        return frozenset(self.terms)

    def document(self, text: str) -> list[str]:
        """What the vectorizer is given for a text."""
        return self.understood(text)

    def understood(self, text: str) -> list[str]:
        """The terms that a text asks for, in their order; and its words that are none."""
        return [
            name
            for each in recognise(text)
            if not each.denied
            for name in self._meanings(each) or [each.name]
        ]

    def unknown(self, text: str) -> list[Unknown]:
        """What of a text changes nothing, each once, with what could be meant.

        That is looked for of the first few, which are named to people.
        """
        missing: dict[str, Found] = {}
        for each in recognise(text):
            if not each.denied and len(each.name) > 1 and not self._meanings(each):
                missing.setdefault(each.name, each)
        return [
            Unknown(each.written, self._nearest(each.written) if at < NAMED else "")
            for at, each in enumerate(missing.values())
        ]

    def remark(self, text: str) -> str:
        """As of any encoder; and what a text asks not to be there, which can't be promised."""
        denied = dict.fromkeys(each.name for each in recognise(text) if each.denied)
        said = [super().remark(text)]
        if denied:
            named = ", ".join(f"“{name[:30]}”" for name in list(denied)[:NAMED])
            said.append(f"Not asked for, but it may be drawn all the same: {named}.")
        return " ".join(filter(None, said))

    def _meanings(self, found: Found) -> list[str]:
        """What stands for it here: itself and its parts, else broader terms; empty if nothing."""
        own = [found.name] if found.name in self.known else []
        parts = (name for part in found.parts for name in self._terms_for(part))
        result = list(dict.fromkeys([*own, *parts]))
        return result or self._terms_for(found.name)

    def _terms_for(self, name: str, asked: frozenset[str] = frozenset()) -> list[str]:
        """A term if it is known, else its parts that are, else what may stand for it.

        Two terms may stand for each other, so those that were ``asked`` for already are left out.
        """
        if name in self.known:
            return [name]
        term = lexicon().terms.get(name)
        if term is None or name in asked:
            return []
        asked |= {name}
        parts = [known for part in term.parts for known in self._terms_for(part, asked)]
        instead = (self._terms_for(each, asked) for each in term.broader)
        return parts or next(filter(None, instead), [])

    def _nearest(self, word: str) -> str:
        if len(word) < MIN_WORD:
            return ""
        close = get_close_matches(word, self._ways, 1, ALIKE)
        if not close:
            return ""
        found = recognise(close[0])
        name = found[0].name if found else close[0]
        return self.spoken.get(name, name)

    @cached_property
    def _ways(self) -> list[str]:
        """All single words, of any language, that mean something here."""
        return sorted({*self._ways_of_terms(), *(name for name in self.known if " " not in name)})

    def _ways_of_terms(self) -> Iterator[str]:
        tables = lexicon()
        usable = {name for name in tables.terms if self._terms_for(name)}
        for key, name in tables.exact.items():
            if len(key) == 1 and name in usable:
                yield key[0]


def vectorizer_of(terms: Sequence[str]) -> Any:
    """A TfidfVectorizer of lists of terms."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second that most don't need

    return TfidfVectorizer(vocabulary=list(terms), analyzer=list)
