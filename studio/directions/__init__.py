"""The sliders: directions that change the picture most, and what to call them.

A slider moves a design along its direction in standard deviations.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from studio.checkpoint import Checkpoint
from studio.directions import latents, styles
from studio.directions.base import COUNT, DECIMALS, Directions
from studio.files import write_text_whole
from studio.generators import Generator
from studio.words import Encoder

__all__ = ["COUNT", "FILE", "Directions", "find", "of_checkpoint", "read", "write"]

FILE = "directions.json"


def of_checkpoint(
    checkpoint: Checkpoint, generator: Generator, encoder: Encoder | None = None
) -> Directions:
    """The directions of a checkpoint: cached, or found now and cached.

    Those of a generator that draws by words are found among designs of its examples' words.
    A folder that can't be written to works too; the search is then repeated at the next start.
    """
    path = checkpoint.folder / FILE
    with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
        return read(path, checkpoint.fingerprint, generator)
    texts = torch.from_numpy(encoder.vectors(encoder.offers)) if encoder else None
    found = find(generator, texts=texts)
    with suppress(OSError):
        write(path, found, checkpoint.fingerprint)
    return found


def find(
    generator: Generator, count: int = COUNT, seed: int = 0, texts: Tensor | None = None
) -> Directions:
    """Find the ``count`` strongest directions of a generator, and name them by what they change.

    ``texts`` are vectors (n, words) to draw by, for a generator that takes them.
    """
    if generator.mapped:
        return styles.find(generator, count, seed, texts)
    return latents.find(generator, count, seed)


def read(path: Path, fingerprint: str, generator: Generator) -> Directions:
    """Read cached directions.

    Raises:
        OSError, ValueError, KeyError, TypeError, OverflowError: there are none, they are damaged
            or of other weights.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    vectors = np.array(values["vectors"], np.float32)
    names = tuple((str(low), str(high)) for low, high in values["names"])
    effects = tuple(map(float, values["effects"]))
    whole = (0, generator.style_layers)  # files from before there were others say nothing
    layers = tuple((first, end) for first, end in values.get("layers", [whole] * len(names)))
    if values["fingerprint"] != fingerprint or vectors.shape != (len(names), generator.style_dim):
        raise ValueError(f"{path} belongs to other weights.")
    if not len(effects) == len(layers) == len(names) or not np.isfinite(vectors).all():
        raise ValueError(f"{path} is damaged.")
    if not all(0 <= first < end <= generator.style_layers for first, end in layers):
        raise ValueError(f"{path} is damaged.")
    return Directions(vectors, names, effects, layers)


def write(path: Path, directions: Directions, fingerprint: str) -> None:
    """Cache directions beside the weights they belong to, whole."""
    values = {
        "fingerprint": fingerprint,
        "names": directions.names,
        "effects": directions.effects,
        "layers": directions.layers,
        "vectors": [[round(float(x), DECIMALS) for x in row] for row in directions.vectors],
    }
    write_text_whole(path, json.dumps(values) + "\n")
