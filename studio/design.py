"""Design: the frozen, JSON-able state of one picture.

Everything a picture depends on is in its design, so one idea gives undo, links, pictures that
reopen, and the same pixels from the page, the API and the shell.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from studio.errors import UserError
from studio.words.encoder import MAX_TEXT

MAX_SEED = 2**32 - 1
MAX_STEPS = 6.0  # standard deviations; far beyond what a slider offers
MAX_DIRECTIONS = 64
MAX_DIMENSIONS = 4096
MAX_VARIATIONS = 256
MAX_DEPTH = 6  # blends of blends
MAX_LABEL = 9_999  # a generator has at most as many classes
MAX_GUIDANCE = 3.0
MAX_CODE = 64_000  # characters of a link's code, and bytes of JSON it may unpack to times four
MAX_PHOTO = 16_000  # characters; the generator that ships needs a quarter of them
ROUNDING = 4  # decimals kept of every number, so that equal designs have equal text
PHOTO = re.compile(r"[A-Za-z0-9_-]*")  # what it says is for the generator to read


class DesignError(UserError):
    """What was given is not a design; the message is a sentence for a designer."""


class PhotoError(DesignError):
    """The photo in a design is not one that its generator can draw."""


@dataclass(frozen=True)
class Design:
    """The state of one picture.

    It is put together in this order: the seed's latent or style (or the photo's, or the blend's),
    each variation, truncation, and then the sliders, which add to it. See :mod:`studio.spaces`.

    Args:
        generator: the checkpoint's name.
        seed: 0 to 2**32 - 1; the latent it stands for is standard normal.
        truncation: psi, 0 (the generator's average) to 1.5; scales what sets it apart from that.
        directions: (index, standard deviations) of each direction slider away from 0, by index.
        dimensions: (index, standard deviations) added to single values, by index.
        variations: (seed, amount) steps, each an ``amount`` 0..1 of the arc towards that seed.
        blend: two parents and the amount 0..1 from the first to the second, instead of the seed
            and the label or text. A fourth item is how far the surface is, where that is not as far
            as the shape; it takes a generator of several layers.
        label: which of the generator's classes it is of, from 0; None is the first, and all there
            is for a generator without classes.
        text: the words it is drawn by, for a generator that takes them; "" asks for anything.
        guidance: how closely the words are followed, 0 (not at all) to 3; 1 is as learnt.
        photo: a photo's style and what that leaves of it, as
            :class:`studio.inversion.packing.Packing` writes them, instead of the seed; empty for
            none. The label or text then only says what the photo is of. Truncation leaves it alone.
        fingerprint: of the weights it was made with; empty if unknown. It does not change the
            picture, it tells whether the picture can be the same.
    """

    generator: str
    seed: int = 0
    truncation: float = 1.0
    directions: tuple[tuple[int, float], ...] = ()
    dimensions: tuple[tuple[int, float], ...] = ()
    variations: tuple[tuple[int, float], ...] = ()
    blend: Blend | None = None
    label: int | None = None
    text: str = ""
    guidance: float = 1.0
    photo: str = ""
    fingerprint: str = ""

    @property
    def amounts(self) -> tuple[float, float]:
        """How far a blend's shape and its surface are on the way from the first to the second."""
        return (self.blend[2], self.blend[-1]) if self.blend else (0.0, 0.0)

    def to_dict(self) -> dict[str, Any]:
        """The design as JSON-able data, without what is at its default."""
        result: dict[str, Any] = {"generator": self.generator, "seed": self.seed}
        if self.truncation != 1.0:
            result["truncation"] = self.truncation
        for name in ("directions", "dimensions", "variations"):
            if pairs := getattr(self, name):
                result[name] = [list(pair) for pair in pairs]
        if self.blend:
            parents = [parent.to_dict() for parent in self.blend[:2]]
            result["blend"] = parents + list(dict.fromkeys(self.amounts))  # equal ones are one
        if self.label is not None:
            result["label"] = self.label
        if self.text:
            result["text"] = self.text
        if self.guidance != 1.0:
            result["guidance"] = self.guidance
        if self.photo:
            result["photo"] = self.photo
        if self.fingerprint:
            result["fingerprint"] = self.fingerprint
        return result

    def to_json(self) -> str:
        """The design as compact JSON; equal designs give equal text."""
        return json.dumps(self.to_dict(), separators=(",", ":"), sort_keys=True)

    def to_code(self) -> str:
        """The design as a text that is safe in a link, and short without photos.

        Raises:
            DesignError: it blends more photos than a link can hold.
        """
        packed = zlib.compress(self.to_json().encode(), 9)
        code = base64.urlsafe_b64encode(packed).decode().rstrip("=")
        if len(code) > MAX_CODE:
            raise DesignError("This design is too large for a link; its picture carries it too.")
        return code

    def generators(self) -> set[str]:
        """The names of all generators that it or its parents are drawn with."""
        parents = self.blend[:2] if self.blend else ()
        return {self.generator}.union(*(parent.generators() for parent in parents))


# Two parents, how far the blend is, and how far its surface is where that differs.
Blend = tuple[Design, Design, float] | tuple[Design, Design, float, float]


def from_dict(values: Any, *, depth: int = MAX_DEPTH) -> Design:
    """The design that ``values`` (as from :meth:`Design.to_dict`) describes, checked throughout.

    Raises:
        DesignError: something is missing, unknown, of the wrong type or out of range.
    """
    if not isinstance(values, Mapping):
        raise DesignError("This is not a design.")
    unknown = set(values) - set(Design.__dataclass_fields__)
    if unknown:
        names = ", ".join(sorted(map(str, unknown))[:3])
        raise DesignError(f"This design has a part this version does not know: {names[:80]}.")
    generator = values.get("generator")
    if not isinstance(generator, str) or not 0 < len(generator) <= 100:
        raise DesignError("This design does not say which generator it belongs to.")
    fingerprint = values.get("fingerprint", "")
    if not isinstance(fingerprint, str) or len(fingerprint) > 64:
        raise DesignError("This design's fingerprint is damaged.")
    label = values.get("label")
    photo = values.get("photo", "")
    if not isinstance(photo, str) or len(photo) > MAX_PHOTO or not PHOTO.fullmatch(photo):
        raise DesignError("This design's photo is damaged.")
    if photo and values.get("blend") is not None:
        raise DesignError("A design is of a photo or a blend, not both.")
    return Design(
        generator=generator,
        seed=whole(values.get("seed", 0), "seed", MAX_SEED),
        truncation=number(values.get("truncation", 1.0), "truncation", 0.0, 1.5),
        directions=offsets(values.get("directions", ()), "directions", MAX_DIRECTIONS),
        dimensions=offsets(values.get("dimensions", ()), "dimensions", MAX_DIMENSIONS),
        variations=tuple(
            (whole(seed, "variations", MAX_SEED), number(amount, "variations", 0.0, 1.0))
            for seed, amount in pairs(values.get("variations", ()), "variations", MAX_VARIATIONS)
        ),
        blend=parents(values.get("blend"), generator, depth),
        label=whole(label, "label", MAX_LABEL) if label is not None else None,
        text=words(values.get("text", "")),
        guidance=number(values.get("guidance", 1.0), "guidance", 0.0, MAX_GUIDANCE),
        photo=photo,
        fingerprint=fingerprint,
    )


def from_json(text: str | bytes) -> Design:
    """The design that :meth:`Design.to_json` wrote.

    Raises:
        DesignError: it is not one.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DesignError("This is not a design: its text is damaged.") from error
    return from_dict(values)


def from_code(code: str) -> Design:
    """The design of a link's code.

    Raises:
        DesignError: the code is damaged, or too long to be one of ours.
    """
    if len(code) > MAX_CODE:
        raise DesignError("This link is too long to be a design.")
    try:
        packed = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, 4 * MAX_CODE)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise DesignError("This link is damaged or was not copied whole.") from error
    if not unpacker.eof:
        raise DesignError("This link is damaged or was not copied whole.")
    return from_json(text)


def from_seed(generator: str, seed: int, **changes: Any) -> Design:
    """The checked design of one seed, for callers that have plain values."""
    return from_dict({"generator": generator, "seed": seed, **changes})


def without_photos(design: Design) -> Design:
    """The design with seeds in place of photos, also those of its parents."""
    blend = design.blend
    if blend:
        first, second = (without_photos(parent) for parent in blend[:2])
        blend = (first, second, *blend[2:])
    return replace(design, photo="", blend=blend)


def variation(design: Design, seed: int, amount: float) -> Design:
    """A neighbour of ``design``: one more step of ``amount`` (0..1 of the arc) towards a seed's.

    Beyond :data:`MAX_VARIATIONS` steps the oldest is dropped.

    Raises:
        DesignError: the seed or the amount is out of range.
    """
    step = whole(seed, "variations", MAX_SEED), number(amount, "variations", 0.0, 1.0)
    steps = (*design.variations, step)[-MAX_VARIATIONS:]
    return replace(design, variations=steps)


def words(value: Any) -> str:
    """The text of a design, its spaces made single: equal texts give equal designs."""
    if not isinstance(value, str):
        raise DesignError("This design's words are no text.")
    if len(value) > MAX_TEXT:
        raise DesignError(f"These are {len(value):,} characters; use up to {MAX_TEXT}.")
    # What can't be written as UTF-8 can't be kept in a picture or a link.
    return " ".join(value.encode("utf-8", "ignore").decode().split())


def parents(value: Any, generator: str, depth: int) -> Blend | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) not in (3, 4):
        raise DesignError("A blend needs two designs and an amount.")
    if depth == 0:
        raise DesignError(f"This design blends blends more than {MAX_DEPTH} times over.")
    first, second = (from_dict(parent, depth=depth - 1) for parent in value[:2])
    if {first.generator, second.generator} != {generator}:
        raise DesignError("Two designs blend only when they come from the same generator.")
    shape, surface = (number(amount, "blend", 0.0, 1.0) for amount in (value[2], value[-1]))
    return (first, second, shape) if shape == surface else (first, second, shape, surface)


def offsets(value: Any, name: str, most: int) -> tuple[tuple[int, float], ...]:
    found = {
        whole(index, name, most - 1): number(amount, name, -MAX_STEPS, MAX_STEPS)
        for index, amount in pairs(value, name, most)
    }
    return tuple((index, found[index]) for index in sorted(found) if found[index] != 0.0)


def pairs(value: Any, name: str, most: int) -> list[tuple[Any, Any]]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise DesignError(f"This design's {name} are damaged.")
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
        raise DesignError(f"This design's {name} are damaged.")
    return [(pair[0], pair[1]) for pair in value]


def whole(value: Any, name: str, most: int) -> int:
    # A page's JSON may write 7 as 7.0; True is an int to Python, but no seed.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise DesignError(f"This design's {name} must be a whole number from 0 to {most}.")
    return value


def number(value: Any, name: str, low: float, high: float) -> float:
    # The comparison is false for NaN too, and works for an int that no float can hold.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise DesignError(f"This design's {name} must be a number from {low:g} to {high:g}.")
    return round(float(value), ROUNDING) + 0.0  # no -0.0: equal designs have equal text
