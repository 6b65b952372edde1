"""``python -m train evaluate CHECKPOINT --data PATH``: how near a generator is to real images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from studio import checkpoint
from studio.files import write_text_whole
from studio.generators import Generator
from studio.generators.base import to_uint8
from train.commands.start_or_resume import seed
from train.data.images import load_images
from train.metrics import FeatureNetwork, evaluate

BATCH = 100


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train evaluate",
        description="Measure checkpoints against real images. Lower distances are better; the floor"
        " is what two halves of the real images measure against each other.",
    )
    result.add_argument("checkpoints", metavar="CHECKPOINT", nargs="+", type=Path)
    result.add_argument("--data", metavar="PATH", required=True, help="the real images")
    result.add_argument("--samples", type=int, help="drawn images (5,000 or the data's size)")
    result.add_argument("--seed", type=seed, default=0)
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        type=Path,
        help="mobilenetv2_100 weights; without it timm downloads its own",
    )
    result.add_argument("--write", action="store_true", help="write the result to the card")
    return result


def main(arguments: Sequence[str]) -> int:
    """Print one JSON line for each checkpoint."""
    options = parser().parse_args(arguments)
    features = FeatureNetwork.load(options.feature_weights)
    for folder in options.checkpoints:
        found = checkpoint.read(folder)
        generator = found.load_generator()
        real = load_images(options.data, generator.image_size, generator.channels).images
        quality = evaluate(
            drawer(generator), real, features, samples=options.samples, seed=options.seed
        )
        print(json.dumps({"checkpoint": str(folder), **quality.to_dict()}), flush=True)
        if options.write:
            text = json.dumps(
                {**found.card, "quality": quality.to_dict()}, indent=2, ensure_ascii=False
            )
            write_text_whole(folder / checkpoint.CARD, text + "\n")
    return 0


def drawer(generator: Generator) -> Callable[[int, int], Tensor]:
    """A function from (count, seed) to that many unselected pictures, uint8 (count, C, S, S)."""

    @torch.inference_mode()
    def draw(count: int, seed: int) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        latents = torch.randn(count, generator.latent_dim, generator=random)
        return torch.cat(
            [to_uint8(generator(z), generator.value_range) for z in latents.split(BATCH)]
        )

    return draw
