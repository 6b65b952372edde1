"""Recipes of today's networks: a style-based generator that learns from few images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.words.encoder import TERMS
from train.recipes.recipe import Recipe

SOURCE = (
    "Style-based (StyleGAN2, Karras et al., 2020), self-modulated (Chen et al., 2019), against a"
    " DCGAN discriminator"
)

# Tanh: a plain background has one exact value, which a bounded picture reaches and an unbounded one
# never does, and then it gives every drawn picture away.
# Slim: 66 million multiply-adds for 128 px. On two cores images per second decide the first hours
# (docs/experiments.md), and a browser has to draw while a slider moves.
_GENERATOR_128 = {
    "kind": "self-modulated",
    "latent_dim": 64,
    "style_dim": 128,
    "widths": [128, 96, 64, 32, 16, 8],
    "output": "tanh",
}
_DISCRIMINATOR_128 = {"kind": "dcgan", "widths": [16, 32, 64, 128, 256]}
# For a GPU, where images per second are no worry: 155 million multiply-adds.
_GENERATOR_WIDE = {**_GENERATOR_128, "widths": [256, 160, 96, 48, 24, 12]}
_DISCRIMINATOR_WIDE = {"kind": "dcgan", "widths": [32, 64, 128, 256, 512]}
_SHARED: dict[str, Any] = {
    "source": SOURCE,
    "batch": 64,
    # The generator's layers have an equalised learning rate, the discriminator's have not.
    "learning_rate": 2e-3,
    "learning_rate_d": 2e-4,
    "betas": (0.5, 0.99),
    "init": "dcgan",
    "conditional": True,
}

HANDBAGS = Recipe(
    **_SHARED,
    name="handbags",
    title="Handbags, 128 px",
    generator=_GENERATOR_128,
    discriminator=_DISCRIMINATOR_128,
    augment="color,translation,cutout",
    flip=True,
    epochs=400,
)

HANDBAGS_WIDE = replace(
    HANDBAGS,
    name="handbags-wide",
    title="Handbags, 128 px, wide: for a GPU",
    generator=_GENERATOR_WIDE,
    discriminator=_DISCRIMINATOR_WIDE,
)

DEEPFASHION = Recipe(
    **_SHARED,
    name="deepfashion",
    title="Garments by category, 128 px",
    generator=_GENERATOR_128,
    discriminator=_DISCRIMINATOR_128,
    augment="color,translation,cutout",
    flip=True,
    balanced=True,
    epochs=150,
)

DEEPFASHION_WIDE = replace(
    DEEPFASHION,
    name="deepfashion-wide",
    title="Garments by category, 128 px, wide: for a GPU",
    generator=_GENERATOR_WIDE,
    discriminator=_DISCRIMINATOR_WIDE,
)

FASHION_MNIST = Recipe(
    **_SHARED,
    name="fashion-mnist",
    title="Fashion-MNIST by category",
    generator={
        "kind": "self-modulated",
        "latent_dim": 64,
        "style_dim": 128,
        "widths": [96, 48, 24],
        "start": 7,
        "channels": 1,
        "output": "tanh",
    },
    discriminator={"kind": "dcgan", "widths": [64, 128], "channels": 1, "end": 7},
    epochs=30,
    sample_grid=(5, 10),
)

WORDS = Recipe(
    **{**_SHARED, "conditional": False},
    name="words",
    title="Garments by words, 128 px",
    generator={**_GENERATOR_128, "words": TERMS},
    discriminator={**_DISCRIMINATOR_128, "words": TERMS},
    # Colours are what words ask for, so they stay as they are.
    augment="translation,cutout",
    caption_dropout=0.1,
    matching=True,
    epochs=60,
)

WORDS_WIDE = replace(
    WORDS,
    name="words-wide",
    title="Garments by words, 128 px, wide: for a GPU",
    generator={**_GENERATOR_WIDE, "words": TERMS},
    discriminator={**_DISCRIMINATOR_WIDE, "words": TERMS},
)

MODERN = (
    *(HANDBAGS, DEEPFASHION, FASHION_MNIST, WORDS),
    *(HANDBAGS_WIDE, DEEPFASHION_WIDE, WORDS_WIDE),
)
