"""Words: what a person asks for, as the vector that a generator draws by."""

from studio.words.encoder import MAX_TEXT, Encoder, WordsError
from studio.words.files import WORDS, load, save
from studio.words.fitting import VOCABULARIES, fit
from studio.words.recognise import Found, recognise

__all__ = [
    "MAX_TEXT",
    "VOCABULARIES",
    "WORDS",
    "Encoder",
    "Found",
    "WordsError",
    "fit",
    "load",
    "recognise",
    "save",
]
