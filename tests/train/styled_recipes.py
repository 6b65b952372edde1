"""Changes that make the tiny recipe one of a style-based generator, told of categories."""

from __future__ import annotations

from typing import Any

STYLED: dict[str, Any] = {
    "generator": {"kind": "style", "latent_dim": 4, "style_dim": 6, "widths": [8, 8, 4]},
    "discriminator": {"kind": "style", "widths": [4, 8], "image_size": 16, "patch": 2},
    "conditional": True,
    "flip": True,
    "style_mixing": 0.5,
    "r1": 0.5,
    "penalty_every": 2,
    "augment": "color,translation,cutout",
    "augment_target": 0.6,
}
# Categories of the checkpoints that such a generator comes in, in the order of their labels.
GARMENTS = ["Coat", "Dress", "Tank top"]
