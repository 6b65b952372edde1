"""Words: what a person asks for, as the vector that a generator draws by."""

from studio.words.encoder import MAX_TEXT, WORDS, Encoder, WordsError, fit, load, save

__all__ = ["MAX_TEXT", "WORDS", "Encoder", "WordsError", "fit", "load", "save"]
