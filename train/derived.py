"""Checkpoints that are made from others, not by a training: what they keep and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import nn

from studio import pictures
from studio.checkpoint import Checkpoint
from studio.generators import Generator
from studio.words import Encoder
from train import discriminators
from train.metrics.drawing import drawer, worded_drawer
from train.recorder import PREVIEW_COLUMNS, SHEET_PIXELS
from train.transfer import load_start

PREVIEW_COUNT = 64
# What a card says of weights that are no longer these.
OUTDATED = ("quality", "unselected", "onnx_sha256", "cover")


def card(found: Checkpoint, **about: Any) -> dict[str, Any]:
    """The card of ``found`` without what is true of its own weights only, and with ``about``."""
    kept = {name: value for name, value in found.card.items() if name not in OUTDATED}
    return {**kept, **about}


def discriminator(found: Checkpoint) -> nn.Module | None:
    """The discriminator of ``found``, if it came with one.

    Raises:
        CheckpointError: its file can't be read.
    """
    config, weights = found.card.get("discriminator"), load_start(found.folder)[1]
    if not config or not weights:
        return None
    network = discriminators.build(config)
    network.load_state_dict(weights)
    return network.eval()


def preview(
    generator: Generator, encoder: Encoder | None = None, texts: Sequence[str] = ()
) -> Image:
    """A sheet of unselected designs, as that of a checkpoint that a training makes.

    Columns are categories in turn or, where ``encoder`` reads words, the first of ``texts``.
    """
    if encoder:
        columns = [texts[at % len(texts)] for at in range(PREVIEW_COLUMNS)]
        images = worded_drawer(generator, encoder)(columns * (PREVIEW_COUNT // PREVIEW_COLUMNS), 0)
    else:
        labels = torch.arange(PREVIEW_COUNT) % generator.classes if generator.classes else None
        images = drawer(generator)(PREVIEW_COUNT, 0, *([] if labels is None else [labels]))
    return pictures.sheet(images, PREVIEW_COLUMNS, scale=-(-SHEET_PIXELS // generator.image_size))
