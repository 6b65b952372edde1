"""Encoders as files: ``words.json`` in the folder of a checkpoint or a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from studio.files import write_text_whole
from studio.words.attributes import AttributeEncoder
from studio.words.encoder import MAX_TERM, MAX_TEXT, Encoder, WordsError

WORDS = "words.json"
# By what a file calls them; one without a name is of the first, from before there were others.
ENCODERS: dict[str, type[Encoder]] = {each.vocabulary: each for each in (Encoder, AttributeEncoder)}
# What reading a text of another shape raises; the last for a number that is no float's.
_DAMAGE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)


def from_json(text: str) -> Encoder:
    """The encoder that :meth:`Encoder.to_json` wrote.

    Raises:
        WordsError: the text is damaged, or of something else.
    """
    try:
        values = json.loads(text)
        kind = ENCODERS[values.get("vocabulary", Encoder.vocabulary)]
        terms, spoken = values["terms"], values["spoken"]
        names, idf = tuple(terms), tuple(float(each) for each in terms.values())
        examples = tuple(str(each)[:MAX_TEXT] for each in values.get("examples", ()))
        spoken = {str(key): str(value)[:MAX_TERM] for key, value in spoken.items()}
        most = kind.words_in_a_term
        usable = all(len(each) <= MAX_TERM and 1 <= len(each.split()) <= most for each in names)
        if not names or not usable or not np.isfinite(idf).all():
            raise ValueError("a term is none")
    except _DAMAGE as error:
        raise WordsError("This list of words is damaged.") from error
    return kind(names, idf, spoken, examples)


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
