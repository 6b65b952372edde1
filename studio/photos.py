"""Any picture that can be read becomes a uint8 square; one that can't, a reason in plain words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

try:
    from pillow_heif import register_heif_opener
except ImportError:  # there is no package of it for this machine
    pass
else:
    register_heif_opener()  # photos as phones take them

MAX_PIXELS = 100_000_000
# Larger pictures are decoded one at a time, so that memory doesn't grow with the workers.
LARGE_PIXELS = 16_000_000
TOO_LARGE = f"too large: more than {MAX_PIXELS // 10**6} million pixels"
# Others that Pillow knows are left out on purpose: EPS, for one, runs a program on the file.
FORMATS = frozenset(
    ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000")
)
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEIC = "HEIC photos can't be read here; export them as JPEG"
RAW = "camera raw files can't be read here; export them as JPEG"
DRAWING = "drawings and documents can't be read here; export them as PNG"
# By suffix, as Pillow would take the thumbnail inside a raw file for the photo.
REFUSED_SUFFIXES = {
    **dict.fromkeys((".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".rw2", ".raf"), RAW),
    **dict.fromkeys((".svg", ".ai", ".eps", ".pdf", ".psd"), DRAWING),
}
# What the EXIF orientation asks for, to show a picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Resampling a side that is much longer than this many times the result needs tables in memory
# that are as long as the side, for each pixel of the result.
LONG = 32
WHITE_BORDER = 250  # of 255: a border this light is white, whatever JPEG made of it

_Result = TypeVar("_Result")
_large_image = threading.Lock()
Image.init()  # Fills Image.OPEN.


class UnreadableError(Exception):
    """One file that can't be used; the message is the reason in plain words."""


def read(
    open_file: Callable[[], BinaryIO],
    name: str,
    look: Callable[[Image.Image, tuple[int, int]], _Result],
    size: int,
) -> _Result | str:
    """What ``look`` makes of an image file, or the reason in words why it can't be read.

    ``open_file`` may raise :class:`UnreadableError`, and only the suffix of ``name`` counts.
    ``look`` gets the image, which may come out of its decoder reduced but not below twice ``size``
    pixels each way, and the (width, height) that its file states. It must load it: a damaged file
    may only then raise.
    """
    head = b""
    try:
        if refusal := REFUSED_SUFFIXES.get(Path(name).suffix.lower()):
            return refusal
        # HEIF is among them once a plug-in has registered it.
        formats = [name for name in Image.OPEN if name in FORMATS]
        with open_file() as file:
            head = file.read(16)
            file.seek(0)
            with Image.open(file, formats=formats) as image:
                native, pixels = image.size, image.width * image.height
                if pixels > MAX_PIXELS:
                    return TOO_LARGE
                # JPEGs can come out of the decoder smaller; twice the size leaves LANCZOS its say.
                image.draft(None, (2 * size, 2 * size))
                with _large_image if pixels > LARGE_PIXELS else nullcontext():
                    return look(image, native)
    except Exception as error:  # Damaged files make Pillow raise nearly anything.
        return _reason(error, head)


def _reason(error: Exception, head: bytes) -> str:
    """Why a file that starts with ``head`` could not be read, in plain words."""
    if isinstance(error, UnreadableError):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return TOO_LARGE
    if isinstance(error, FileNotFoundError | PermissionError):
        return "it can't be opened; check its permissions"
    if isinstance(error, EOFError) or "truncated" in str(error):
        return "cut short: part of the file is missing"
    if isinstance(error, UnidentifiedImageError):
        if not head:
            return "empty"
        heic = head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS
        if heic and "HEIF" not in Image.OPEN:
            return HEIC
        if not heic and not head.startswith(SIGNATURES) and head[8:12] != b"WEBP":
            return "not an image"
    return "damaged, or a variant that can't be read"


def prepare(
    image: Image.Image, size: int, channels: int, fit: str = "crop", ground: int | None = None
) -> np.ndarray:
    """An image as a square, upright and on white: uint8 (channels, size, size).

    ``fit`` is "crop" for its centre square, or "pad" for the whole of it, centred on white. With a
    ``ground``, a grey in 1..255, that takes the place of white, also of the white that a product
    was photographed on, see :func:`on_ground`.

    Any mode is read: transparency is laid on white, 16-bit grey is scaled from its full range, and
    32-bit and float values from the range they appear to use. Of an animation, the first frame.

    Raises:
        OSError: the image's file is damaged; Pillow raises others too.
    """
    flat, turn = flatten(image)
    if ground is not None:
        flat = on_ground(flat, ground)
    if channels == 1:
        flat = flat.convert("L")
    if fit == "pad":
        square = _pad(flat, turn, size, 255 if ground is None else ground)
    else:
        side = min(flat.size)
        left, top = (flat.width - side) // 2, (flat.height - side) // 2
        # Only the square is resampled: a long thin picture would grow huge if resized as a whole.
        box = (left, top, left + side, top + side)
        square = turned(flat.resize((size, size), Image.Resampling.LANCZOS, box), turn)
    if channels == 1:
        return np.array(square)[None]
    return np.ascontiguousarray(np.asarray(square.convert("RGB")).transpose(2, 0, 1))


def on_ground(flat: Image.Image, ground: int) -> Image.Image:
    """A photo (L or RGB) on white darkened until its white is ``ground``; any other as it is.

    So photos of sets on white and of sets on a light grey come to lie on one ground. A photo is on
    white if most of its border is.
    """
    pixels = np.asarray(flat).reshape(flat.height, flat.width, -1).min(2)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if np.median(border) < WHITE_BORDER:
        return flat
    table = [round(level * ground / 255) for level in range(256)]
    return flat.point(table * len(flat.getbands()))


def _pad(flat: Image.Image, turn: Image.Transpose | None, size: int, level: int) -> Image.Image:
    longest = max(flat.size)
    width, height = (max(1, round(side * size / longest)) for side in flat.size)
    small = shortened(flat, size).resize((width, height), Image.Resampling.LANCZOS)
    small = turned(small, turn)
    square = Image.new(small.mode, (size, size), (level,) * 3 if small.mode == "RGB" else level)
    square.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return square


def shortened(flat: Image.Image, size: int) -> Image.Image:
    """``flat``, averaged along sides too long to be resampled to ``size`` pixels at once."""
    across, down = (max(1, side // (LONG * size)) for side in flat.size)
    return flat if across == down == 1 else flat.reduce((across, down))


def flatten(image: Image.Image) -> tuple[Image.Image, Image.Transpose | None]:
    """An image's pixels as L or RGB on white, and what would turn them upright.

    Raises:
        OSError: the image's file is damaged; Pillow raises others too.
    """
    if image.tell():
        image.seek(0)
    image.load()
    return _flatten(image), _turn(image)


def turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """``image`` after a turn, if there is one."""
    return image if turn is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What brings a loaded image upright."""
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Damaged EXIF is no reason to lose the picture, whatever it raises.
        return None


def _flatten(image: Image.Image) -> Image.Image:
    """``image`` as L or RGB, looking as a person would expect."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint32)
        values[values == image.info.get("transparency", -1)] = 65535
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        return Image.fromarray(_scale(np.asarray(image)))
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, colour).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _scale(values: np.ndarray) -> np.ndarray:
    """Grey values of unknown range as uint8.

    Their white is taken to be 1, 255 or 65535 where the brightest comes within a sixteenth of it;
    otherwise the values found are stretched to the full range.
    """
    values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    white = next((w for w in (1.0, 255.0, 65535.0) if low >= 0 and w / 16 <= high <= w), None)
    if white is None:
        values -= low
        white = (high - low) or 1.0
    return np.rint(values * (255.0 / white)).astype(np.uint8)
