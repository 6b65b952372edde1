"""The encoder of attributes: what it knows, what it makes of the rest, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from studio.words import VOCABULARIES, Encoder, WordsError, fit, load, save
from studio.words.attributes import AttributeEncoder
from studio.words.files import from_json

CAPTIONS = (
    *["red dress, women. Knee-length dress with long sleeves."] * 3,
    *["dark blue shirt, men. Cotton shirt with a collar and a chest pocket."] * 3,
    *["white sneakers, kids. Shoes with laces and rubber soles."] * 3,
    *["navy blue striped t-shirt. Short sleeves, a v-neck and a glorious finish."] * 8,
)
KEPT = ("Red", "Dress", "Sweater")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return fit(CAPTIONS, KEPT, vocabulary="attributes")


def test_terms_are_attributes_and_words_that_many_captions_have(encoder: Encoder) -> None:
    assert {"red", "dress", "knee length", "long sleeves", "chest pocket"} <= set(encoder.terms)
    assert {"glorious", "finish"} <= set(encoder.terms)
    assert not {"sweater", "and", "with", "sleeve"} & set(encoder.terms)
    assert encoder.terms == tuple(sorted(encoder.terms))


def test_a_term_counts_together_with_its_parts(encoder: Encoder) -> None:
    found = dict(zip(encoder.terms, encoder.vector("dark blue shirt"), strict=True))
    assert {name for name, weight in found.items() if weight} == {
        *("dark blue", "blue", "dark", "shirt"),
    }
    assert encoder.understood("navy") == ["navy blue", "blue"]


def test_vectors_have_unit_length_and_those_of_nothing_are_zeros(encoder: Encoder) -> None:
    vectors = encoder.vectors([*CAPTIONS, "", "zebra", "without a collar"])
    assert vectors.dtype == np.float32 and vectors.shape == (len(CAPTIONS) + 3, len(encoder.terms))
    np.testing.assert_allclose(np.linalg.norm(vectors[:-3], axis=1), 1, atol=1e-6)
    assert not vectors[-3:].any()


def test_rare_terms_weigh_more(encoder: Encoder) -> None:
    found = dict(zip(encoder.terms, encoder.vector("red t-shirt"), strict=True))
    assert found["red"] > found["t-shirt"] > 0


@pytest.mark.parametrize(
    "text",
    [
        "rotes Kleid, knielang",
        "robe rouge longueur genou",
        "vestito rosso al ginocchio",
        "RED DRES to the knee",
    ],
)
def test_every_language_gives_the_same_vector(encoder: Encoder, text: str) -> None:
    expected = encoder.vector("red knee-length dress")
    assert expected.any()
    np.testing.assert_array_equal(encoder.vector(text), expected)


def test_what_is_not_known_is_replaced_by_what_is_broader(encoder: Encoder) -> None:
    assert encoder.understood("crimson frock") == ["red", "dress"]
    assert encoder.understood("dark crimson") == ["red", "dark"]
    assert encoder.remark("crimson frock") == ""
    # Each of two terms may stand for the other, and here neither is known.
    assert encoder.understood("teal") == ["blue"] and encoder.understood("flats") == ["shoes"]


def test_unknown_words_are_named_with_the_nearest_known(encoder: Encoder) -> None:
    assert encoder.remark("redd drress") == "Not known here: “drress” (dress?)."
    assert encoder.remark("red zebra") == "Not known here: “zebra”."
    assert encoder.remark("glorous dress") == "Not known here: “glorous” (glorious?)."
    # A term of the tables that no caption has is as little known, and no misspelling of another.
    assert encoder.remark("red sunglasses") == "Not known here: “sunglasses”."
    assert encoder.remark("un vestido rojo y azul") == ""


def test_what_is_nearest_in_another_language_is_told_in_english(encoder: Encoder) -> None:
    assert encoder.remark("rotes kleidd") == "Not known here: “kleidd” (dress?)."


def test_what_is_denied_is_told(encoder: Encoder) -> None:
    assert encoder.remark("red dress without pockets") == (
        "Not asked for, but it may be drawn all the same: “pockets”."
    )
    np.testing.assert_array_equal(
        encoder.vector("red dress without pockets"), encoder.vector("red dress")
    )


def test_what_cannot_be_read_is_answered_with_what_can(encoder: Encoder) -> None:
    assert encoder.remark("платье").startswith("No word here can be read")
    assert encoder.remark("a happy zebra").startswith("No word of this is known here")


@pytest.mark.parametrize(
    "text", ["<" * 50_000, "z" * 50_000, "red zebra " * 5_000, "red \ud800 dress", "no " * 5_000]
)
def test_hostile_texts_are_texts_like_others(encoder: Encoder, text: str) -> None:
    assert np.isfinite(encoder.vector(text)).all()
    assert len(encoder.remark(text)) < 300


def test_examples_are_understood_completely(encoder: Encoder) -> None:
    assert encoder.examples
    assert all(encoder.vector(text).any() and not encoder.unknown(text) for text in encoder.offers)


def test_there_are_at_most_so_many_terms_and_those_kept_are_first() -> None:
    assert fit(CAPTIONS, KEPT, 2, "attributes").terms == ("dress", "red")
    assert len(fit(CAPTIONS, KEPT, vocabulary="attributes").terms) <= VOCABULARIES["attributes"]


@pytest.mark.parametrize("captions", [[], [""], ["2012", "👗"], ["the"]])
def test_captions_without_words_are_refused(captions: list[str]) -> None:
    with pytest.raises(WordsError, match="hold no words"):
        fit(captions, vocabulary="attributes")


def test_there_are_two_vocabularies() -> None:
    assert VOCABULARIES == {"words": 256, "attributes": 1_000}
    with pytest.raises(ValueError, match="one of: words, attributes"):
        fit(CAPTIONS, vocabulary="letters")


# --- files -------------------------------------------------------------------------------------


def test_an_encoder_goes_through_a_file_to_the_bit(encoder: Encoder, tmp_path: Path) -> None:
    save(encoder, tmp_path)
    again = load(tmp_path)
    assert type(again) is AttributeEncoder and again == encoder
    assert again.vectors(CAPTIONS).tobytes() == encoder.vectors(CAPTIONS).tobytes()


def test_a_file_without_a_vocabulary_is_of_words() -> None:
    old = {"terms": {"red": 1.5, "navy blue": 2.0}, "spoken": {}, "examples": ["red"]}
    found = from_json(json.dumps(old))
    assert type(found) is Encoder
    assert json.loads(found.to_json()) == old
    with pytest.raises(WordsError, match="damaged"):
        from_json(json.dumps({**old, "vocabulary": "letters"}))


SHIPPED = Path(__file__).parents[2] / "checkpoints" / "words"
# What the generator that ships is told by some texts, in any language it reads: a change of the
# lexicon or of the normalisation must not change what kept designs show.
TOLD = {
    "dark blue dress, women": {"blue", "dark", "dark blue", "dress", "women"},
    "Women's RED T-Shirts": {"red", "t-shirt", "women"},
    "crimson frock with v-neck": {"red", "dress", "v-neck"},
    "blue jaens": {"blue", "jeans"},
    "schwarze Lederjacke": {"black", "leather", "jacket"},
    "robe rouge à manches longues": {"red", "dress", "long sleeves"},
    "zebra": set(),
}


@pytest.mark.skipif(not SHIPPED.exists(), reason="the checkpoints are not here")
@pytest.mark.parametrize("text", TOLD)
def test_what_ships_is_told_what_a_text_says(text: str) -> None:
    encoder = load(SHIPPED)
    assert type(encoder) is AttributeEncoder
    found = zip(encoder.terms, encoder.vector(text), strict=True)
    assert {name for name, weight in found if weight} == TOLD[text]
    assert encoder.to_json() == (SHIPPED / "words.json").read_text(encoding="utf-8")
