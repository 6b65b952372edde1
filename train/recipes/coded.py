"""Recipes of coded generators, which learn in parts: a codec first, then what draws its codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studio.words.encoder import TERMS
from train.recipes.recipe import Recipe

# 210 million multiply-adds for 256 px: a browser has to draw while a slider moves.
_GENERATOR_256 = {
    "kind": "coded",
    "style_dim": 512,
    "code_channels": 20,
    "code_size": 16,
    "synthesis_widths": [64, 128, 128],
    "decoder_widths": [96, 56, 24, 12, 8],
    "flow_width": 512,
    "flow_blocks": 5,
}
_SHARED: dict[str, Any] = {
    "learning_rate": 1e-3,
    "betas": (0.9, 0.99),
    "flip": True,
    "warm_up": 200,
    "fall": 0.35,
    "clip": 1.0,
    "weight_decay": 1e-3,
    "ema_rampup": 0.077,
    "aside": 0.05,
    "sample_grid": (4, 8),
    "encoders": {"photo": {"widths": [24, 48, 96, 160]}},
    # For a game that may follow; nothing here plays one.
    "discriminator": {"kind": "dcgan", "widths": [16, 32, 64, 128, 256, 256]},
}

CODEC = Recipe(
    **_SHARED,
    name="codec",
    title="Photos to codes and back, 256 px",
    source="An autoencoder with a perceptual loss and a critic (VQGAN, Esser et al., 2021), its"
    " codes not quantised",
    generator=_GENERATOR_256,
    batch=24,
    steps=20_000,
    log_steps=500,
    ema_kimg=3.3,
    teachers={"reconstruction": 1.0},
)

STYLES_AND_FLOW = Recipe(
    **_SHARED,
    name="coded",
    title="Designs in one space with photos, 256 px",
    source="Begins from a codec: principal components of codes made whole by a U-Net (Ronneberger"
    " et al., 2015) with a projected critic (Sauer et al., 2021), and a flow of them (flow"
    " matching, Lipman et al., 2023)",
    generator=_GENERATOR_256,
    batch=64,
    steps=20_000,
    log_steps=500,
    ema_kimg=22.0,
    conditional=True,
    teachers={"styles": 1.0, "flow": 1.0},
)

# Texts are left away by the teacher of the flow, so not by caption_dropout.
STYLES_AND_FLOW_BY_WORDS = replace(
    STYLES_AND_FLOW,
    name="coded-words",
    title="Designs by words in one space with photos, 256 px",
    generator={**_GENERATOR_256, "words": TERMS},
    conditional=False,
)

CODED = (CODEC, STYLES_AND_FLOW, STYLES_AND_FLOW_BY_WORDS)
