"""``python -m train match NAME --data PATH --out DIR``: a generator brought nearer to photos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from studio import checkpoint, settings
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.generators import Generator
from train import derived
from train.commands.evaluate import matching_classes, named
from train.commands.start_or_resume import positive, seed
from train.data.images import FITS, ImageSet, load_images
from train.feature_distance import FeatureDistance
from train.features import NETWORK, frozen_stages, weights_file
from train.hardware import Hardware
from train.interruption import interruptions
from train.matching import BATCH, matched
from train.recipes import RECIPES

PICTURES = 50_000
MOST_PHOTOS = 6_000
STAGES = range(5)  # the finest too: it sees how surfaces are drawn


def main(arguments: Sequence[str]) -> int:
    """Write the matched generator's checkpoint and print where it is."""
    options = parser().parse_args(arguments)
    found = named(options.name, options.checkpoints, options.runs)
    if options.out.exists():
        raise UserError(f"{options.out} is there already. Choose another --out.")
    if found.draws_by_words:
        raise UserError(f"{found.title} can't be matched: it draws by words.")
    hardware = Hardware.choose(options.device)
    network = frozen_stages(weights_file(options.feature_weights), STAGES)
    before = found.load_generator()
    form = before.image_size, before.channels
    data = load_images(options.data, *form, fit=options.fit, progress=True)
    photos, labels = chosen(data, matching_classes(found, data, options.data), options.seed)
    mirrored = is_mirrored(found)
    with tqdm(desc="Looking at photos", total=len(photos) * (1 + mirrored), disable=None) as bar:
        distance = FeatureDistance(
            network,
            photos,
            labels,
            batch=BATCH,
            mirrored=mirrored,
            seed=options.seed,
            hardware=hardware,
            on_photos=bar.update,
        )
    with (
        tqdm(desc="Matching them", total=options.pictures, unit="picture", disable=None) as bar,
        interruptions() as interrupted,
    ):
        drawn = 0

        def on_pictures(count: int, far: float) -> None:
            nonlocal drawn
            drawn += count
            bar.set_postfix(distance=f"{far:.3f}", refresh=False)
            bar.update(count)

        try:
            generator = matched(
                before,
                distance,
                options.pictures,
                labels=labels,
                seed=options.seed,
                hardware=hardware,
                on_pictures=on_pictures,
                stopping=interrupted,
            )
        except ArithmeticError as error:
            raise UserError(f"{found.title} can't be matched: {error}") from error
    save(options.out, found, generator, photos=len(photos), pictures=drawn, seed=options.seed)
    print(options.out)
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train match",
        description="Bring a trained generator nearer to photos without a discriminator: what a"
        " network trained on ImageNet sees in its pictures is to be as frequent as in the photos."
        " For a generator that draws the right things already; it makes them cleaner and more"
        " varied. Two hours on one core for 128 px; Ctrl-C saves what was learnt so far.",
    )
    result.add_argument("name", metavar="NAME", help="a checkpoint's folder, or its name")
    result.add_argument(
        "--data", metavar="PATH", required=True, help="photos, best those it has learnt from"
    )
    result.add_argument("--out", metavar="DIR", type=Path, required=True, help="the new checkpoint")
    result.add_argument("--fit", choices=FITS, default="crop", help="how photos become square")
    result.add_argument(
        "--pictures",
        type=positive(int),
        default=PICTURES,
        help=f"of its own to learn from ({PICTURES:,})",
    )
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}, which sees; without it they are downloaded",
    )
    result.add_argument("--device", default="auto", help="cpu, cuda … (the best there is)")
    result.add_argument("--seed", type=seed, default=0)
    settings.add_folders(result)
    return result


def chosen(data: ImageSet, classes: Tensor | None, seed: int) -> tuple[Tensor, Tensor | None]:
    """At most 6,000 random photos, of each category alike as far as there are, and their labels.

    ``classes`` are the generator's of each of the data's labels, or None without categories.
    """
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    if classes is None:
        return data.images[order[:MOST_PHOTOS]], None
    labels = classes[data.labels][order]
    share = max(1, MOST_PHOTOS // len(labels.unique()))
    kept = torch.cat([(labels == label).nonzero()[:share, 0] for label in labels.unique()])
    return data.images[order[kept]], labels[kept]


def is_mirrored(found: Checkpoint) -> bool:
    """Whether its recipe shows photos mirrored too."""
    recipe = RECIPES.get(str(found.card.get("recipe")))
    return bool(recipe and recipe.flip)


def save(
    out: Path, found: Checkpoint, generator: Generator, *, photos: int, pictures: int, seed: int
) -> None:
    """Write the checkpoint. A training can go on from it: its discriminator is that of before."""
    earlier = found.card.get("matched", {}).get("pictures", 0)
    about = {
        "features": NETWORK,
        "photos": photos,
        "pictures": earlier + pictures,
        "seed": seed,
    }
    known, judge = derived.card(found, matched=about), derived.discriminator(found)
    checkpoint.save(out, generator, judge, known, derived.preview(generator))
