"""``python -m train evaluate NAME --data PATH``: how near a generator is to real images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio import checkpoint, settings
from studio.checkpoint import Checkpoint, CheckpointError, listed, update_card
from studio.errors import UserError
from studio.framing import FITS
from studio.generators import Generator
from train.commands.options import positive, seed
from train.data.captions import load_captions
from train.data.held_out import has_colours_and_types
from train.data.images import ImageSet, load_images, only
from train.data.reading import find
from train.extractor.learnt import LearntFeatures
from train.metrics import (
    FeatureNetwork,
    Features,
    Inception,
    MetricsError,
    Store,
    default_folder,
    evaluate,
)
from train.metrics.drawing import drawer, made_smaller, worded_drawer
from train.metrics.prompts import evaluate_prompts

NETWORKS: dict[str, Callable[[Path | None], Features]] = {
    "mobilenetv2": FeatureNetwork.load,
    "inception": Inception.load,
}
MAX_PSI = 1.5  # a design's


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train evaluate",
        description="Measure generators against the real images that they were trained on, and"
        " print a line of JSON for each. The floors are what real images measure against each"
        " other; docs/measures.md explains it all.",
    )
    result.add_argument(
        "names", metavar="NAME", nargs="+", help="a checkpoint's folder, or its name in the studio"
    )
    result.add_argument("--data", metavar="PATH", required=True, help="the real images")
    result.add_argument(
        "--fit", choices=FITS, default="crop", help="how images became square in the training"
    )
    result.add_argument("--samples", type=int, help="drawn images (5,000 or the data's size)")
    result.add_argument("--seed", type=seed, default=0)
    result.add_argument(
        "--psi", type=psi, default=1.0, help="truncation of what is drawn; 1 (default) is none"
    )
    result.add_argument(
        "--size",
        type=positive(int),
        metavar="PX",
        help="compare pictures and images made so small, to measure generators of several sizes"
        " alike (the generator's own)",
    )
    result.add_argument(
        "--guidance", type=float, default=1.0, help="how closely words are followed; 1 is as learnt"
    )
    result.add_argument(
        "--features",
        choices=NETWORKS,
        default="mobilenetv2",
        help="what to compare by: mobilenetv2 (default), or inception for the published FID and"
        " KID, which needs torch-fidelity",
    )
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        type=Path,
        help="weights of those features; without it they are downloaded",
    )
    result.add_argument(
        "--second-features",
        metavar="FILE",
        type=Path,
        help="measure by a second network as well, which `python -m train extractor` has learnt",
    )
    result.add_argument(
        "--no-cache", action="store_true", help="neither use nor keep what real images measure"
    )
    result.add_argument("--write", action="store_true", help="write the result to the card")
    settings.add_folders(result)
    return result


def psi(text: str) -> float:
    """An argparse type: a truncation."""
    value = float(text)
    if not 0 <= value <= MAX_PSI:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MAX_PSI:g}")
    return value


def main(arguments: Sequence[str]) -> int:
    """Print one JSON line for each checkpoint."""
    options = parser().parse_args(arguments)
    if options.size and options.write:
        raise UserError("A card tells what was measured at the generator's own size: no --size.")
    chosen = [named(name, options.checkpoints, options.runs) for name in options.names]
    features = NETWORKS[options.features](options.feature_weights)
    second = LearntFeatures.load(options.second_features) if options.second_features else None
    store = Store(None if options.no_cache else default_folder())
    loaded: dict[tuple[int, int], ImageSet] = {}
    for found in chosen:
        generator = found.load_generator()
        size = options.size or generator.image_size
        if size > generator.image_size:
            raise UserError(
                f"{found.title} draws {generator.image_size} pixels; --size can't be more."
            )
        form = size, generator.channels
        if form not in loaded:
            loaded[form] = load_images(options.data, *form, fit=options.fit)
        quality = measured(found, generator, loaded[form], features, second, options, store)
        about = {"checkpoint": str(found.folder), "size": size}
        print(json.dumps({**about, **quality}), flush=True)
        if options.write:
            update_card(found, quality=quality)
    return 0


def measured(
    found: Checkpoint,
    generator: Generator,
    data: ImageSet,
    features: Features,
    second: Features | None,
    options: argparse.Namespace,
    store: Store,
) -> dict[str, Any]:
    """The quality of a checkpoint's ``generator`` at the size of the real images."""
    how = {
        **{"samples": options.samples, "seed": options.seed, "psi": options.psi},
        **{"store": store, "second": second},
    }
    size = data.images.shape[-1]
    if words := found.load_words():
        draw = worded_drawer(generator, words, options.psi, options.guidance)
        return with_words(made_smaller(draw, size), data, features, options, how)
    classes = matching_classes(found, data, options.data)
    draw = made_smaller(drawer(generator, options.psi, classes), size)
    labels = None if classes is None else data.labels
    return evaluate(draw, data.images, features, labels=labels, **how).to_dict()


def with_words(
    draw: Callable[[Sequence[str], int], Tensor],
    data: ImageSet,
    features: Features,
    options: argparse.Namespace,
    how: dict[str, Any],
) -> dict[str, Any]:
    """The quality of what ``draw(texts, seed)`` draws for the captions of the real images.

    Where those tell colours and types, ``words`` says how well prompts are heeded.
    """
    captions, kept = load_captions(find(options.data), data.names)
    captioned = data if len(kept) == len(data) else only(data, kept)

    def generate(count: int, seed: int) -> Tensor:
        random = np.random.Generator(np.random.PCG64(seed))
        chosen = random.choice(len(captions.texts), count, replace=count > len(captions.texts))
        return draw([captions.texts[at] for at in chosen], seed)

    quality = evaluate(generate, captioned.images, features, **how).to_dict()
    if not has_colours_and_types(captions):
        return quality
    words = evaluate_prompts(
        draw, captioned.images, captions, features, seed=options.seed, store=how["store"]
    )
    return {**quality, "guidance": options.guidance, "words": words}


def named(name: str, *roots: Path) -> Checkpoint:
    """The checkpoint in the folder ``name``, else the one that the studio calls so.

    Raises:
        CheckpointError: there is neither.
    """
    if (Path(name) / checkpoint.CARD).exists():
        return checkpoint.read(name)
    known = checkpoint.find(*roots)
    if name in known:
        return known[name]
    offer = f"the studio has {listed(list(known))}" if known else "the studio has none"
    raise CheckpointError(f"There is no checkpoint in {name}, nor one of that name: {offer}.")


def matching_classes(found: Checkpoint, data: ImageSet, place: str) -> Tensor | None:
    """The generator's class of each of the data's labels, int64; None if it takes no labels.

    They go by their names, so neither their order nor classes without an image matter.

    Raises:
        MetricsError: the data has no labels, or one that the generator does not know.
    """
    known = found.classes
    if not known:
        return None
    if data.labels is None:
        raise MetricsError(
            f"{found.name} draws {listed(known)}, but the images in {place} have no classes; "
            "put those of each class in a folder of its name."
        )
    if foreign := [name for name in data.label_names if name not in known]:
        raise MetricsError(
            f"The images in {place} do not fit {found.name}: it does not draw {listed(foreign)}, "
            f"but {listed(known)}."
        )
    return torch.tensor([known.index(name) for name in data.label_names])
