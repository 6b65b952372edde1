"""Small generators that take photos, and photos for them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from studio import checkpoint
from studio.checkpoint import Checkpoint
from studio.generators import build
from studio.generators.coded import CodedGenerator
from studio.inversion import loading

CLASSES = ["dress", "skirt"]
ENCODERS = {"photo": {"widths": [8, 8, 12, 12]}}
SIZE = 64
SMALL = {
    "kind": "coded",
    "style_dim": 12,
    "code_channels": 14,
    "code_size": 4,
    "synthesis_widths": [8, 12, 16],
    "decoder_widths": [16, 12, 8, 8, 6],
    "flow_width": 16,
    "flow_blocks": 2,
}


def made(**changes: object) -> CodedGenerator:
    """A small generator with random weights everywhere, also where it begins with zeros."""
    torch.manual_seed(0)
    generator = build({**SMALL, **changes})
    assert isinstance(generator, CodedGenerator)
    with torch.no_grad():
        for weights in generator.parameters():
            weights += 0.05 * torch.randn_like(weights)
    return generator.eval()


def write(folder: Path, *, other: bool = False, **changes: Any) -> Checkpoint:
    """A coded generator of 64 px with its encoder; ``other``: codes that mean something else."""
    generator = made(**{"classes": len(CLASSES), **changes})
    torch.manual_seed(1)
    if other:
        generator.synthesis.components += 0.01
    encoders = loading.build(ENCODERS, generator)
    card = {"title": "Coded", "encoders": ENCODERS}
    if generator.classes:
        card["classes"] = CLASSES
    preview = Image.new("RGB", (8, 8))
    return checkpoint.save(folder, generator, None, card, preview, encoders=encoders)


def garment(
    size: tuple[int, int] = (90, 120),
    box: tuple[int, int, int, int] = (20, 30, 60, 80),
    colour: str = "teal",
    ground: int = 255,
) -> Image.Image:
    """A thing of one colour, with a stripe, on a plain ground."""
    image = Image.new("RGB", size, (ground,) * 3)
    left, top, right, bottom = box
    draw = ImageDraw.Draw(image)
    draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)
    middle = (top + bottom) // 2
    draw.rectangle((left, middle, right - 1, middle + 4), fill="orange")
    return image


def as_file(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()
