"""One English term for every way to write a thing, in five languages."""

from __future__ import annotations

import pytest

from studio.words import recognise
from studio.words.lexicon import COLUMNS, inflected


def names(text: str) -> list[str]:
    """The terms and words that a text asks for."""
    return [each.name for each in recognise(text) if not each.denied]


ENGLISH = {
    "gray": "grey",
    "T-Shirts": "t-shirt",
    "tee": "t-shirt",
    "jumper": "sweater",
    "pull-over": "sweater",
    "trainers": "sneakers",
    "polka dots": "dotted",
    "tartan": "plaid",
    "chequered": "checked",
    "turtle neck": "turtleneck",
    "polo neck": "turtleneck",
    "vneck": "v-neck",
    "V-necked": "v-neck",
    "crew neck": "round neck",
    "long-sleeved": "long sleeves",
    "3/4 sleeves": "three-quarter sleeves",
    "to the knee": "knee length",
    "high-waisted": "high waist",
    "faux leather": "imitation leather",
    "zipper": "zip",
    "purse": "handbag",
    "rucksack": "backpack",
    "shorts": "shorts",
    "short": "short",
    "ladies'": "women",
    "offwhite": "off white",
    "navy": "navy blue",
}
MISSPELT = {
    "blak": "black",
    "yelow": "yellow",
    "lether jacket": "leather jacket",
    "swetter": "sweater",
    "jaket": "jacket",
    "sneekers": "sneakers",
    "burgandy": "burgundy",
    "turqoise": "turquoise",
    "skrit": "skirt",
    "sleevless": "sleeveless",
    "khakhi": "khaki",
}
GERMAN = {
    "rot": "red",
    "rote": "red",
    "roter": "red",
    "rotes": "red",
    "grün": "green",
    "gruen": "green",
    "grünes": "green",
    "weiße": "white",
    "weisses": "white",
    "Kleider": "dress",
    "Röcke": "skirt",
    "Rock": "skirt",
    "Hemden": "shirt",
    "Mäntel": "coat",
    "Schuhe": "shoes",
    "Handtasche": "handbag",
    "Baumwolle": "cotton",
    "Seide": "silk",
    "gestreift": "striped",
    "kariertes": "checked",
    "geblümt": "floral",
    "ärmellos": "sleeveless",
    "langärmlig": "long sleeves",
    "Rollkragen": "turtleneck",
    "knielang": "knee length",
    "Damen": "women",
}
FRENCH = {
    "rouge": "red",
    "rouges": "red",
    "noire": "black",
    "blanches": "white",
    "vertes": "green",
    "robes": "dress",
    "jupe": "skirt",
    "chemise": "shirt",
    "manteaux": "coat",
    "pull": "sweater",
    "chaussures": "shoes",
    "sac à main": "handbag",
    "coton": "cotton",
    "soie": "silk",
    "laine": "wool",
    "rayée": "striped",
    "à carreaux": "checked",
    "a carreaux": "checked",
    "à fleurs": "floral",
    "sans manches": "sleeveless",
    "manches longues": "long sleeves",
    "col roulé": "turtleneck",
    "bleu marine": "navy blue",
    "été": "summer",
    "femme": "women",
}
ITALIAN = {
    "rosso": "red",
    "rossa": "red",
    "rossi": "red",
    "rosse": "red",
    "bianche": "white",
    "verdi": "green",
    "gialla": "yellow",
    "vestiti": "dress",
    "gonna": "skirt",
    "camicie": "shirt",
    "cappotto": "coat",
    "maglione": "sweater",
    "scarpe": "shoes",
    "borsa": "bag",
    "cotone": "cotton",
    "seta": "silk",
    "pelle": "leather",
    "a righe": "striped",
    "a quadri": "checked",
    "a pois": "dotted",
    "senza maniche": "sleeveless",
    "maniche lunghe": "long sleeves",
    "collo alto": "turtleneck",
    "scollo a V": "v-neck",
    "uomo": "men",
}
SPANISH = {
    "rojo": "red",
    "roja": "red",
    "rojos": "red",
    "rojas": "red",
    "azules": "blue",
    "marrón": "brown",
    "marron": "brown",
    "blancas": "white",
    "vestidos": "dress",
    "falda": "skirt",
    "camisa": "shirt",
    "abrigo": "coat",
    "zapatos": "shoes",
    "bolso": "handbag",
    "algodón": "cotton",
    "algodon": "cotton",
    "cuero": "leather",
    "de rayas": "striped",
    "de cuadros": "checked",
    "de lunares": "dotted",
    "sin mangas": "sleeveless",
    "manga larga": "long sleeves",
    "cuello alto": "turtleneck",
    "azul marino": "navy blue",
    "mujer": "women",
}
WAYS = [
    (written, term)
    for table in (ENGLISH, MISSPELT, GERMAN, FRENCH, ITALIAN, SPANISH)
    for written, term in table.items()
]


@pytest.mark.parametrize(("written", "term"), WAYS, ids=[written for written, _ in WAYS])
def test_whatever_is_written_one_term_is_meant(written: str, term: str) -> None:
    assert names(written) == [term]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("knielanges rotes Kleid", ["knee length", "red", "dress"]),
        ("robe rouge à manches longues", ["dress", "red", "long sleeves"]),
        ("vestito a righe, senza maniche", ["dress", "striped", "sleeveless"]),
        ("falda azul marino con bolsillos", ["skirt", "navy blue", "pockets"]),
        ("robe d'été fleurie", ["dress", "summer", "floral"]),
        ("schwarze Hose mit hohem Bund", ["black", "trousers", "high waist"]),
        ("zapatillas blancas de mujer", ["sneakers", "white", "women"]),
        ("scarpe da ginnastica bianche", ["sneakers", "white"]),
    ],
)
def test_small_words_of_other_languages_are_left_away(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("rot", "de", {"rot", "rote", "roten", "roter", "rotes", "rotem", "rots"}),
        ("beige", "de", {"beige", "beigen", "beiger", "beiges"}),
        ("noir", "fr", {"noir", "noire"}),
        ("bianco", "it", {"bianco", "bianca", "bianchi", "bianche"}),
        ("verde", "it", {"verde", "verdi"}),
        ("azul", "es", {"azul", "azules"}),
        ("rojo", "es", {"rojo", "roja"}),
        ("red", "en", {"red"}),
    ],
)
def test_endings(word: str, language: str, expected: set[str]) -> None:
    assert language in COLUMNS and set(inflected(word, language)) == expected
