"""Made product photos: soft shapes of many colours, no two alike, on a ground of any colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from image_files import encode, fill
from PIL import Image

WHITE, GREY, NAVY = (255, 255, 255), (150, 150, 150), (20, 30, 90)


def product(
    seed: int, width: int = 96, height: int = 96, ground: tuple[int, int, int] = WHITE
) -> Image.Image:
    """A blurred block of coloured patches in the middle of a plain ground."""
    random = np.random.default_rng(seed)
    patches = random.integers(0, 230, (3, 3, 3), np.uint8)
    inner = Image.fromarray(patches).resize(
        (round(width * 0.6), round(height * 0.6)), Image.Resampling.BICUBIC
    )
    image = Image.new("RGB", (width, height), ground)
    image.paste(inner, (width // 5, height // 5))
    return image


def noisy(seed: int, side: int = 96) -> Image.Image:
    """A picture without a plain ground."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)


def photos(root: Path, count: int = 20, start: int = 0, **options) -> Path:
    """A folder of products named 000.png, 001.png…"""
    names = {f"{n:03d}.png": encode(product(n, **options)) for n in range(start, start + count)}
    return fill(root, names)
