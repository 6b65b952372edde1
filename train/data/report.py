"""What the check before the start found, as data, and the photos that show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from studio.framing import squared
from train.data.reading import read_pictures

PREVIEW = 16
COLUMNS = 8
EXAMPLES = 24

Groups = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Report:
    """What :func:`train.data.check.check` found.

    Names are those of :attr:`train.data.images.ImageSet.names`.

    ``usable`` tells whether a run can start, ``reasons`` why not. Of ``files``, ``images`` can be
    read; ``unreadable`` has (name, reason) for the others. ``same`` and ``alike`` have the photo
    that is kept and its copies: with the same pixels, or saved again or resized. ``leave_out`` are
    all those copies. ``odd`` has (name, reason) where the background is unlike the rest: for a
    person to decide. ``sizes`` are of the shorter sides in pixels, ``common_size`` is (width,
    height). ``sentences`` are (kind, text), the kind being good, note, warning or bad.
    ``categories`` has (name, number of photos) for each top folder, where they make categories.
    ``products`` is how many show something on a plain, light ground.
    """

    usable: bool
    reasons: tuple[str, ...]
    files: int
    images: int
    unreadable: tuple[tuple[str, str], ...]
    same: Groups
    alike: Groups
    odd: tuple[tuple[str, str], ...]
    sizes: tuple[int, int, int]
    common_size: tuple[int, int]
    shapes: dict[str, int]
    fit: str
    fit_reason: str
    leave_out: tuple[str, ...]
    sentences: tuple[tuple[str, str], ...]
    categories: tuple[tuple[str, int], ...]
    products: int
    names: tuple[str, ...] = field(repr=False)
    source: Source | None = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able data, without the pictures."""
        return {
            "usable": self.usable,
            "reasons": list(self.reasons),
            "files": self.files,
            "images": self.images,
            "unreadable": [list(pair) for pair in self.unreadable],
            "same": [[kept, list(copies)] for kept, copies in self.same],
            "alike": [[kept, list(copies)] for kept, copies in self.alike],
            "odd": [list(pair) for pair in self.odd],
            "sizes": dict(zip(("smallest", "median", "largest"), self.sizes, strict=True)),
            "common_size": list(self.common_size),
            "shapes": dict(self.shapes),
            "fit": self.fit,
            "fit_reason": self.fit_reason,
            "leave_out": list(self.leave_out),
            "products": self.products,
            "categories": [list(pair) for pair in self.categories],
            "sentences": [{"kind": kind, "text": text} for kind, text in self.sentences],
        }

    def examples(self, count: int = EXAMPLES) -> list[str]:
        """The names most worth a look: odd ones, then copies, each after what it is a copy of."""
        copies = [name for kept, group in self.alike + self.same for name in (kept, *group)]
        return list(dict.fromkeys([name for name, _ in self.odd] + copies))[:count]

    def thumbnails(self, names: Iterable[str]) -> dict[str, Image.Image]:
        """Photos as training would see them, by name; those that can't be read are missing.

        Raises:
            DataError: the photos are no longer where they were.
        """
        return self.source.pictures(set(names) & set(self.names)) if self.source else {}

    def thumbnail(self, name: str) -> Image.Image:
        """One photo as training would see it.

        Raises:
            KeyError: there is no such photo that can be read.
            DataError: the photos are no longer where they were.
        """
        return self.thumbnails([name])[name]

    def preview(self, count: int = PREVIEW, columns: int = COLUMNS) -> Image.Image:
        """Up to ``count`` photos, evenly from all that would be used, side by side without gaps.

        Each is as large as training would see it; what is left of the last row is white.

        Raises:
            DataError: the photos are no longer where they were.
        """
        left_out = frozenset(self.leave_out)
        used = [name for name in self.names if name not in left_out]
        steps = np.linspace(0, len(used) - 1, min(count, len(used))).round().astype(int)
        pictures = self.thumbnails(used[step] for step in steps)
        size = self.source.size if self.source else 1
        mode = "L" if self.source and self.source.channels == 1 else "RGB"
        rows = max(1, -(-len(pictures) // columns))
        sheet = Image.new(mode, (columns * size, rows * size), "white")
        for place, name in enumerate(used[step] for step in steps):
            if name in pictures:
                row, column = divmod(place, columns)
                sheet.paste(pictures[name], (column * size, row * size))
        return sheet


@dataclass(frozen=True)
class Source:
    """Where a report's photos come from, to read a few of them again."""

    place: Path
    prefix: str
    size: int
    channels: int
    fit: str
    ground: int | None = None

    def pictures(self, names: set[str]) -> dict[str, Image.Image]:
        def look(image: Image.Image, native: tuple[int, int]) -> Image.Image:
            pixels = squared(image, self.size, self.channels, self.fit, self.ground)
            pixels = pixels.transpose(1, 2, 0)
            return Image.fromarray(pixels[..., 0] if self.channels == 1 else pixels)

        only = {self.prefix + name for name in names}
        with read_pictures(self.place, look, self.size, only=only) as reading:
            found = {name.removeprefix(self.prefix): result for name, result in reading.results}
        return {name: each for name, each in found.items() if not isinstance(each, str)}
