"""How a thing lies in its picture: trimmed and centred, as photos of products are."""

from __future__ import annotations

import numpy as np
from PIL import Image

from studio import photos

CROP, PAD, TRIM = FITS = ("crop", "pad", "trim")
# Of a square's side, how long the longer side of a thing is in photos that generators learn from.
FILLED, FILLED_LEAST, FILLED_MOST = 0.89, 0.86, 0.93
OFF_CENTRE = 0.03  # of the side
SKETCH = 256  # pixels of the longer side, in which a thing is looked for
EVEN = 12  # levels from the border's median, within which its pixels are of a plain ground
LEAST_EVEN = 0.95  # the share of a plain border that is
APART = 8  # levels from the ground, from which a pixel of the sketch is of the thing


def squared(
    image: Image.Image, size: int, channels: int, fit: str = CROP, ground: int | None = None
) -> np.ndarray:
    """An image as a square, uint8 (channels, size, size).

    ``fit`` is one of :data:`FITS`: "trim" is :func:`framed`, and the others are those of
    :func:`studio.photos.prepare`.
    """
    if fit == TRIM:
        return framed(image, size, ground, channels)
    return photos.prepare(image, size, channels, fit, ground)


def framed(
    image: Image.Image, size: int, ground: int | None = None, channels: int = 3
) -> np.ndarray:
    """A photo as photos of products are framed: uint8 (channels, size, size).

    On a plain ground, the thing is put in the middle of a square whose side it fills as it does in
    those; a square in which it does so already stays whole. Where the border is not plain the
    whole photo is kept, padded to a square. With a ``ground`` (a grey, 1..255), what was
    photographed on white lies on that, and it is what is padded with; else white is.
    """
    flat, turn = photos.flatten(image)
    flat = photos.turned(flat.reduce(max(1, max(flat.size) // (8 * size))), turn)
    if ground is not None:
        flat = photos.on_ground(flat, ground)
    flat = flat.convert("RGB")
    colour, box = thing(flat)
    if box is None:
        return photos.prepare(flat, size, channels, "pad", ground)
    left, top, right, bottom = box
    longest, middle = max(right - left, bottom - top), ((left + right) / 2, (top + bottom) / 2)
    off = max(abs(at - side / 2) for at, side in zip(middle, flat.size, strict=True))
    side = max(flat.size)
    whole = FILLED_LEAST * side <= longest <= FILLED_MOST * side and off <= OFF_CENTRE * side
    if flat.width != flat.height or not whole:
        side = max(1, round(longest / FILLED))
        square = Image.new("RGB", (side, side), colour)
        square.paste(flat, (round(side / 2 - middle[0]), round(side / 2 - middle[1])))
        flat = square
    return photos.prepare(flat, size, channels)


def thing(flat: Image.Image) -> tuple[tuple[int, ...], tuple[float, float, float, float] | None]:
    """The colour of an RGB photo's border, and left, top, right and bottom of what lies on it.

    There is no box where the border is not plain, or nothing stands out from it.
    """
    share = min(1.0, SKETCH / max(flat.size))
    width, height = (max(1, round(side * share)) for side in flat.size)
    # Means of many pixels: noise and what JPEG made of edges is no thing.
    pixels = np.asarray(flat.resize((width, height), Image.Resampling.BOX)).astype(np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(border, 0)
    plain = (np.abs(border - colour).max(1) <= EVEN).mean() >= LEAST_EVEN
    apart = np.abs(pixels - colour).max(2) > APART
    given = tuple(int(level) for level in colour)
    if not plain or not apart.any():
        return given, None
    across, down = apart.any(0).nonzero()[0], apart.any(1).nonzero()[0]
    wide, high = flat.width / width, flat.height / height
    box = across[0] * wide, down[0] * high, (across[-1] + 1) * wide, (down[-1] + 1) * high
    return given, box
