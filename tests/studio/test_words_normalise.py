"""Normal words: one spelling for whatever a caption or a person writes for the same thing."""

from __future__ import annotations

import pytest

from studio.words.normalise import singular, words
from studio.words.tables import IRREGULAR, SPELLINGS, SYNONYMS


def normal(text: str) -> str:
    return " ".join(words(text))


# --- letters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RED Dress", "red dress"),
        ("Épaulé CAFÉ, naïve", "epaule cafe naive"),
        ("e\u0301pe\u0301e", "epee"),
        ("Straße", "strasse"),
        ("ＲＥＤ", "red"),
        ("İpek", "ipek"),
    ],
    ids=["capitals", "accents", "combining accents", "sharp s", "full width", "dotted capital"],
)
def test_case_and_accents_make_no_difference(text: str, expected: str) -> None:
    assert normal(text) == expected


@pytest.mark.parametrize(
    "text",
    ["red/blue", "red, blue", "red_blue", "red 2 blue", "red\0blue", "red👗blue", "red红blue"],
    ids=ascii,
)
def test_what_is_no_latin_letter_separates_words(text: str) -> None:
    assert words(text) == ["red", "blue"]


@pytest.mark.parametrize(
    "text", ["", "  \n\t", "2012 42", "👗👠", "红色连衣裙", "платье", "!?", "\0"]
)
def test_a_text_without_latin_letters_has_no_words(text: str) -> None:
    assert words(text) == []


def test_digits_are_left_away() -> None:
    assert words("Summer 2012 shirt 42") == ["summer", "shirt"]


def test_tags_of_markup_are_left_away_as_a_whole() -> None:
    assert words('<p class="x">red</p><br/>dress') == ["red", "dress"]
    assert words("<img src=x onerror=alert(1)> shirt") == ["shirt"]


def test_brackets_that_make_no_tag_only_separate() -> None:
    assert words("red < blue") == ["red", "blue"]
    assert words("a <" + "b" * 300 + "> c")[-1] == "c"


# --- plurals and possession --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        ("dresses", "dress"),
        ("watches", "watch"),
        ("boxes", "box"),
        ("ladies", "lady"),
        ("accessories", "accessory"),
        ("scarves", "scarf"),
        ("jeans", "jean"),
        ("shoes", "shoe"),
        ("blouses", "blouse"),
        ("ties", "tie"),
        ("bow ties", "bow tie"),
        ("womens", "women"),
        ("sunglasses", "sunglass"),
        ("hoodies", "hoodie"),
        ("beanies", "beanie"),
        ("bikinis", "bikini"),
    ],
)
def test_plurals_become_singular(plural: str, expected: str) -> None:
    assert normal(plural) == expected


@pytest.mark.parametrize("word", ["dress", "business", "citrus", "tennis", "gas", "as", "s"])
def test_an_s_that_makes_no_plural_stays(word: str) -> None:
    assert words(word) == [word]


def test_a_singular_stays_as_it_is() -> None:
    for word in {*IRREGULAR.values(), "watch", "lady", "shoe", "tie", "box"}:
        assert singular(word) == word


@pytest.mark.parametrize(
    "text", ["women's", "women\u2019s", "women`s", "Women\u2019s", "woman", "womens"]
)
def test_whose_it_is_makes_no_difference(text: str) -> None:
    assert words(f"{text} dress") == ["women", "dress"]


@pytest.mark.parametrize("mark", ["'", "\u2019"])
def test_the_apostrophe_of_a_plural_is_left_away(mark: str) -> None:
    assert words(f"girls{mark} top, ladies{mark}") == ["girl", "top", "lady"]


def test_quotation_marks_leave_the_words_between_them() -> None:
    assert words("the 'small' \u2018red\u2019 \u201cone\u201d") == ["the", "small", "red", "one"]


# --- spellings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["T-shirt", "t shirt", "T-Shirts", "TShirt", "tee", "Tee-Shirts"])
def test_one_thing_has_one_spelling(text: str) -> None:
    assert words(text) == ["tshirt"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gray", "grey"),
        ("Off-White", "off white"),
        ("offwhite", "off white"),
        ("flipflops", "flip flop"),
        ("Flip Flops", "flip flop"),
        ("hand-bags", "handbag"),
        ("saris", "saree"),
        ("wrist watches", "watch"),
        ("red t-shirt and gray track pants", "red tshirt and grey trackpant"),
    ],
)
def test_spellings_become_one(text: str, expected: str) -> None:
    assert normal(text) == expected


def test_normal_words_are_normal_already() -> None:
    for text in ("Women's T-Shirts", "Navy Blue jeans", "ladies' flip-flops", "gray sweat shirts"):
        assert words(normal(text)) == words(text)


# --- the tables --------------------------------------------------------------------------------


def test_spellings_are_looked_up_as_they_are_written() -> None:
    for written, meant in SPELLINGS.items():
        assert " ".join(map(singular, written.split())) == written
        assert 1 <= len(written.split()) <= 3
        assert normal(written) == normal(meant) == meant != written


def test_synonyms_are_normal_words() -> None:
    for word, meanings in SYNONYMS.items():
        assert 1 <= len(word.split()) <= 2 and meanings
        for each in (word, *meanings):
            assert normal(each) == each


def test_no_synonym_means_itself() -> None:
    for word, meanings in SYNONYMS.items():
        assert word not in meanings
        assert len(set(meanings)) == len(meanings)


def test_irregular_plurals_become_normal_words() -> None:
    for written, meant in IRREGULAR.items():
        assert normal(written) == normal(meant)
