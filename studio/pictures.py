"""From arrays of pixels to Pillow images and back: sheets, enlargement, encoding."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

RESAMPLING = {"lanczos": Image.Resampling.LANCZOS, "nearest": Image.Resampling.NEAREST}


def to_image(pixels: np.ndarray) -> Image.Image:
    """uint8 (H, W, 3) or (H, W, 1) to an RGB or grey Pillow image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def sheet(images: Tensor, columns: int, *, scale: int = 1, gap: int = 2) -> Image.Image:
    """Lay uint8 images (N, C, H, W) out in rows of ``columns`` on white, ``scale`` times as large.

    Enlarged pixels are repeated, so that a sheet shows what was drawn and nothing else.
    """
    from torchvision.utils import make_grid  # takes seconds, and a studio's page lays out none

    larger = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    grid = make_grid(larger, nrow=columns, padding=gap, pad_value=255)
    return to_image(grid.permute(1, 2, 0).numpy())


def enlarge(image: Image.Image, size: int, manner: str) -> Image.Image:
    """Enlarge to ``size`` pixels wide by ``lanczos`` or ``nearest``; an image already larger stays.

    ``nearest`` takes the largest whole multiple of the width up to ``size``, so that every pixel of
    the original becomes a square of one size.
    """
    if image.width >= size:
        return image
    if manner == "nearest":
        size = size // image.width * image.width
    height = round(image.height * size / image.width)
    return image.resize((size, height), RESAMPLING[manner])


def to_png(image: Image.Image, **options: Any) -> bytes:
    """Encode as PNG; ``options`` go to Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()
