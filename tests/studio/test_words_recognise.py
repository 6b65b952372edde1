"""What is recognised in a text: terms and their attributes, compounds, and what is denied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.words import recognise
from studio.words.lexicon import ATTRIBUTES, lexicon


def names(text: str) -> list[str]:
    """The terms and words that a text asks for."""
    return [each.name for each in recognise(text) if not each.denied]


def denied(text: str) -> list[str]:
    return [each.name for each in recognise(text) if each.denied]


# --- attributes and terms ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("dress", "kind"),
        ("crimson", "colour"),
        ("paisley", "pattern"),
        ("corduroy", "material"),
        ("oversized", "fit"),
        ("midi", "length"),
        ("cap sleeves", "sleeves"),
        ("halterneck", "neckline"),
        ("double-breasted", "fastening"),
        ("ruffles", "detail"),
        ("kids", "wearer"),
        ("winter", "occasion"),
        ("zebra", ""),
    ],
)
def test_attributes_are_told(text: str, attribute: str) -> None:
    assert [each.attribute for each in recognise(text)] == [attribute]


# --- what belongs together ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dark blue", ["dark blue"]),
        ("pale pink", ["light pink"]),
        ("darkblue", ["dark blue"]),
        ("dunkelblaue", ["dark blue"]),
        ("bleu foncé", ["dark blue"]),
        ("verde chiaro", ["light green"]),
        ("rojo oscuro", ["dark red"]),
        ("black, light grey", ["black", "light grey"]),
        ("black light grey", ["black", "light grey"]),
    ],
)
def test_a_shade_and_its_colour_are_one_term(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_shaded_colour_is_the_colour_and_the_shade_as_well() -> None:
    (found,) = recognise("dark navy")
    assert (found.name, found.attribute) == ("dark navy blue", "colour")
    assert found.parts == ("navy blue", "blue", "dark")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lederjacke", ["leather jacket"]),
        ("Jeansrock", ["denim skirt"]),
        ("Baumwollkleid", ["cotton", "dress"]),
        ("Seidenbluse", ["silk", "blouse"]),
        ("Sommerkleider", ["summer", "dress"]),
        ("Wollmütze", ["beanie"]),
        ("Spitzenkleid", ["lace", "dress"]),
        ("Damenschuhe", ["women", "shoes"]),
    ],
)
def test_compounds_are_taken_apart(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("long raglan sleeves", ["long sleeves", "raglan sleeves"]),
        ("long, puff sleeves", ["long sleeves", "puff sleeves"]),
        ("long dress with puff sleeves", ["long", "dress", "puff sleeves"]),
        ("short dress", ["short", "dress"]),
    ],
)
def test_long_is_said_of_sleeves_where_they_follow(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_the_longest_entry_is_taken_and_none_reaches_over_a_comma() -> None:
    assert names("polo neck sweater") == ["turtleneck", "sweater"]
    assert names("polo, neck") == ["polo shirt", "neckline"]


# --- what is not to be there -------------------------------------------------------------------


@pytest.mark.parametrize("text", ["sleeveless", "without sleeves", "no sleeves", "ohne Ärmel"])
def test_where_there_is_a_term_for_it_being_away_that_is_taken(text: str) -> None:
    assert names(text) == ["sleeveless"]


@pytest.mark.parametrize(
    ("text", "there", "away"),
    [
        ("jacket without a hood", ["jacket"], ["hood"]),
        ("hoodless jacket", ["jacket"], ["hood"]),
        ("shirt without black buttons", ["shirt"], ["black", "buttons"]),
        ("no collar or pockets, red", ["collarless", "red"], ["pockets"]),
        ("no pockets and red", ["red"], ["pockets"]),
        ("not red but blue", ["blue"], ["red"]),
        ("robe sans poches", ["dress"], ["pockets"]),
        ("Kleid ohne Taschen", ["dress"], ["bag"]),
        ("vestito senza cappuccio", ["dress"], ["hood"]),
        ("vestido sin bolsillos", ["dress"], ["pockets"]),
        ("no, a red dress", ["red", "dress"], []),
    ],
)
def test_what_is_denied_is_not_asked_for(text: str, there: list[str], away: list[str]) -> None:
    assert names(text) == there
    assert denied(text) == away


def test_makers_names_are_left_away() -> None:
    assert names("United Colors of Benetton Men White T-shirt") == ["men", "white", "t-shirt"]
    assert names("Lino Perros brown bag") == ["brown", "bag"]


@pytest.mark.parametrize("text", ["", " ", "42", "👗", "платье", "the", "!?", "<br>"])
def test_a_text_may_ask_for_nothing(text: str) -> None:
    assert recognise(text) == []


# --- properties --------------------------------------------------------------------------------

FORMS = sorted(" ".join(key) for key in lexicon().exact)


def test_the_name_of_a_term_means_it() -> None:
    for name, term in lexicon().terms.items():
        found = [(each.name, each.attribute) for each in recognise(name)]
        assert found == [(name, term.attribute)]


@given(st.lists(st.sampled_from(FORMS), max_size=6))
def test_what_was_recognised_is_recognised_again(forms: list[str]) -> None:
    found = [each.name for each in recognise("; ".join(forms)) if each.attribute]
    assert [each.name for each in recognise("; ".join(found))] == found


@given(st.sampled_from(FORMS), st.sampled_from([str.upper, str.title, str.capitalize]))
def test_case_makes_no_difference(form: str, written: object) -> None:
    assert callable(written)
    assert names(written(form)) == names(form)


@given(st.sampled_from(FORMS))
def test_hyphens_and_spaces_make_no_difference(form: str) -> None:
    assert names(form.replace(" ", "-")) == names(form) == names(f"  {form.replace(' ', '  ')} ")


@given(st.text(max_size=60))
def test_any_text_is_a_text(text: str) -> None:
    for each in recognise(text):
        assert each.name and each.attribute in ("", *ATTRIBUTES)


def test_the_tables_are_whole() -> None:
    tables = lexicon()
    assert len(tables.terms) > 550
    for term in tables.terms.values():
        assert {*term.parts, *term.broader} <= tables.terms.keys() - {term.name}
        assert not set(term.parts) & set(term.broader)
