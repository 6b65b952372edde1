"""Attributes of garments that captions tell: sleeves, neckline, length, patterns, materials.

A caption is a first sentence with colour, pattern, kind and for whom, then perhaps a description:
"black dress, women. Short dress in lace with a round neckline and long sleeves." What it tells is
read with regular expressions, so it errs where people put it otherwise; what it leaves open is left
open, but for attributes that a description would hardly keep to itself, such as a hood.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Kinds of garments, as first sentences name them; a bikini top has neither sleeves nor a collar.
TOPS = (
    r"(?<!bikini )\btop\b|dress|sweater|shirt|blouse|hoodie|cardigan|jacket|blazer|coat|jumpsuit|"
    r"bodysuit"
)
SHOES = r"shoe|sneaker|boot|sandal|heels|pumps|wedge|ballerina|flats|slipper|flip flop"
CLOTHES = rf"{TOPS}|trousers|jeans|skirt|shorts|leggings|swim|bikini|dungarees|scarf|hat|bag"
# What stands between "long" and "sleeves" is an adjective or two: no "with", no other noun.
OTHERS = r"(?:,? (?!with\b|and\b|in\b|sleeve)[\w-]+){0,2},? "


@dataclass(frozen=True)
class Attribute:
    """Something that is told of garments of some kinds, with one of several values.

    Args:
        name: what it is called, as "sleeves".
        rules: for each value, in order, the regular expression that tells it.
        kinds: a regular expression that a caption's first sentence must match.
        otherwise: the value where a description tells none; "" leaves it open.
    """

    name: str
    rules: tuple[tuple[str, str], ...]
    kinds: str
    otherwise: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """The values in order; where there is one for all others, it comes first."""
        told = tuple(dict.fromkeys(value for value, _ in self.rules))
        return (self.otherwise, *told) if self.otherwise and self.otherwise not in told else told

    def read(self, caption: str) -> str:
        """The value that ``caption`` tells, or "" where it tells none or several."""
        first, description = _parted(caption)
        if not re.search(self.kinds, first):
            return ""
        whole = f"{first}. {description}"
        found = {value for value, rule in self.rules if re.search(rule, whole)}
        if not found:
            return self.otherwise if description else ""
        return found.pop() if len(found) == 1 else ""


def _whether(name: str, rule: str, kinds: str) -> Attribute:
    return Attribute(name, (("yes", rule),), kinds, otherwise="no")


ATTRIBUTES = (
    Attribute(
        "sleeves",
        (
            ("sleeveless", r"sleeveless|strapless|shoulder straps|spaghetti straps|vest top"),
            ("short", rf"\bshort{OTHERS}sleeve|short-sleeved|cap sleeve|\bshort sleeve"),
            ("long", rf"\blong{OTHERS}sleeve|long-sleeved|\blong sleeve"),
        ),
        TOPS,
    ),
    Attribute(
        "neckline",
        (
            ("v", r"\bv-neck"),
            ("round", r"round neck|round-neck|round, ribbed neck|crew neck|rounded neck"),
            ("turtle", r"polo neck|turtleneck|turtle neck|roll neck|roll-neck"),
            ("collar", r"(?<!stand-up )(?<!shawl )\bcollar\b|\blapels"),
        ),
        TOPS,
    ),
    Attribute(
        "length of dress or skirt",
        (
            ("short", r"\. short\b(?![\w ,-]*sleeve)|\bshort,? (?:[\w-]+,? ){0,3}(?:dress|skirt)"),
            ("knee", r"knee-length"),
            ("long", r"calf-length|ankle-length|\bmaxi|\blong,? (?:[\w-]+,? ){0,3}(?:dress|skirt)"),
        ),
        r"\bdress\b|\bskirt\b",
    ),
    Attribute(
        "length of trousers",
        (
            ("short", r"\. (?:(?!knee)[\w-]+,? ){0,3}shorts\b"),
            ("knee", r"knee-length|\bcapri"),
            ("long", r"\. (?:[\w-]+,? ){0,3}(?:trousers|jeans|leggings|joggers|chinos)\b"),
        ),
        r"trousers|jeans|shorts|leggings",
    ),
    _whether("hood", r"\bhood\b|hooded", TOPS),
    _whether("collar", r"\bcollar|\blapel", TOPS),
    _whether("stripes", r"\bstripe", CLOTHES),
    _whether("dots", r"\bdots?\b|\bdotted|polka|spotted", CLOTHES),
    _whether("checks", r"\bchecks?\b|\bchecked|tartan", CLOTHES),
    _whether("floral", r"floral|flowers?\b|flowery|leaf-pattern|botanical", CLOTHES),
    _whether("denim", r"\bdenim\b(?!-look)", CLOTHES),
    _whether("all over pattern", r"all over pattern|\bpatterned\b", CLOTHES),
    # Not lace trimmings, which a small picture hardly shows.
    _whether(
        "lace",
        r"\blace (?:dress|top|blouse|skirt|bodysuit)|in (?:[\w-]+,? ){0,2}lace\b",
        CLOTHES,
    ),
    _whether(
        "leather",
        r"in (?:[\w-]+,? ){0,2}(?:leather|suede)\b|\bleather (?:belt|bag|jacket|shoe|boot)",
        rf"{CLOTHES}|{SHOES}|belt",
    ),
    Attribute(
        "heel",
        (
            (
                "yes",
                r"heel (?:[5-9]|1\d)(?:[.,]\d)? ?cm|high[- ]heel|\bheels,|pumps,|wedge,|heeled",
            ),
            ("no", r"heel [0-3](?:[.,]\d)? ?cm|sneaker|flats,|flat shoe|flip flops|sports shoes"),
        ),
        SHOES,
    ),
)


def read(captions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By each attribute's name, its value in each of the captions; "" where that is left open."""
    return {each.name: tuple(each.read(text) for text in captions) for each in ATTRIBUTES}


def _parted(caption: str) -> tuple[str, str]:
    """The first sentence and the description, in lower case; a title is no description."""
    first, _, rest = caption.lower().strip().partition(". ")
    return first, rest if rest.endswith(".") else ""
