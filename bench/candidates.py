"""Which networks and losses learn best in the same time, on the same images and machine.

Each candidate trains for ``--minutes`` from nothing, one after the other, and is then measured:
Fréchet distance, precision and recall of as many pictures as there are images (5,000 at most), by
mobilenetv2_100. A sheet of its samples is written to ``--out``: look at it before believing a
number. The first one named is what the others are compared with.

    python -m bench.candidates --data photos.zip --size 64 --minutes 30 --out sheets/

What is known so far stands in docs/experiments.md.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from studio import pictures
from train.data.images import load_images
from train.devices.hardware import Hardware
from train.engine.length import Length
from train.engine.loop import fit
from train.engine.training import Training
from train.metrics import FeatureNetwork, Quality, evaluate
from train.recipes import Recipe
from train.recipes.published import HANDBAGS_DCGAN

MOST_SAMPLES = 5_000
# Channels from 4 pixels on; every further level has half of the last.
STYLE_WIDTHS = (256, 256, 128, 64)
SLIM_WIDTHS = (128, 96, 64, 32)
WIDE_WIDTHS = (256, 160, 96, 48)
SHEET_COLUMNS, SHEET_PIXELS = 8, 128


def candidates(size: int, channels: int) -> dict[str, Recipe]:
    """What is compared, by name, for images of ``size`` pixels."""
    levels = round(math.log2(size / 4)) + 1
    style = {
        "kind": "style",
        "latent_dim": 128,
        "style_dim": 256,
        "widths": narrowing(STYLE_WIDTHS, levels),
        "channels": channels,
        "output": "tanh",
    }
    residual = {
        "kind": "style",
        "widths": narrowing((256, 256, 128, 64, 32), levels - 1)[::-1],
        "image_size": size,
        "channels": channels,
        "patch": 2,
    }
    slim = {**style, "latent_dim": 64, "style_dim": 128, "widths": narrowing(SLIM_WIDTHS, levels)}
    slim_judge = {
        "kind": "dcgan",
        "widths": narrowing((256,), levels - 1)[::-1],
        "channels": channels,
    }
    shared: dict[str, Any] = {
        "source": "bench/candidates.py",
        "batch": 32,
        "betas": (0.0, 0.99),
        "augment": "color,translation,cutout",
        "flip": True,
    }
    # What the recipes of train/recipes/modern.py have.
    plain = {
        **shared,
        "batch": 64,
        "learning_rate": 2e-3,
        "learning_rate_d": 2e-4,
        "betas": (0.5, 0.99),
        "init": "dcgan",
        "discriminator": slim_judge,
    }
    lazy = {"r1": 0.2, "penalty_every": 16}
    dcgan = narrowing((512,), levels - 1)
    found = (
        replace(
            HANDBAGS_DCGAN,
            name="dcgan",
            generator={**HANDBAGS_DCGAN.generator, "widths": dcgan, "channels": channels},
            discriminator={
                **HANDBAGS_DCGAN.discriminator,
                "widths": dcgan[::-1],
                "channels": channels,
            },
        ),
        Recipe(
            **plain,
            name="self-modulated",
            title="slim, self-modulated, non-saturating, against a DCGAN discriminator",
            generator={**slim, "kind": "self-modulated"},
        ),
        Recipe(
            **{**plain, "discriminator": {**slim_judge, "widths": dcgan[::-1]}},
            name="wide",
            title="the same, wide",
            generator={**slim, "kind": "self-modulated", "widths": narrowing(WIDE_WIDTHS, levels)},
        ),
        Recipe(
            **plain,
            name="slim style",
            title="slim, demodulated as in StyleGAN2",
            generator=slim,
        ),
        Recipe(
            **shared,
            name="style+r1",
            title="style-based, non-saturating, lazy R1",
            generator=style,
            discriminator=residual,
            learning_rate=2e-3,
            style_mixing=0.5,
            **lazy,
        ),
        Recipe(
            **shared,
            name="style+r3gan",
            title="style-based, relativistic, R1 and R2",
            generator=style,
            discriminator=residual,
            learning_rate=2e-3,
            loss="relativistic",
            r1=0.5,
            r2=0.5,
            penalty_every=4,
        ),
    )
    return {each.name: each for each in found}


def narrowing(widths: tuple[int, ...], levels: int) -> list[int]:
    """The first ``levels`` widths, each further one half of the last."""
    result = list(widths[:levels])
    while len(result) < levels:
        result.append(max(8, result[-1] // 2))
    return result


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench.candidates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--data", required=True, metavar="PATH", help="images to learn from")
    result.add_argument("--size", type=int, default=64, choices=(32, 64, 128, 256))
    result.add_argument("--channels", type=int, default=3, choices=(1, 3))
    result.add_argument("--minutes", type=float, default=30, help="of each training")
    result.add_argument(
        "--names",
        nargs="+",
        metavar="NAME",
        help="candidates, the first to compare with (all there are)",
    )
    result.add_argument("--measure-weights", type=Path, metavar="FILE", help="mobilenetv2_100")
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--device", default="auto")
    result.add_argument("--out", type=Path, metavar="DIR", help="where sample sheets are written")
    return result


def main() -> None:
    """Train and measure one after the other, printing a row for each."""
    options = parser().parse_args()
    known = candidates(options.size, options.channels)
    names = options.names or list(known)
    if unknown := [name for name in names if name not in known]:
        parser().error(f"{unknown[0]} is not one of: {', '.join(known)}")
    try:
        hardware = Hardware.choose(options.device)
        images = load_images(options.data, options.size, options.channels, progress=True).images
        features = FeatureNetwork.load(options.measure_weights, hardware.device)
    except ValueError as error:  # DataError, HardwareError and MetricsError are
        parser().error(str(error))
    print(f"{len(images)} images of {options.size} px, {options.minutes:g} minutes each")
    print(f"{'':18} images shown  images/s  distance  ratio  precision  recall")
    rows: list[dict[str, Any]] = []
    for name in names:
        training = trained(known[name], images, hardware, options)
        quality = measured(training, images, features, options.seed)
        rows.append(row_of(name, training, quality))
        first = rows[0]["distance"]
        print(line(rows[-1], first), flush=True)
        if options.out:
            write_sheet(training, options.out / f"{name}.png")
    print(f"floor {quality.floor:.2f} (between two halves of the images)\n{quality.protocol}")
    print(json.dumps({"device": hardware.name, "floor": quality.floor, "candidates": rows}))


def trained(
    recipe: Recipe, images: Tensor, hardware: Hardware, options: argparse.Namespace
) -> Training:
    """A training carried on until its time is up."""
    training = Training(recipe, images, hardware, options.seed)
    with tqdm(
        total=round(options.minutes * 60), desc=recipe.name, leave=False, disable=None
    ) as bar:
        fit(
            training,
            Length.of(training, minutes=options.minutes),
            on_step=lambda: bar.update(round(training.seconds) - bar.n),
            on_tick=lambda numbers: None,
            on_numbers=lambda numbers: None,
            stopping=lambda: False,
        )
    return training


def measured(training: Training, images: Tensor, features: FeatureNetwork, seed: int) -> Quality:
    """The averaged generator's quality, of pictures drawn by seeds of their own."""
    generator = training.average.generator()
    count = min(MOST_SAMPLES, len(images))

    def draw(count: int, seed: int) -> Tensor:
        return training.average.draw(generator, count).cpu()

    return evaluate(draw, images.cpu(), features, samples=count, seed=seed)


def row_of(name: str, training: Training, quality: Quality) -> dict[str, Any]:
    return {
        "name": name,
        "images_shown": training.images_shown,
        "images_per_s": round(training.images_shown / training.seconds, 1),
        "distance": round(quality.frechet, 2),
        "precision": round(quality.precision, 3),
        "recall": round(quality.recall, 3),
    }


def line(row: dict[str, Any], first: float) -> str:
    return (
        f"{row['name']:18} {row['images_shown']:12,} {row['images_per_s']:9.1f}"
        f" {row['distance']:9.2f} {row['distance'] / first:6.2f}"
        f" {row['precision']:10.2f} {row['recall']:7.2f}"
    )


def write_sheet(training: Training, path: Path) -> None:
    """The first 64 samples, unselected."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = training.average.generator()
    scale = max(1, SHEET_PIXELS // generator.image_size)
    sheet = pictures.sheet(training.average.samples(generator).cpu(), SHEET_COLUMNS, scale=scale)
    sheet.save(path)


if __name__ == "__main__":
    main()
