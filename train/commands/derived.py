"""What commands share that make a checkpoint of another one, without a training.

Their options, what they refuse, and what the new checkpoint keeps and shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import nn

from studio import pictures, settings
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.framing import FITS
from studio.generators import Generator
from studio.words import Encoder
from train import discriminators
from train.beginning.transfer import load_start
from train.commands.evaluate import named
from train.commands.options import positive, seed
from train.metrics.drawing import drawer, worded_drawer
from train.work.recorder import PREVIEW_COLUMNS, SHEET_PIXELS

PREVIEW_COUNT = 64
# What a card says of weights that are no longer these.
OUTDATED = ("quality", "unselected", "onnx_sha256", "cover")


def parser(
    command: str, description: str, *, pictures: int | None = None, out: str = "the new checkpoint"
) -> argparse.ArgumentParser:
    """The options that all have.

    ``pictures`` is the usual number of drawn ones to learn from; None where that is no option.
    ``out`` says what is written.
    """
    result = argparse.ArgumentParser(prog=f"python -m train {command}", description=description)
    result.add_argument("name", metavar="NAME", help="a checkpoint's folder, or its name")
    result.add_argument(
        "--data", metavar="PATH", required=True, help="photos, best those it has learnt from"
    )
    result.add_argument("--out", metavar="DIR", type=Path, required=True, help=out)
    result.add_argument("--fit", choices=FITS, default="crop", help="how photos become square")
    if pictures is not None:
        result.add_argument(
            "--pictures",
            type=positive(int),
            default=pictures,
            help=f"of its own to learn from ({pictures:,})",
        )
    result.add_argument("--seed", type=seed, default=0)
    settings.add_folders(result)
    return result


def original(options: argparse.Namespace) -> Checkpoint:
    """The checkpoint that is named in the options.

    Raises:
        UserError: there is none, or ``--out`` is there already.
    """
    found = named(options.name, options.checkpoints, options.runs)
    if options.out.exists():
        raise UserError(f"{options.out} is there already. Choose another --out.")
    return found


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
