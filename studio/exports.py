"""Pictures that leave the studio and come back: PNGs that carry their design."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Sequence

from PIL import Image, PngImagePlugin

from studio import design, pictures
from studio.design import Design, DesignError
from studio.render import Renderer

# The PNG text chunk in which a picture carries its design.
KEY = "atelier-design"
NOTE = "Comment"  # where a person finds it
# What a designer gets: large enough to paste into a board.
EXPORT_SIZE = 1024
MAX_SIZE = 4096
MAX_BYTES = 32 * 2**20
# Files that Windows takes for devices, whatever their suffix.
DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)\d)", re.IGNORECASE)


def to_png(
    renderer: Renderer, picture: Design, size: int = EXPORT_SIZE, detail: float | None = None
) -> bytes:
    """A PNG of a design, enlarged to about ``size`` pixels, with the design in its metadata.

    Where detail was made up (``detail`` is how strongly, as :meth:`Renderer.enlarged` takes it), a
    comment there says so.

    Raises:
        DesignError: as for :meth:`Renderer.enlarged`.
    """
    info = PngImagePlugin.PngInfo()
    info.add_itxt(KEY, renderer.stamped(picture).to_json())
    if adds := renderer.detail(picture.generator, size, detail):
        enlarger, strength = adds
        side = renderer.open(picture.generator).generator.image_size
        info.add_itxt(NOTE, enlarger.note(side, strength))
    return pictures.to_png(renderer.enlarged(picture, size, detail), pnginfo=info)


def from_png(data: bytes) -> Design:
    """The design that a PNG from :func:`to_png` carries.

    Raises:
        DesignError: the file is too large, no PNG, damaged, or carries no design.
    """
    if len(data) > MAX_BYTES:
        raise DesignError("This file is too large to be a picture from here.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                if max(image.size) > MAX_SIZE:
                    raise ValueError("no picture from here is that large")
                image.load()  # the design may stand after the pixels
                assert isinstance(image, PngImagePlugin.PngImageFile)
                text = image.text.get(KEY)
    except Exception as error:  # Pillow raises many kinds for a damaged or hostile file
        raise DesignError(
            "This is not a picture that can be opened here. Drop a PNG that was downloaded from "
            "this studio."
        ) from error
    if text is None:
        raise DesignError(
            "This picture carries no design: it was not made here, or an app removed the design "
            "when it saved the picture."
        )
    return design.from_json(text)


def to_zip(renderer: Renderer, kept: Sequence[tuple[str, Design]]) -> bytes:
    """All kept designs, as (name, design), as PNGs in one zip; equal names get a number."""
    buffer = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, picture in kept:
            archive.writestr(unused(file_name(name), taken) + ".png", to_png(renderer, picture))
    return buffer.getvalue()


def file_name(name: str) -> str:
    """A name as a file name that every system takes: letters, digits, spaces, - and _."""
    cleaned = re.sub(r"[^\w\- ]+", "", name).strip()[:80]
    # Most systems count bytes, and allow 255; what is left is for a number and the suffix.
    cleaned = cleaned.encode(errors="ignore")[:240].decode(errors="ignore").strip()
    return f"design {cleaned}".strip() if DEVICES.fullmatch(cleaned) or not cleaned else cleaned


def unused(name: str, taken: set[str]) -> str:
    """``name``, or with the first number that makes it new; notes it as taken."""
    candidate, count = name, 1
    while candidate.lower() in taken:
        count += 1
        candidate = f"{name} {count}"
    taken.add(candidate.lower())
    return candidate
