"""Recipes of today's networks: a style-based generator that learns from few images."""

from __future__ import annotations

from typing import Any

from train.recipes.recipe import Recipe

SOURCE = (
    "Style-based networks that learn from few images, after Karras et al., 2020 (StyleGAN2-ADA)"
)

# Each level computes about as much as the one before it: together 245 million multiply-adds for
# 128 px, which a browser can do while a slider moves.
_GENERATOR_128 = {
    "kind": "style",
    "latent_dim": 128,
    "style_dim": 256,
    "widths": [224, 192, 112, 64, 32, 16],
}
_DISCRIMINATOR_128 = {
    "kind": "style",
    "widths": [32, 64, 128, 192, 256],
    "image_size": 128,
    "patch": 2,
}
_SHARED: dict[str, Any] = {
    "source": SOURCE,
    "batch": 32,
    "learning_rate": 2e-3,
    "betas": (0.0, 0.99),
    "penalty_every": 16,
    "augment": "color,translation,cutout",
    "augment_target": 0.6,
    "conditional": True,
}

HANDBAGS = Recipe(
    **_SHARED,
    name="handbags",
    title="Handbags, 128 px",
    generator=_GENERATOR_128,
    discriminator=_DISCRIMINATOR_128,
    r1=0.5,
    style_mixing=0.5,
    flip=True,
    epochs=400,
)

DEEPFASHION = Recipe(
    **_SHARED,
    name="deepfashion",
    title="Garments by category, 128 px",
    generator=_GENERATOR_128,
    discriminator=_DISCRIMINATOR_128,
    r1=0.5,
    style_mixing=0.5,
    flip=True,
    balanced=True,
    epochs=150,
)

FASHION_MNIST = Recipe(
    **{**_SHARED, "batch": 64, "learning_rate": 2.5e-3, "augment": "", "augment_target": None},
    name="fashion-mnist",
    title="Fashion-MNIST by category",
    generator={
        "kind": "style",
        "latent_dim": 64,
        "style_dim": 128,
        "widths": [128, 64, 32],
        "start": 7,
        "channels": 1,
    },
    discriminator={
        "kind": "style",
        "widths": [64, 128],
        "image_size": 28,
        "channels": 1,
        "patch": 2,
    },
    r1=0.02,
    epochs=30,
    sample_grid=(5, 10),
)

MODERN = (HANDBAGS, DEEPFASHION, FASHION_MNIST)
