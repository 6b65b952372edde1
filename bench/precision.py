"""Whether results in bfloat16 are as good as in float32: both trained, then measured alike.

For each seed a recipe is trained twice, from the same first weights, on the same images in the
same order and for as many images shown: once in float32, once with networks computed in bfloat16
(float32 weights and optimiser). Each averaged generator then draws the same latents in float32,
and :func:`train.metrics.evaluate` measures their Fréchet distance from the real images, under one
protocol. ``ratio`` is the mean distance of bfloat16 over that of float32: 1 is as good, below 1
better. Look at how far the seeds lie apart before reading much into it.

    python -m bench.precision --data fashion-mnist --feature-weights mobilenetv2_100.safetensors
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from studio.generators import build
from train import recipes
from train.data.images import load_images
from train.devices.hardware import Hardware
from train.engine.length import Length
from train.engine.loop import fit
from train.engine.training import Training
from train.metrics import FeatureNetwork, Quality, evaluate
from train.metrics.drawing import drawer
from train.recipes import Recipe

PRECISIONS = ("fp32", "bf16")


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench.precision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--data", required=True, metavar="PATH", help="as for python -m train")
    result.add_argument("--recipe", default="fashion-mnist-dcgan", choices=recipes.RECIPES)
    result.add_argument("--kimg", type=float, default=200, help="thousands of images shown")
    result.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    result.add_argument(
        "--feature-weights",
        type=Path,
        metavar="FILE",
        help="mobilenetv2_100 weights; without it timm downloads its own",
    )
    result.add_argument("--samples", type=int, help="drawn images (5,000 or the data's size)")
    result.add_argument("--measure-seed", type=int, default=0, help="of the images to measure")
    result.add_argument("--device", default="auto")
    return result


def main() -> None:
    """Train, measure, then print what was found."""
    options = parser().parse_args()
    recipe = recipes.get(options.recipe)
    drawn = build(recipe.generator)
    try:
        hardware = {each: Hardware.choose(options.device, each) for each in PRECISIONS}
        images = load_images(options.data, drawn.image_size, drawn.channels).images
        features = FeatureNetwork.load(options.feature_weights, hardware["fp32"].device)
    except ValueError as error:  # DataError and MetricsError are
        parser().error(str(error))
    print(f"{recipe.name}, {options.kimg:g} thousand images shown, Fréchet distance:")
    print(" seed     fp32     bf16  ratio  fp32 s  bf16 s")
    found: dict[str, list[Quality]] = {each: [] for each in PRECISIONS}
    for seed in options.seeds:
        seconds = []
        for precision in PRECISIONS:
            training = train(recipe, images, hardware[precision], seed, options.kimg)
            found[precision].append(measure(training, images, features, options))
            seconds.append(training.seconds)
        distances = [found[precision][-1].frechet for precision in PRECISIONS]
        print(row(seed, distances) + "".join(f"{each:8.0f}" for each in seconds), flush=True)
    report(options, hardware["bf16"], found)


def train(recipe: Recipe, images: Tensor, hardware: Hardware, seed: int, kimg: float) -> Training:
    """A training carried to its end."""
    training = Training(recipe, images, hardware, seed)
    length = Length.of(training, kimg=kimg)
    doing = f"seed {seed} {'bf16' if hardware.bf16 else 'fp32'}"
    with tqdm(total=length.images, desc=doing, leave=False, disable=None) as bar:
        fit(
            training,
            length,
            on_step=lambda: bar.update(training.batch),
            on_tick=lambda numbers: None,
            on_numbers=lambda numbers: None,
            stopping=lambda: False,
        )
    return training


def measure(
    training: Training, images: Tensor, features: FeatureNetwork, options: argparse.Namespace
) -> Quality:
    """How good the averaged generator is; it draws on the CPU in float32, as the studio does."""
    generator = training.average.generator().cpu()
    return evaluate(
        drawer(generator), images, features, samples=options.samples, seed=options.measure_seed
    )


def report(
    options: argparse.Namespace, hardware: Hardware, found: dict[str, list[Quality]]
) -> None:
    """Print means, floor and ratio, and the JSON."""
    distances = {name: [each.frechet for each in some] for name, some in found.items()}
    means = {name: statistics.fmean(values) for name, values in distances.items()}
    first = found["fp32"][0]
    print(row("mean", list(means.values())))
    print(f"floor {first.floor:8.3f}  (between two halves of the real images)")
    print(first.protocol)
    result: dict[str, Any] = {
        name: {
            "frechet": [round(each, 4) for each in distances[name]],
            "mean": round(means[name], 4),
            "precision": round(statistics.fmean(each.precision for each in some), 4),
            "recall": round(statistics.fmean(each.recall for each in some), 4),
        }
        for name, some in found.items()
    }
    result |= {
        "floor": round(first.floor, 4),
        "ratio": round(means["bf16"] / means["fp32"], 4),
        "recipe": options.recipe,
        "kimg": options.kimg,
        "seeds": options.seeds,
        "device": hardware.device.type,
        "protocol": first.protocol,
    }
    print(json.dumps(result, ensure_ascii=False))


def row(first: Any, distances: list[float]) -> str:
    fp32, bf16 = distances
    return f"{first:>5} {fp32:8.3f} {bf16:8.3f} {bf16 / fp32:6.3f}"


if __name__ == "__main__":
    main()
