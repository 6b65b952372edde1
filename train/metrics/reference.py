"""The real images' side of a measurement: nothing of it depends on the generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.metrics.copies import Originals
from train.metrics.distances import frechet_distance, kernel_distance
from train.metrics.diversity import diversity
from train.metrics.features import Features
from train.metrics.neighbours import neighbours
from train.metrics.store import Arrays, Store, key_of

MAX_IMAGES = 5000  # that generated images are compared with
MAX_TRAINING = 10_000  # that copies are looked for among
VERSION = 1  # of what is kept on disk
FLOOR = "floor_"  # before the names of floors there


@dataclass(frozen=True, eq=False)
class Reference:
    """Real images as the measures see them.

    Attributes:
        features: of the images that generated ones are compared with, float32 (N, D).
        originals: the images that copies are looked for among; those above are the first of them.
        floors: by the name of a measure, what two halves of the images get for it.
    """

    features: np.ndarray
    originals: Originals
    floors: dict[str, float]

    @classmethod
    def of(
        cls,
        images: Tensor,
        network: Features,
        *,
        seed: int = 0,
        store: Store | None = None,
        progress: bool = False,
    ) -> Reference:
        """Measure ``images``, uint8 (N, C, H, W) with N >= 8, or take it from ``store``.

        Of more than 5,000 images a random subset is compared with, and of more than 10,000 one is
        searched for copies; ``seed`` chooses them.

        Raises:
            MetricsError: the images are of another type or shape.
        """
        order = order_of(len(images), seed)
        count = min(len(order), MAX_IMAGES)

        def compute() -> Arrays:
            chosen = images[torch.from_numpy(order).to(images.device)]
            features = network(chosen, progress=progress)
            originals = Originals.of(features, network(chosen.flip(3), progress=progress))
            floors = floors_of(features[:count], seed)
            return {
                "features": features,
                "flipped": originals.flipped,
                "units": originals.units,
                "copies": np.array([originals.limit, originals.floor]),
                **{FLOOR + name: np.array([value]) for name, value in floors.items()},
            }

        limits = f"{MAX_IMAGES} {MAX_TRAINING}"
        key = key_of("reference", VERSION, limits, network.protocol, seed, images)
        found = (store or Store()).get("real", key, compute)
        limit, floor = found["copies"].tolist()
        originals = Originals(found["features"], found["flipped"], found["units"], limit, floor)
        floors = {
            name.removeprefix(FLOOR): value.item()
            for name, value in found.items()
            if name.startswith(FLOOR)
        }
        return cls(originals.features[:count], originals, floors)


def order_of(count: int, seed: int) -> np.ndarray:
    """Which of ``count`` real images are used: int64, at most 10,000, in random order.

    Generated images are compared with the first 5,000 of them.
    """
    return np.random.default_rng(seed).permutation(count)[:MAX_TRAINING]


def floors_of(features: np.ndarray, seed: int) -> dict[str, float]:
    """What the second half of ``features`` gets for each measure against the first.

    They are in random order. These floors are pessimistic: half the images make distances larger
    and neighbours farther apart.
    """
    half = len(features) // 2
    return between(features[:half], features[half : 2 * half], seed)


def between(real: np.ndarray, fake: np.ndarray, seed: int) -> dict[str, float]:
    """Every measure that compares two sets of features, ``real`` (N, D) and ``fake`` (M, D).

    Both have at least 4 rows, in random order; ``seed`` chooses the kernel distance's subsets. The
    keys are those of :class:`train.metrics.quality.Quality`.

    Raises:
        MetricsError: the shapes do not fit, or a number is not finite.
    """
    kernel = kernel_distance(real, fake, seed=seed)
    return {
        "frechet": frechet_distance(real, fake),
        "kernel": kernel.mean,
        "kernel_deviation": kernel.deviation,
        **neighbours(real, fake)._asdict(),
        "diversity": diversity(real, fake),
    }
