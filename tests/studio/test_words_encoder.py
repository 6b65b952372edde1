"""The encoder of words: scikit-learn's numbers, what it knows, and what it says of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from studio.words import WORDS, Encoder, WordsError, fit, load, save
from studio.words.encoder import MAX_TERM, TERMS
from studio.words.files import from_json
from studio.words.normalise import words

CAPTIONS = (
    "Women's red dress. A summer dress.",
    "Navy Blue casual shirts for men",
    "Red casual shirt, men",
    "Men's navy blue jeans",
    "Black formal shoes for men",
    "Women black formal shoes",
    "Red T-shirt for women",
    "Black T-Shirts, women's",
    "Blue jeans women",
    "Sea Green scarves",
)
KEPT = ("Navy Blue", "Red", "Black", "Sea Green", "Dresses", "Jeans")
TEXTS = (*CAPTIONS, "red shirts for women and navy blue jeans", "Sea-green dress", "hat", "")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return fit(CAPTIONS, KEPT)


def prepared(texts: tuple[str, ...]) -> list[str]:
    return [" ".join(words(text)) for text in texts]


# --- vectors -----------------------------------------------------------------------------------


def test_vectors_are_those_of_scikit_learn(encoder: Encoder) -> None:
    theirs = TfidfVectorizer(vocabulary=list(encoder.terms), ngram_range=(1, 2))
    theirs.fit(prepared(CAPTIONS))
    expected = theirs.transform(prepared(TEXTS)).toarray()
    for each in (encoder, from_json(encoder.to_json())):
        assert abs(each.vectors(TEXTS) - expected).max() <= 1e-6


def test_an_encoder_goes_through_json_to_the_bit(encoder: Encoder, tmp_path: Path) -> None:
    save(encoder, tmp_path)
    for again in (from_json(encoder.to_json()), load(tmp_path)):
        assert again == encoder
        assert again.vectors(TEXTS).tobytes() == encoder.vectors(TEXTS).tobytes()


def test_rows_have_unit_length(encoder: Encoder) -> None:
    found = encoder.vectors(CAPTIONS)
    assert found.dtype == np.float32 and found.shape == (len(CAPTIONS), len(encoder.terms))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("text", ["", "  ", "zebra", "платье 👗", "the of", "<b></b>"])
def test_a_text_without_known_words_is_all_zeros(encoder: Encoder, text: str) -> None:
    assert not encoder.vector(text).any()


def test_one_text_is_a_row_of_many(encoder: Encoder) -> None:
    np.testing.assert_array_equal(encoder.vector(TEXTS[3]), encoder.vectors(TEXTS)[3])


def test_spelling_makes_no_difference(encoder: Encoder) -> None:
    first, second = encoder.vectors(["Women's RED T-Shirts", "red tee  for, woman 2012"])
    assert first.any()
    np.testing.assert_array_equal(first, second)


# --- which terms there are ---------------------------------------------------------------------


def test_kept_names_stay_though_others_are_more_frequent() -> None:
    captions = ["casual shirt men"] * 20 + ["sea green scarf"]
    assert "scarf" not in fit(captions, terms=3).terms
    assert fit(captions, ["Sea Green", "Scarves"], 4).terms == (
        "green",
        "scarf",
        "sea",
        "sea green",
    )


def test_kept_names_of_two_words_are_terms_as_a_whole(encoder: Encoder) -> None:
    assert {"navy blue", "navy", "blue", "sea green"} <= set(encoder.terms)
    assert "casual shirt" not in encoder.terms


def test_a_kept_name_may_be_a_word_that_elsewhere_says_nothing() -> None:
    captions = ["red top", "bottom of the blue bikini", "front print"]
    found = fit(captions, ["Top", "Bikini bottom", "Front print"]).terms
    assert "top" in found and "front print" in found
    assert not {"bottom", "front", "of", "the"} & set(found)


def test_the_first_kept_names_are_the_most_important() -> None:
    found = fit(CAPTIONS, ["Black", "Red", "Navy Blue"], terms=2)
    assert found.terms == ("black", "red")


def test_kept_names_that_no_caption_has_are_no_terms(encoder: Encoder) -> None:
    assert "mauve" not in fit(CAPTIONS, ["Mauve", "NA", "", "Navy Jeans"]).terms


@pytest.mark.parametrize("terms", [1, 2, 5])
def test_there_are_at_most_so_many_terms(terms: int) -> None:
    found = fit(CAPTIONS, KEPT, terms)
    assert len(found.terms) == len(found.idf) == terms
    assert len(found.vector("red")) == terms


def test_terms_are_limited_without_being_asked() -> None:
    names = [f"{a}{b}x" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
    assert len(fit([" ".join(names)] * 2).terms) == TERMS < len(names)


def test_the_most_frequent_words_come_first_and_words_that_say_nothing_never() -> None:
    captions = ["the shirt of a man", "the shirt is red", "the red hat", "the shirt"]
    assert fit(captions, terms=2).terms == ("red", "shirt")


@pytest.mark.parametrize("captions", [[], [""], ["2012", "👗", "  "], ["<b>"]])
def test_captions_without_words_are_refused(captions: list[str]) -> None:
    with pytest.raises(WordsError, match="hold no words"):
        fit(captions, ["red"])


# --- meaning -----------------------------------------------------------------------------------


def test_a_synonym_stands_for_the_word_that_is_known(encoder: Encoder) -> None:
    assert encoder.understood("Crimson frocks") == ["red", "dress"]
    np.testing.assert_array_equal(encoder.vector("crimson frock"), encoder.vector("red dress"))
    assert encoder.remark("crimson frock") == ""


def test_a_word_that_is_known_is_left_alone() -> None:
    found = fit([*CAPTIONS, "Crimson dress", "crimson shirt"])
    assert found.understood("crimson") == ["crimson"]


def test_the_first_meaning_that_is_known_is_taken() -> None:
    assert fit(["red maroon dress"] * 2).understood("burgundy") == ["maroon"]
    assert fit(["red blue dress"] * 2).understood("burgundy") == ["red"]
    assert fit(["blue dress"] * 2).understood("burgundy") == ["burgundy"]


def test_meanings_of_two_words_and_for_two_words(encoder: Encoder) -> None:
    found = fit(["navy blue shoe"] * 2, ["Navy Blue"])
    assert found.understood("indigo running shoes") == ["navy", "blue", "shoe"]


# --- remarks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n", *CAPTIONS[1:9], "a red dress with the jeans"])
def test_of_what_is_known_nothing_is_said(encoder: Encoder, text: str) -> None:
    assert encoder.remark(text) == ""


def test_unknown_words_are_named_with_the_nearest_known(encoder: Encoder) -> None:
    assert encoder.remark("red dress for wimen") == "Not known here: “wimen” (women?)."
    assert encoder.remark("red zebra dress zebra") == "Not known here: “zebra”."


def test_the_nearest_is_named_as_people_write_it(encoder: Encoder) -> None:
    assert "“jaen” (jeans?)" in encoder.remark("blue jaens")


def test_only_unknown_words_are_answered_with_an_example(encoder: Encoder) -> None:
    said = encoder.remark("purple zebra")
    assert said.startswith("No word of this is known here: “purple”, “zebra”. Try “")
    assert encoder.example in said
    assert encoder.remark("wimen") == "No word of this is known here: “wimen” (women?)."


@pytest.mark.parametrize("text", ["👗👠", "платье", "红色连衣裙", "42", "<br>"])
def test_what_cannot_be_read_is_answered_with_what_can(encoder: Encoder, text: str) -> None:
    said = encoder.remark(text)
    assert said.startswith("No word here can be read") and encoder.example in said


def test_many_unknown_words_are_counted(encoder: Encoder) -> None:
    said = encoder.remark("red aardvark buffalo cheetah dolphin elephant ferret giraffe")
    assert said.endswith("“elephant” and 2 more.") and "ferret" not in said


HOSTILE = {
    "markup": '<script>alert("x")</script>' * 200,
    "brackets": "<" * 100_000,
    "NUL": "red\0dress\0" * 1_000,
    "one word": "z" * 100_000,
    "words": "red zebra " * 10_000,
    "accents": "a\u0301\u0323" * 30_000,
    "apostrophes": "'" * 100_000,
    "surrogate": "red \ud800 dress",
    "formats": "%s {0} {terms} \\x00 ${x}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_texts_like_others(encoder: Encoder, text: str) -> None:
    assert np.isfinite(encoder.vector(text)).all()
    said = encoder.remark(text)
    assert "<" not in said and "\0" not in said and len(said) < 300


# --- examples ----------------------------------------------------------------------------------


def test_examples_are_understood_completely(encoder: Encoder) -> None:
    assert len(encoder.examples) >= 3
    for text in encoder.examples:
        assert encoder.vector(text).any() and not encoder.unknown(text)
        assert any(caption.startswith(text) for caption in CAPTIONS)


def test_without_examples_a_word_is_offered(encoder: Encoder) -> None:
    bare = Encoder(("jean",), (1.0,), {"jean": "jeans"})
    assert bare.offers == (bare.example,) == ("jeans",)
    assert bare.remark("jeans") == "" and bare.vector("jeans").any()


# --- files -------------------------------------------------------------------------------------


def changed(**parts: Any) -> str:
    good = {"terms": {"red": 1.5, "navy blue": 2.0}, "spoken": {}, "examples": ["red"]}
    return json.dumps({**good, **parts})


DAMAGED = {
    "nothing": "",
    "cut off": changed()[:-9],
    "a list": "[]",
    "a number": "5",
    "empty": "{}",
    "no terms": changed(terms={}),
    "terms in a list": changed(terms=["red"]),
    "a term of three words": changed(terms={"dark navy blue": 1.0}),
    "a term without letters": changed(terms={" ": 1.0}),
    "a long term": changed(terms={"a" * (MAX_TERM + 1): 1.0}),
    "no number": changed(terms={"red": "much"}),
    "null": changed(terms={"red": None}),
    "not finite": changed(terms={"red": float("nan")}),
    "infinite": changed(terms={"red": float("inf")}),
    "too large": changed(terms={"red": 10**400}),
    "spoken in a list": changed(spoken=["red"]),
    "examples of nothing": changed(examples=None),
    "nested": "[" * 100_000,
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_damaged_text_is_refused_with_a_sentence(text: str) -> None:
    assert from_json(changed()).terms == ("red", "navy blue")
    with pytest.raises(WordsError, match="list of words is damaged"):
        from_json(text)


def test_a_folder_without_words_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(WordsError, match=rf"{WORDS} can't be read"):
        load(tmp_path)
    (tmp_path / WORDS).write_bytes(b"\xff\xfe")
    with pytest.raises(WordsError, match=rf"{WORDS} can't be read"):
        load(tmp_path)
