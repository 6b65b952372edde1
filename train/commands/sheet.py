"""``python -m train sheet NAME``: what a generator draws when nobody selects, for its card."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from studio import checkpoint, pictures, settings
from studio.checkpoint import Checkpoint, update_card
from studio.design import from_seed
from studio.files import write_file_whole
from studio.render import Renderer
from train.commands.evaluate import named, psi

FILE = "samples/unselected.png"
COLUMNS = 8
EACH = 2  # designs of the same words
MAX_COUNT = 1024
MAX_SIZE = 1024


def main(arguments: Sequence[str]) -> int:
    """Write the sheet into the checkpoint's folder and print where it is."""
    parser = argparse.ArgumentParser(
        prog="python -m train sheet",
        description="Draw the designs of the first seeds, of all categories in turn, side by side"
        f" into the checkpoint's {FILE}, and say so on its card. A generator of words is asked for"
        f" its examples, {EACH} designs of each.",
    )
    parser.add_argument("name", metavar="NAME", help="a checkpoint's folder, or its name")
    parser.add_argument("--psi", type=psi, default=0.7, help="how adventurous (0.7)")
    parser.add_argument("--count", type=count, default=64, help="designs, of seeds from 0 (64)")
    parser.add_argument(
        "--size", type=size, default=128, help="smaller pictures are enlarged up to this (128 px)"
    )
    settings.add_folders(parser)
    options = parser.parse_args(arguments)
    found = named(options.name, options.checkpoints, options.runs)
    images = designs(found, options.count, options.psi)
    path = found.folder / FILE
    path.parent.mkdir(exist_ok=True)
    # Whole multiples only: a pixel stays a square, and nothing is smoothed over.
    scale = max(1, options.size // images.shape[-1])
    sheet = pictures.sheet(images, COLUMNS, scale=scale)
    write_file_whole(path, lambda file: file.write(pictures.to_png(sheet, optimize=True)))
    about = {"sheet": FILE, "seeds": options.count, "psi": options.psi}
    if found.draws_by_words:
        about["guidance"] = found.card.get("guidance", 1.0)
        about["texts"] = list(dict.fromkeys(prompts(found, options.count)))
    update_card(found, unselected=about)
    print(path)
    return 0


def designs(found: Checkpoint, count: int, psi: float) -> Tensor:
    """The pictures of seeds 0 to ``count`` - 1 as the studio draws them: uint8 (count, C, S, S).

    Those of a generator with categories are of one category after the other; those of one that
    draws by words are of its examples' words, :data:`EACH` of each.
    """
    found = checkpoint.read(found.folder.resolve())  # its name is that of a whole path
    renderer = Renderer(found.folder.parent)
    drawn = []
    texts = prompts(found, count)
    guidance = found.card.get("guidance", 1.0)
    for seed, text in enumerate(texts):
        label = seed % len(found.classes) if found.classes else None
        design = from_seed(
            found.name, seed, truncation=psi, label=label, text=text, guidance=guidance
        )
        drawn.append(renderer.pixels(design))
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2)


def prompts(found: Checkpoint, count: int) -> list[str]:
    """The words of each design on a sheet; "" for a generator that takes none."""
    encoder = found.load_words()
    if encoder is None:
        return [""] * count
    return [encoder.offers[seed // EACH % len(encoder.offers)] for seed in range(count)]


def count(text: str) -> int:
    """An argparse type: how many designs."""
    return _whole(text, MAX_COUNT)


def size(text: str) -> int:
    """An argparse type: pixels of a picture on the sheet."""
    return _whole(text, MAX_SIZE)


def _whole(text: str, most: int) -> int:
    value = int(text)
    if not 1 <= value <= most:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {most}")
    return value
