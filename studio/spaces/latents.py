"""Latents z: where designs of generators without a mapping network are put together."""

from __future__ import annotations

import numpy as np

from studio.latents import of_seed, slerp
from studio.spaces.base import Space, Wish


class LatentSpace(Space):
    """Latents, which are standard normal: blends and variations follow the sphere they live near.

    ``directions`` are unit vectors (count, latent_dim). A place is a latent, float32 (latent_dim,).
    """

    def __init__(self, latent_dim: int, directions: np.ndarray) -> None:
        super().__init__(len(directions), latent_dim)
        self.directions = directions

    def start(self, seed: int, wish: Wish) -> np.ndarray:
        return of_seed(seed, self.dimensions)

    def between(
        self, first: np.ndarray, second: np.ndarray, amount: float, surface: float
    ) -> np.ndarray:
        return slerp(first, second, amount)

    def varied(self, place: np.ndarray, seed: int, amount: float) -> np.ndarray:
        return slerp(place, of_seed(seed, self.dimensions), amount)

    def truncated(self, place: np.ndarray, psi: float) -> np.ndarray:
        return psi * place

    def moved(self, place: np.ndarray, index: int, steps: float) -> np.ndarray:
        return place + steps * self.directions[index]

    def shifted(self, place: np.ndarray, index: int, steps: float) -> np.ndarray:
        place = place.copy()
        place[index] += steps
        return place

    def surroundings(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(place), np.ones_like(place)

    def styles(self, place: np.ndarray) -> np.ndarray:
        return place.astype(np.float32)
