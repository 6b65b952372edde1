"""``python -m train reconstruct NAME --data PATH``: how near photos come back from their codes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from studio import pictures, settings
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.framing import FITS
from studio.generators.coded import CodedGenerator
from studio.inversion import loading
from train.commands.evaluate import named
from train.commands.options import level, share
from train.data.images import load_images, only
from train.devices.hardware import Hardware
from train.metrics.reconstruction import BAR, STYLE, come_back, made_small, nearness
from train.teachers.features import NETWORK, Eye, frozen_stages, weights_file
from train.teachers.pairs import STAGES
from train.work.dataset import aside

SHOWN = 12  # photos of a sheet
# Numbers are the same on every machine only in float32 on a CPU.
CPU = Hardware(torch.device("cpu"), bf16=False)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train reconstruct",
        description="Measure how near photos come back from their codes and styles, and print a"
        " line of JSON for each generator, beside what the photos themselves measure at"
        f" {BAR} px, enlarged. Lower is nearer. Give photos that were not learnt from.",
    )
    result.add_argument(
        "names", metavar="NAME", nargs="+", help="a checkpoint's folder, or its name in the studio"
    )
    result.add_argument("--data", metavar="PATH", required=True, help="photos, best held-out ones")
    result.add_argument("--fit", choices=FITS, default="crop", help="how photos become square")
    result.add_argument(
        "--ground", type=level, metavar="GREY", help="as in the training (what the card says)"
    )
    result.add_argument(
        "--aside",
        type=share,
        metavar="S",
        help="only the photos that a training on these very files keeps aside, a share of 0.05 by"
        " the recipes",
    )
    result.add_argument("--most", type=int, metavar="N", default=500, help="photos (500)")
    result.add_argument(
        "--sheet", metavar="FILE", type=Path, help="a picture of some photos beside what comes back"
    )
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}; without it they are downloaded",
    )
    settings.add_folders(result)
    return result


def main(arguments: Sequence[str]) -> int:
    """Print one JSON line for each checkpoint."""
    options = parser().parse_args(arguments)
    chosen = [named(name, options.checkpoints, options.runs) for name in options.names]
    eye = Eye(frozen_stages(weights_file(options.feature_weights), STAGES), CPU)
    for found in chosen:
        print(json.dumps({"name": found.name, **measured(found, eye, options)}, ensure_ascii=False))
    return 0


def measured(found: Checkpoint, eye: Eye, options: argparse.Namespace) -> dict[str, Any]:
    """What a checkpoint's line says.

    Raises:
        UserError: it has no codec, or there are no photos.
    """
    generator, encoders = found.load_generator(), nn.ModuleDict()
    if isinstance(generator, CodedGenerator):
        encoders = loading.of_checkpoint(found, generator)
    if not isinstance(generator, CodedGenerator) or loading.PHOTO not in encoders:
        raise UserError(f"{found.name} has no codec, so no photo comes back from it.")
    ground = options.ground or (found.card.get("data") or {}).get("ground")
    data = load_images(
        options.data,
        generator.image_size,
        generator.channels,
        fit=options.fit,
        ground=ground,
        minimum=1,
    )
    kept = torch.arange(len(data))
    if options.aside is not None:
        apart = aside(data, options.aside)
        kept = kept[:0] if apart is None else apart.nonzero()[:, 0]
    if not len(kept):
        raise UserError(f"No photo in {options.data} is kept aside by a share of {options.aside}.")
    # Spread over all of them, as names often sort photos by what they show.
    places = torch.linspace(0, len(kept) - 1, min(options.most, len(kept))).round().long()
    photos = only(data, kept[places].tolist()).images
    ways = [loading.PHOTO, STYLE] if generator.synthesis.known else [loading.PHOTO]
    back = {by: come_back(photos, generator, encoders, by=by) for by in ways}
    small = made_small(photos)
    if options.sheet:
        rows = [photos, small, *back.values()]
        together = torch.stack([each[:SHOWN] for each in rows], 1).flatten(0, 1)
        pictures.sheet(together, len(rows) * 2).save(options.sheet, quality=92)
    return {
        "photos": len(photos),
        **{f"by_{by}": nearness(each, photos, eye).to_dict() for by, each in back.items()},
        f"at_{BAR}_px": nearness(small, photos, eye).to_dict(),
    }
