"""Latents: the standard normal vector of a seed, and the arc between two."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=4096)
def of_seed(seed: int, latent_dim: int) -> np.ndarray:
    """The standard normal latent of a seed: float32 (latent_dim,), the same on every machine.

    NumPy's PCG64 stream is fixed by its documentation, unlike torch's, which differs by device.
    """
    latent = np.random.Generator(np.random.PCG64(seed)).standard_normal(latent_dim)
    latent = latent.astype(np.float32)
    latent.flags.writeable = False  # it is kept, and every caller gets this one
    return latent


def slerp(first: np.ndarray, second: np.ndarray, amount: float) -> np.ndarray:
    """Spherical interpolation (Shoemake, 1985) of two latents (latent_dim,), ``amount`` 0..1.

    Gaussian latents live near a sphere; a straight line between two would leave it and fade to the
    average picture in the middle (White, 2016). The length goes evenly from one to the other.
    """
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    if min(lengths) < 1e-6:
        return (1 - amount) * first + amount * second
    a, b = first / lengths[0], second / lengths[1]
    angle = math.acos(float(np.clip(a @ b, -1.0, 1.0)))
    if math.sin(angle) < 1e-4:  # the same or opposite directions: no arc is the shortest
        return (1 - amount) * first + amount * second
    arc = math.sin((1 - amount) * angle) * a + math.sin(amount * angle) * b
    length = (1 - amount) * lengths[0] + amount * lengths[1]
    return (arc / math.sin(angle) * length).astype(np.float32)
