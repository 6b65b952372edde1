"""The sliders: directions that change the picture most, and what to call them.

A slider moves a design along its direction in standard deviations.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    if vectors.ndim == 2:
        vectors = in_layers(vectors, values.get("layers"), generator.style_layers)
    shape = len(names), generator.style_layers, generator.style_dim
    if values["fingerprint"] != fingerprint or vectors.shape != shape:
        raise ValueError(f"{path} belongs to other weights.")
    if len(effects) != len(names) or not np.isfinite(vectors).all():
        raise ValueError(f"{path} is damaged.")
    return Directions(vectors, names, effects)


def in_layers(
    vectors: np.ndarray, layers: Sequence[tuple[int, int]] | None, count: int
) -> np.ndarray:
    """Vectors (n, style_dim) of a file from before each layer had its own: (n, count, style_dim).

    Each was the same in all ``layers`` from the first to before the end, which the first such files
    did not name.

    Raises:
        ValueError, TypeError: they are damaged.
    """
    result = np.zeros((len(vectors), count, vectors.shape[1]), np.float32)
    layers = [(0, count)] * len(vectors) if layers is None else layers
    for each, vector, (first, end) in zip(result, vectors, layers, strict=True):
        if not 0 <= first < end <= count:
            raise ValueError("A direction acts on layers that are not there.")
        each[first:end] = vector
    return result


def write(path: Path, directions: Directions, fingerprint: str) -> None:
    """Cache directions beside the weights they belong to, whole."""
    values = {
        "fingerprint": fingerprint,
        "names": directions.names,
        "effects": directions.effects,
        "vectors": [
            [[round(float(x), DECIMALS) for x in layer] for layer in vector]
            for vector in directions.vectors
        ],
    }
    write_text_whole(path, json.dumps(values) + "\n")
