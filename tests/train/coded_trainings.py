"""Tiny trainings of coded generators: their recipe, photos, and how they begin."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from trainings import CPU

from train.engine.training import Training
from train.recipes import Recipe

GENERATOR = {
    "kind": "coded",
    "style_dim": 10,
    "code_channels": 14,
    "code_size": 4,
    "synthesis_widths": [16, 12],
    "decoder_widths": [16, 12, 8, 6],
    "flow_width": 16,
    "flow_blocks": 2,
}
SIZE = 32
RECIPE = Recipe(
    name="tiny-coded",
    title="Tiny codes",
    source="made up for tests",
    generator=GENERATOR,
    discriminator={"kind": "dcgan", "widths": [8, 8, 8]},
    batch=8,
    learning_rate=2e-3,
    betas=(0.9, 0.99),
    epochs=2,
    sample_grid=(2, 4),
    flip=True,
    warm_up=3,
    clip=1.0,
    weight_decay=1e-3,
    encoders={"photo": {"widths": [8, 12, 16]}},
    teachers={"reconstruction": 1.0},
)


def pictures(count: int = 24) -> Tensor:
    """Things of one colour on a light ground, uint8 (count, 3, 32, 32)."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 200, (count, 3, 3, 3), generator=random).float()
    inner = F.interpolate(coarse, size=SIZE - 12, mode="bicubic").clamp(0, 255)
    return F.pad(inner, (6,) * 4, value=240).to(torch.uint8)


def begun(
    recipe: Recipe, weights: Any, *, seed: int = 5, start: Training | None = None, **how: Any
) -> Training:
    """A training that is ready for its first step; from another one's averages, if given."""
    folder = how.pop("folder", None)
    images = how.pop("images", None)
    training = Training(
        recipe,
        pictures() if images is None else images,
        CPU,
        seed,
        feature_weights=str(weights),
        **how,
    )
    if start:
        assert start.encoders is not None
        found = start.encoders.averages()
        encoders = found.state_dict() if found else {}
        training.start_from(start.average.network.state_dict(), {}, encoders)
    training.prepare(folder)
    return training
