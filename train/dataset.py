"""The images of a run: read as its settings say, and recognised when it is resumed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from studio.generators import build
from train.data.idx import FASHION_MNIST
from train.data.images import ImageSet, load_images


def load(settings: dict[str, Any], *, quiet: bool = False) -> ImageSet:
    """Read a run's images as its settings say; tell in a few lines what was and wasn't found."""
    generator = build(settings["recipe"]["generator"])
    size = generator.image_size
    data = load_images(
        settings["data"],
        size,
        generator.channels,
        fit=settings.get("fit", "crop"),
        leave_out=frozenset(settings.get("leave_out", ())),
        progress=not quiet,
    )
    if quiet:
        return data
    print(f"{len(data)} images, prepared as {size}x{size}.")
    if data.skipped:
        print(f"{len(data.skipped)} could not be used:")
        for name, reason in data.skipped[:10]:
            print(f"  {name}: {reason}")
        if len(data.skipped) > 10:
            print(f"  and {len(data.skipped) - 10} more")
    return data


def digest(data: ImageSet) -> str:
    """Identifies a set of images by its names and first pixels, cheaply."""
    result = hashlib.sha256("\n".join(data.names).encode("utf-8", "surrogateescape"))
    result.update(str(tuple(data.images.shape)).encode())
    result.update(data.images[:256].numpy().tobytes())
    return result.hexdigest()


def place_of(path: str) -> str:
    """A path as the settings keep it: good from any working folder."""
    return path if path == FASHION_MNIST else str(Path(path).resolve())
