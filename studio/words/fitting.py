"""Choosing, from captions, the terms that a generator is to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from studio.words.attributes import AttributeEncoder
from studio.words.attributes import vectorizer_of as vectorizer_of_lists
from studio.words.encoder import (
    MAX_TERM,
    SETTINGS,
    TERMS,
    Encoder,
    WordsError,
    vectorizer_of,
)
from studio.words.normalise import words
from studio.words.recognise import Found, recognise

# How terms may be chosen, and how many at most: "words" are the most frequent ones, "attributes"
# what the tables recognise, in any spelling and five languages, and frequent other words.
VOCABULARIES = {"words": TERMS, "attributes": 1_000}
EXAMPLES, EXAMPLES_AMONG, EXAMPLE_LENGTH = 24, 2_000, 60
# Captions that a term has to be in: one of an attribute, and another word, whose use is less sure.
LEAST, LEAST_OTHER = 3, 8
# What is shorter or has no vowel is no word, but part of a product's number.
LEAST_LETTERS, VOWELS = 3, frozenset("aeiouy")
NO_WORDS = "The captions hold no words; give a text for each image."


def fit(
    captions: Sequence[str],
    kept: Sequence[str] = (),
    terms: int | None = None,
    vocabulary: str = "words",
) -> Encoder:
    """The encoder of some captions: at most ``terms`` terms, at least 1.

    Args:
        captions: one text for each image.
        kept: what has to stay of them: names of colours, types and so on, the most important first.
        terms: how many there are at most; as :data:`VOCABULARIES` has it unless told.
        vocabulary: of :data:`VOCABULARIES`.

    Raises:
        WordsError: the captions have no words.
        ValueError: there is no such vocabulary.
    """
    if vocabulary not in VOCABULARIES:
        raise ValueError(f"A vocabulary is one of: {', '.join(VOCABULARIES)}.")
    choose = _words if vocabulary == "words" else _attributes
    result = choose(captions, kept, terms or VOCABULARIES[vocabulary])
    return replace(result, examples=_examples(result, captions))


def _attributes(captions: Sequence[str], kept: Sequence[str], terms: int) -> Encoder:
    """Terms of attributes by use, those of ``kept`` first; then other words by use."""
    found = [[each for each in recognise(caption) if not each.denied] for caption in captions]
    documents = [list(_names(each)) for each in found]
    seen = Counter(name for document in documents for name in set(document))
    if not seen:
        raise WordsError(NO_WORDS)
    of_tables = set(_names(each for several in found for each in several if each.attribute))
    written: dict[str, Counter[str]] = {}
    for each in (each for several in found for each in several if not each.attribute):
        written.setdefault(each.name, Counter())[each.written] += 1
    first = (name for value in kept for name in _names(recognise(value)) if name in of_tables)
    chosen = dict.fromkeys(name for name in first if seen[name])
    frequent = sorted(seen, key=lambda name: (-seen[name], name))
    chosen |= dict.fromkeys(n for n in frequent if n in of_tables and seen[n] >= LEAST)
    others = (n for n in frequent if n not in of_tables and seen[n] >= LEAST_OTHER)
    chosen |= dict.fromkeys(filter(_is_word, others))
    names = tuple(sorted(list(chosen or frequent)[:terms]))
    spoken = {n: written[n].most_common(1)[0][0] for n in names if n in written}
    return AttributeEncoder(
        names,
        _idf(vectorizer_of_lists(names), documents),
        {name: way for name, way in spoken.items() if way != name},
    )


def _is_word(name: str) -> bool:
    return LEAST_LETTERS <= len(name) <= MAX_TERM and not VOWELS.isdisjoint(name)


def _names(found: Iterable[Found]) -> Iterable[str]:
    """Terms together with their parts."""
    return (name for each in found for name in (each.name, *each.parts))


def _words(captions: Sequence[str], kept: Sequence[str], terms: int) -> Encoder:
    """The most frequent single words.

    What is kept of two words is a term as a whole, besides its single words.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    prepared = [" ".join(words(caption)) for caption in captions]
    counter = CountVectorizer(**SETTINGS, binary=True)
    try:
        counts = np.asarray(counter.fit_transform(prepared).sum(0))[0]
    except ValueError as error:  # an empty vocabulary
        raise WordsError(NO_WORDS) from error
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
    idf = _idf(vectorizer_of(names), prepared)
    return Encoder(names, idf, _spoken(names, captions, kept))


def _idf(vectorizer: Any, documents: Sequence[Any]) -> tuple[float, ...]:
    return tuple(float(each) for each in vectorizer.fit(documents).idf_)


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
