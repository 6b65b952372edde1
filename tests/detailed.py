"""A tiny coded generator whose pictures get detail, and the enlarger that adds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image

from studio import checkpoint
from studio.enlarging import Enlarger, save
from studio.generators import build

CODED = {
    "kind": "coded",
    "style_dim": 10,
    "code_channels": 14,
    "code_size": 4,
    "synthesis_widths": [8, 8],
    "decoder_widths": [8, 8, 8, 6],
    "flow_width": 8,
    "flow_blocks": 1,
}
SIDE = 32


def lively() -> Enlarger:
    """A small enlarger that adds a good deal."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = Enlarger(6, 1, 4)
        with torch.no_grad():
            network.last.weight.normal_(0, 0.2)
    return network.eval()


def write(folder: Path, **card: Any) -> None:
    """Write the generator ``coded``, of ``SIDE`` px, and the enlarger into a folder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = build(CODED)
        with torch.no_grad():
            for weights in generator.parameters():
                weights += 0.1 * torch.randn_like(weights)
    card = {"title": "Coded", "enlargement": "detail", **card}
    checkpoint.save(folder / "coded", generator.eval(), None, card, Image.new("RGB", (8, 8)))
    save(folder / "detail", lively(), {"data": {"name": "some photos"}})
