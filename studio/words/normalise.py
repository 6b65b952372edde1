"""Text as plain words: lower case, singular, one spelling of each, without marks."""

from __future__ import annotations

import re
import unicodedata

from studio.words.tables import IRREGULAR, SPELLINGS

# A letter that carries no accent after decomposition; digits are sizes and years, not looks.
WORD = re.compile(r"[a-z]+")
MARKUP = re.compile(r"<[^<>]{0,200}>")
# Endings in s that make no plural.
NO_PLURAL = ("ss", "us", "is")
# Endings whose plural takes es.
LONG_PLURAL = ("sses", "shes", "ches", "xes", "zes")


def words(text: str) -> list[str]:
    """The words of a text, each as it is looked up: "Women's T-Shirts" gives women, tshirt.

    What is no Latin letter separates words: digits, marks, emoji and other scripts. A tag of markup
    is left away as a whole.
    """
    # One spelling for each thing: "t", "shirt" become "tshirt".
    return replaced([singular(word) for word in WORD.findall(folded(text))], SPELLINGS)


def folded(text: str) -> str:
    """A text in lower case, without accents, markup and what shows whose a thing is."""
    text = unicodedata.normalize("NFKD", MARKUP.sub(" ", text)).casefold()
    text = "".join(each for each in text if not unicodedata.combining(each))
    return re.sub(r"['\u2019`]s?\b", "", text)  # women's, sweatshirt's, ladies'


def singular(word: str) -> str:
    """A word without the ending of a plural, also where that leaves none that exists."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) <= 3 or not word.endswith("s") or word.endswith(NO_PLURAL):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(LONG_PLURAL) else word[:-1]


def replaced(found: list[str], table: dict[str, str]) -> list[str]:
    """Words with the entries of a table, of one to three words, replaced; the longest first."""
    result: list[str] = []
    at = 0
    while at < len(found):
        for length in (3, 2, 1):
            phrase = " ".join(found[at : at + length])
            if len(found) - at >= length and phrase in table:
                result += table[phrase].split()
                at += length
                break
        else:
            result.append(found[at])
            at += 1
    return result
