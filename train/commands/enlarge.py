"""``python -m train enlarge NAME --data PATH --out DIR``: a trained generator at twice its size."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tqdm import tqdm

from studio import checkpoint
from studio.errors import UserError
from train.beginning.enlarging import (
    LEAST_WIDTH,
    enlarged,
    enlarged_discriminator,
    learn_last_level,
)
from train.beginning.restoring import learn_to_restore
from train.beginning.transfer import load_start
from train.commands import derived
from train.commands.options import positive
from train.data.images import load_images

PATCHES, PICTURES = 30_000, 15_000


def main(arguments: Sequence[str]) -> int:
    """Write the enlarged generator's checkpoint and print where it is."""
    options = parser().parse_args(arguments)
    found = derived.original(options)
    small = found.load_generator()
    try:
        width = options.width or max(LEAST_WIDTH, small.config["widths"][-1])
        generator = enlarged(small, width, options.seed)
    except (KeyError, ValueError) as error:
        raise UserError(f"{found.title} can't be enlarged: {error}.") from error
    form = generator.image_size, generator.channels
    data = load_images(options.data, *form, fit=options.fit, progress=True)
    with tqdm(desc="Learning from photos", total=options.patches, disable=None) as bar:
        restorer = learn_to_restore(
            data.images, options.patches, seed=options.seed, on_patches=bar.update
        )
    with tqdm(desc="Learning to draw it", total=options.pictures, disable=None) as bar:
        learn_last_level(
            generator, restorer, options.pictures, seed=options.seed, on_pictures=bar.update
        )
    about = {
        "from": small.image_size,
        "photos": len(data.images),
        "patches": options.patches,
        "pictures": options.pictures,
        "seed": options.seed,
    }
    known = derived.card(found, enlarged=about)
    known.pop("discriminator", None)  # that of the smaller pictures
    discriminator = None
    if (found.card.get("discriminator") or {}).get("kind") == "dcgan":
        weights = load_start(found.folder)[1]
        config = found.card["discriminator"]
        known["discriminator"], discriminator = enlarged_discriminator(config, weights)
    checkpoint.save(options.out, generator, discriminator, known, derived.preview(generator))
    print(options.out)
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = derived.parser(
        "enlarge",
        "Give a trained generator a level of twice the pixels. Photos teach a small network what"
        " they show at twice the size, and without the weave that drawn surfaces have; that teaches"
        " the new level. Nothing else in the generator changes. It takes about half an hour on two"
        " cores for 64 to 128 pixels.",
        pictures=PICTURES,
    )
    result.add_argument(
        "--width",
        type=positive(int),
        help="maps of the new level (as many as the last has, 8 at least)",
    )
    result.add_argument(
        "--patches",
        type=positive(int),
        default=PATCHES,
        help=f"of photos to learn from ({PATCHES:,})",
    )
    return result
