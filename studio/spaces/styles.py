"""Styles w: where designs of generators with a mapping network are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import cos, pi, sin

import numpy as np
import torch
from torch import Tensor

from studio.directions import Directions
from studio.generators import Generator
from studio.latents import of_seed
from studio.spaces.base import Space, Wish
from studio.words import Encoder

# A category's centre is the mean of this many styles. Their latents are one stream of a seed that
# no design has.
CENTRE_SAMPLES = 1024
CENTRE_SEED = 2**32
SEEDS_KEPT = 4096
WISHES_KEPT = 256
ANYTHING = Wish()


def mapped(
    generator: Generator, latents: np.ndarray, wish: Wish = ANYTHING, encoder: Encoder | None = None
) -> np.ndarray:
    """The styles (n, style_dim) of latents (n, latent_dim) as wished, both float32."""
    z = torch.tensor(latents)
    with torch.inference_mode():
        if not generator.words:
            labels = torch.full((len(z),), wish.label) if generator.classes else None
            return generator.map(z, labels).numpy()
        vectors = torch.from_numpy(encoder.vector(wish.text)).expand(len(z), -1)
        return guided(generator, z, vectors, wish.guidance).numpy()


def guided(generator: Generator, z: Tensor, vectors: Tensor, guidance: float) -> Tensor:
    """The styles (n, style_dim) of latents (n, latent_dim) by the vectors (n, words) of texts.

    A guidance other than 1 extrapolates along the line from the style without words, in the manner
    of classifier-free guidance (Ho and Salimans, 2022): 0 does not heed them.
    """
    told = generator.map(z, vectors)
    if guidance == 1:
        return told
    free = generator.map(z, torch.zeros_like(vectors))
    return free + guidance * (told - free)


def centre_and_deviation(
    generator: Generator, wish: Wish = ANYTHING, encoder: Encoder | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Where the styles of a wish lie, and how far around: float32 (style_dim,) each.

    The centre is what truncation draws a mapped generator's styles towards; whatever truncates
    takes it from here, so that one psi means one picture.
    """
    stream = np.random.Generator(np.random.PCG64(CENTRE_SEED))
    latents = stream.standard_normal((CENTRE_SAMPLES, generator.latent_dim)).astype(np.float32)
    styles = mapped(generator, latents, wish, encoder).astype(np.float64)
    return styles.mean(0).astype(np.float32), styles.std(0).astype(np.float32)


@dataclass(frozen=True)
class Spot:
    """A place among styles.

    Args:
        styles: one for each layer, float32 (style_layers, style_dim).
        shares: how much of each wish is in each layer, (style_layers, 1).
    """

    styles: np.ndarray
    shares: Mapping[Wish, np.ndarray]


class StyleSpace(Space):
    """Styles w, each layer with its own: blends are straight lines there (Karras et al., 2019).

    The average, from which truncation and variations are counted, is the centre of a category or
    a text; a blend of two has a blend of their centres.
    """

    def __init__(
        self,
        generator: Generator,
        directions: Directions,
        classes: Sequence[str] = (),
        encoder: Encoder | None = None,
    ) -> None:
        super().__init__(
            len(directions.vectors),
            generator.style_dim,
            apart=generator.style_layers > 1,
            classes=classes,
            worded=encoder is not None,
        )
        self.generator, self.directions, self.encoder = generator, directions, encoder
        self.mapped = lru_cache(SEEDS_KEPT)(self._mapped)
        self.around = lru_cache(WISHES_KEPT)(self._around)

    def start(self, seed: int, wish: Wish) -> Spot:
        layers = self.generator.style_layers
        styles = np.tile(self.mapped(seed, wish), (layers, 1))
        return Spot(styles, {wish: np.ones((layers, 1), np.float32)})

    def between(self, first: Spot, second: Spot, amount: float, surface: float) -> Spot:
        amounts = np.full((self.generator.style_layers, 1), surface, np.float32)
        amounts[: self.generator.coarse_layers] = amount
        shares = {wish: (1 - amounts) * share for wish, share in first.shares.items()}
        for wish, share in second.shares.items():
            shares[wish] = shares.get(wish, 0) + amounts * share
        return Spot(first.styles + amounts * (second.styles - first.styles), shares)

    def varied(self, place: Spot, seed: int, amount: float) -> Spot:
        """Turns what sets the place apart from its centre towards what sets the seed apart.

        Both are independent, with one covariance C about the centre. So cos a of one and sin a of
        the other have the covariance (cos^2 a + sin^2 a) C = C: designs vary as far from the centre
        as those of seeds, in every direction, after any number of steps.
        """
        angle = amount * pi / 2
        centre = mixed(place.shares, lambda wish: self.around(wish)[0])
        towards = mixed(place.shares, lambda wish: self.mapped(seed, wish) - self.around(wish)[0])
        apart = place.styles - centre
        return replace(place, styles=centre + cos(angle) * apart + sin(angle) * towards)

    def truncated(self, place: Spot, psi: float) -> Spot:
        centre = mixed(place.shares, lambda wish: self.around(wish)[0])
        # Written so that a psi of 1 changes nothing at all.
        return replace(place, styles=place.styles + (psi - 1) * (place.styles - centre))

    def moved(self, place: Spot, index: int, steps: float) -> Spot:
        styles = place.styles.copy()
        styles[slice(*self.directions.layers[index])] += steps * self.directions.vectors[index]
        return replace(place, styles=styles)

    def shifted(self, place: Spot, index: int, steps: float) -> Spot:
        deviation = mixed(place.shares, lambda wish: self.around(wish)[1])[:, index]
        styles = place.styles.copy()
        styles[:, index] += steps * deviation
        return replace(place, styles=styles)

    def surroundings(self, place: Spot) -> tuple[np.ndarray, np.ndarray]:
        centre, deviation = (
            mixed(place.shares, lambda wish, part=part: self.around(wish)[part]) for part in (0, 1)
        )
        return centre.astype(np.float32), deviation.astype(np.float32)

    def styles(self, place: Spot) -> np.ndarray:
        return place.styles.astype(np.float32)

    def _mapped(self, seed: int, wish: Wish) -> np.ndarray:
        """The style of a seed, drawn as wished: float32 (style_dim,)."""
        latents = of_seed(seed, self.generator.latent_dim)[None]
        return mapped(self.generator, latents, wish, self.encoder)[0]

    def _around(self, wish: Wish) -> tuple[np.ndarray, np.ndarray]:
        return centre_and_deviation(self.generator, wish, self.encoder)


def mixed(shares: Mapping[Wish, np.ndarray], of_wish: Callable[[Wish], np.ndarray]) -> np.ndarray:
    """Vectors (style_dim,) of wishes, mixed in each layer: (style_layers, style_dim)."""
    return sum(share * of_wish(wish) for wish, share in shares.items())
