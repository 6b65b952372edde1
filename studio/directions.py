"""The sliders: directions in the latent space that change the picture most, and what to call them.

A direction is a unit vector; a slider moves a design along it in standard deviations, because
latents are standard normal.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d

from studio import appearance
from studio.checkpoint import Checkpoint
from studio.files import write_text_whole
from studio.generators import Generator
from studio.generators.base import to_uint8

FILE = "directions.json"
COUNT = 10
SAMPLES = 2048
# A picture's coarse look: finer pixels only add noise to the estimate.
COARSE = 16
# How far and on how many designs a direction is tried out to find its name.
TRIAL_STEPS = 2.5
TRIAL_DESIGNS = 48
BATCH = 64
DECIMALS = 5


@dataclass(frozen=True)
class Directions:
    """A generator's sliders, strongest first.

    Args:
        vectors: unit vectors, float32 (count, latent_dim), mutually orthogonal.
        names: what the picture becomes at the low and the high end of each.
        effects: root mean square change of a coarse pixel (0..1) per standard deviation.
    """

    vectors: np.ndarray
    names: tuple[tuple[str, str], ...]
    effects: tuple[float, ...]


def of_checkpoint(checkpoint: Checkpoint, generator: Generator) -> Directions:
    """The directions of a checkpoint: cached, or found now and cached.

    A folder that can't be written to works too; the search is then repeated at the next start.
    """
    path = checkpoint.folder / FILE
    with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
        return read(path, checkpoint.fingerprint, generator.latent_dim)
    found = find(generator)
    with suppress(OSError):
        write(path, found, checkpoint.fingerprint)
    return found


@torch.inference_mode()
def find(generator: Generator, count: int = COUNT, seed: int = 0) -> Directions:
    """Find the ``count`` strongest directions of a generator, and name them by what they change.

    Pictures of random latents are shrunk and regressed on their latents; the right singular
    vectors of that linear map are the latent directions that change pictures most, strongest
    first. This is GANSpace's way from principal components of what a generator makes back to
    its latents (Härkönen et al., 2020), with pixels in place of activations, which needs no
    knowledge of the network.
    """
    random = torch.Generator().manual_seed(seed)
    latents = torch.randn(SAMPLES, generator.latent_dim, generator=random)
    looks = coarse_looks(generator, latents)
    looks -= looks.mean(0)
    response = torch.linalg.lstsq(latents, looks).solution.T  # (look, latent_dim)
    _, strengths, vectors = torch.linalg.svd(response, full_matrices=False)
    count = min(count, len(vectors))
    effects = strengths[:count] / looks.shape[1] ** 0.5
    vectors, names = name(generator, vectors[:count])
    return Directions(
        vectors.numpy().round(DECIMALS).astype(np.float32),
        names,
        tuple(round(value, DECIMALS) for value in effects.tolist()),
    )


def coarse_looks(generator: Generator, latents: torch.Tensor) -> torch.Tensor:
    """Pictures of latents as float (N, C * COARSE**2) in 0..1, shrunk by averaging."""
    looks = []
    for batch in latents.split(BATCH):
        pixels = to_uint8(generator(batch), generator.value_range).float() / 255
        looks.append(adaptive_avg_pool2d(pixels, COARSE).flatten(1))
    return torch.cat(looks)


def name(
    generator: Generator, vectors: torch.Tensor
) -> tuple[torch.Tensor, tuple[tuple[str, str], ...]]:
    """Name each direction by the measured trait it changes most, turned so that it grows.

    Each trait names one direction, the strongest that has no name yet; what changes no trait
    clearly is called by its number.
    """
    random = torch.Generator().manual_seed(1)
    latents = torch.randn(TRIAL_DESIGNS, generator.latent_dim, generator=random)
    spread = traits(generator, latents).std(0).clamp_min(1e-6)
    names: list[tuple[str, str]] = []
    turned = vectors.clone()
    free = list(range(len(appearance.TRAITS)))
    for index, vector in enumerate(vectors):
        step = TRIAL_STEPS * vector
        change = traits(generator, latents + step) - traits(generator, latents - step)
        change = change.mean(0) / spread
        best = max(free, key=lambda trait: abs(change[trait].item()), default=None)
        if best is None or abs(change[best].item()) < appearance.CLEAR_CHANGE:
            names.append((f"Look {index + 1}", ""))
            continue
        free.remove(best)
        names.append(appearance.TRAITS[best].ends)
        if change[best] < 0:
            turned[index] = -vector
    return turned, tuple(names)


def traits(generator: Generator, latents: torch.Tensor) -> torch.Tensor:
    """The measured traits of the pictures of latents: float (N, len(appearance.TRAITS))."""
    pixels = [to_uint8(generator(batch), generator.value_range) for batch in latents.split(BATCH)]
    return appearance.measure(torch.cat(pixels))


def read(path: Path, fingerprint: str, latent_dim: int) -> Directions:
    """Read cached directions.

    Raises:
        OSError, ValueError, KeyError, TypeError, OverflowError: there are none, they are damaged
            or of other weights.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    vectors = np.array(values["vectors"], np.float32)
    names = tuple((str(low), str(high)) for low, high in values["names"])
    effects = tuple(map(float, values["effects"]))
    if values["fingerprint"] != fingerprint or vectors.shape != (len(names), latent_dim):
        raise ValueError(f"{path} belongs to other weights.")
    if len(effects) != len(names) or not np.isfinite(vectors).all():
        raise ValueError(f"{path} is damaged.")
    return Directions(vectors, names, effects)


def write(path: Path, directions: Directions, fingerprint: str) -> None:
    """Cache directions beside the weights they belong to, whole."""
    values = {
        "fingerprint": fingerprint,
        "names": directions.names,
        "effects": directions.effects,
        "vectors": [[round(float(x), DECIMALS) for x in row] for row in directions.vectors],
    }
    write_text_whole(path, json.dumps(values) + "\n")
