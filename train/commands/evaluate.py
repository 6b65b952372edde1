"""``python -m train evaluate CHECKPOINT --data PATH``: how near a generator is to real images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from studio import checkpoint
from studio.checkpoint import Checkpoint
from studio.files import write_text_whole
from studio.generators import Generator
from studio.generators.base import to_uint8
from train.commands.start_or_resume import seed
from train.data.images import ImageSet, load_images
from train.metrics import (
    FeatureNetwork,
    Features,
    Inception,
    MetricsError,
    Quality,
    Store,
    default_folder,
    evaluate,
    table,
)

BATCH = 100
NETWORKS: dict[str, Callable[[Path | None], Features]] = {
    "mobilenetv2": FeatureNetwork.load,
    "inception": Inception.load,
}
MAX_PSI = 2.0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train evaluate",
        description="Measure checkpoints against the real images that they were trained on. The"
        " floor is what real images measure against each other; docs/measures.md explains it all.",
    )
    result.add_argument("checkpoints", metavar="CHECKPOINT", nargs="+", type=Path)
    result.add_argument("--data", metavar="PATH", required=True, help="the real images")
    result.add_argument("--samples", type=int, help="drawn images (5,000 or the data's size)")
    result.add_argument("--seed", type=seed, default=0)
    result.add_argument(
        "--psi", type=psi, default=1.0, help="truncation of what is drawn; 1 (default) is none"
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
        "--no-cache", action="store_true", help="neither use nor keep what real images measure"
    )
    result.add_argument("--table", action="store_true", help="print a table for people as well")
    result.add_argument("--write", action="store_true", help="write the result to the card")
    return result


def psi(text: str) -> float:
    """An argparse type: a truncation."""
    value = float(text)
    if not 0 <= value <= MAX_PSI:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MAX_PSI:g}")
    return value


def main(arguments: Sequence[str]) -> int:
    """Print one JSON line for each checkpoint, and a table if asked."""
    options = parser().parse_args(arguments)
    features = NETWORKS[options.features](options.feature_weights)
    store = Store(None if options.no_cache else default_folder())
    loaded: dict[tuple[int, int], ImageSet] = {}
    measured = []
    for folder in options.checkpoints:
        found = checkpoint.read(folder)
        generator = found.load_generator()
        form = generator.image_size, generator.channels
        if form not in loaded:
            loaded[form] = load_images(options.data, *form)
        data = loaded[form]
        classes = matching_classes(found, generator, data, options.data)
        quality = evaluate(
            drawer(generator, options.psi, classes),
            data.images,
            features,
            labels=None if classes is None else data.labels,
            samples=options.samples,
            seed=options.seed,
            psi=options.psi,
            store=store,
        )
        print(json.dumps({"checkpoint": str(folder), **quality.to_dict()}), flush=True)
        measured.append((str(folder), quality))
        if options.write:
            write(found, quality)
    if options.table:
        print(f"\n{table(measured)}")
    return 0


def write(found: Checkpoint, quality: Quality) -> None:
    """Put the result on the checkpoint's card."""
    card = {**found.card, "quality": quality.to_dict()}
    text = json.dumps(card, indent=2, ensure_ascii=False)
    write_text_whole(found.folder / checkpoint.CARD, text + "\n")


def matching_classes(
    found: Checkpoint, generator: Generator, data: ImageSet, place: str
) -> Tensor | None:
    """The generator's class of each of the data's labels, int64; None if it takes no labels.

    They go by their names, so neither their order nor classes without an image matter.

    Raises:
        MetricsError: the data has no labels, or one that the generator does not know.
    """
    count = getattr(generator, "classes", 0)
    if not count:
        return None
    known = found.card.get("classes")
    if not isinstance(known, list) or len(known) != count:
        raise MetricsError(f"{found.name} draws {count} classes, but its card does not name them.")
    names = _listed(known)
    if data.labels is None:
        raise MetricsError(
            f"{found.name} draws the classes {names}, but the images in {place} have no classes; "
            "put those of each class in a folder of its name."
        )
    if foreign := [name for name in data.label_names if name not in known]:
        raise MetricsError(
            f"The images in {place} do not fit {found.name}: it does not draw {_listed(foreign)}. "
            f"Its classes are {names}."
        )
    return torch.tensor([known.index(name) for name in data.label_names])


def drawer(
    generator: Generator, psi: float = 1.0, classes: Tensor | None = None
) -> Callable[..., Tensor]:
    """A function that draws unselected pictures to measure: uint8 (count, C, S, S).

    It is called ``draw(count, seed)``, or for a generator with classes ``draw(count, seed,
    labels)``. Labels are int64 (count,), and their classes are looked up in ``classes``.
    """

    @torch.inference_mode()
    def drawn(count: int, seed: int, labels: Tensor | None = None) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        latents = torch.randn(count, generator.latent_dim, generator=random)
        wanted = None if labels is None or classes is None else classes[labels]
        pictures = []
        for start in range(0, count, BATCH):
            batch = slice(start, start + BATCH)
            images = draw(generator, latents[batch], None if wanted is None else wanted[batch], psi)
            pictures.append(to_uint8(images, generator.value_range))
        return torch.cat(pictures)

    return drawn


def draw(generator: Generator, z: Tensor, labels: Tensor | None, psi: float) -> Tensor:
    """Images of latents (n, latent_dim) and labels, int64 (n,) or None, in the generator's range.

    ``psi`` draws a style towards the average one. Where there are no styles it shortens the latent,
    which is the same: the average latent is zero.
    """
    if hasattr(generator, "map"):
        truncation = () if psi == 1 else (psi,)
        return generator.draw(generator.map(z, labels, *truncation))
    return generator(psi * z) if labels is None else generator(psi * z, labels)


def _listed(names: Sequence[object]) -> str:
    shown = ", ".join(map(str, names[:10]))
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown
