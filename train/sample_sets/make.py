"""Draws the sample sets with the generators that ship: ``python -m train.sample_sets.make``.

The same weights give the same bytes on the same machine; others may differ in a last bit.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from studio.design import from_seed
from studio.render import Renderer
from studio.settings import HOME
from train.data.samples import FOLDER

# The generator, how many pictures are kept, the zip's name and that of its pictures.
SETS = (
    ("handbags-dcgan", 400, "handbags", "bag"),
    ("deepfashion-dcgan", 300, "garments", "garment"),
)
DRAWN = 2_000
TRUNCATION = 0.8
# Lightness groups, of each of which the cleanest are kept: dark things look cleaner than they are.
GROUPS = 5
WHITE = 225
# Paler pictures (mean distance from white, 0..255) show next to nothing.
PALE = 8.0
WHITE_BORDER = 0.99
QUALITY = 95


def main() -> None:
    """Draw, choose and pack each set."""
    renderer = Renderer(HOME / "checkpoints")
    for generator, count, name, noun in SETS:
        drawn = [
            renderer.image(from_seed(generator, seed, truncation=TRUNCATION))
            for seed in range(DRAWN)
        ]
        seeds = cleanest(drawn, count)
        pictures = ((f"{noun}-{seed:04d}.webp", drawn[seed]) for seed in seeds)
        pack(FOLDER / f"{name}.zip", pictures)
        print(f"{name}.zip: {len(seeds)} of {DRAWN} pictures")


def cleanest(pictures: list[Image.Image], count: int) -> list[int]:
    """The indices of the ``count`` cleanest pictures, as many from each group of lightness."""
    pixels = np.stack([np.asarray(each) for each in pictures]).astype(np.float32)
    darkness = (255 - pixels).mean((1, 2, 3))
    border = np.concatenate([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], 1)
    good = (darkness > PALE) & ((border.min(2) > WHITE).mean(1) >= WHITE_BORDER)
    rough = np.array([roughness(picture) for picture in pictures])
    candidates = np.flatnonzero(good)
    by_darkness = candidates[np.argsort(darkness[candidates], kind="stable")]
    chosen: list[int] = []
    for group in np.array_split(by_darkness, GROUPS):
        chosen += group[np.argsort(rough[group], kind="stable")][: count // GROUPS].tolist()
    return sorted(chosen)


def roughness(picture: Image.Image) -> float:
    """How ragged and speckled a picture is, beside how much of it there is."""
    outline = picture.convert("L").point(lambda value: 255 * (value < WHITE))
    parts = []
    for image, weight in ((picture, 1.0), (outline, 2.0)):
        changed = np.asarray(image, np.float32) - np.asarray(
            image.filter(ImageFilter.MedianFilter(5))
        )
        ground = 0.0 if image is outline else 255.0
        there = np.abs(ground - np.asarray(image, np.float32)).sum()
        parts.append(weight * float(np.abs(changed).sum() / max(there, 1.0)))
    return sum(parts)


def pack(path: Path, pictures: Iterator[tuple[str, Image.Image]]) -> None:
    """Write a zip of WebP pictures, without the time it was made."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, picture in pictures:
            content = io.BytesIO()
            picture.save(content, "WEBP", quality=QUALITY, method=6)
            archive.writestr(zipfile.ZipInfo(name), content.getvalue())


if __name__ == "__main__":
    main()
