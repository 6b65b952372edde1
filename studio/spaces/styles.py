"""Styles w: where designs of generators with a mapping network are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import cos, pi, sin

import numpy as np
import torch

from studio.directions import Directions
from studio.generators import Generator
from studio.generators.coded import CodedGenerator
from studio.inversion.packing import Packed, Packing
from studio.latents import of_seed
from studio.spaces.base import Space, Wish
from studio.words import Encoder

# The latents of a category's centre are one stream of a seed that no design has.
CENTRE_SEED = 2**32
SEEDS_KEPT = 4096
WISHES_KEPT = 256
PHOTOS_KEPT = 64
ANYTHING = Wish()


def mapped(
    generator: Generator, latents: np.ndarray, wish: Wish = ANYTHING, encoder: Encoder | None = None
) -> np.ndarray:
    """Styles (n, style_layers, style_dim) of latents (n, latent_dim) as wished, both float32."""
    z = torch.tensor(latents)
    with torch.inference_mode():
        if not generator.words:
            labels = torch.full((len(z),), wish.label) if generator.classes else None
            styles = generator.map(z, labels)
        else:
            assert encoder is not None, "a generator of words comes with what reads them"
            vectors = torch.from_numpy(encoder.vector(wish.text)).expand(len(z), -1)
            styles = generator.guided(z, vectors, wish.guidance)
        return generator.per_layer(styles).numpy()


def centres(
    generator: Generator, latents: np.ndarray, wish: Wish = ANYTHING, encoder: Encoder | None = None
) -> np.ndarray:
    """What truncation draws the styles of latents (n, latent_dim) towards, as :func:`mapped`'s.

    Where the generator knows in the middle of what a latent lies (:meth:`Generator.middle`), that
    is drawn towards, and else the mean of a wish's styles. Whatever truncates takes it from here,
    so that one psi means one picture.
    """
    middle = generator.middle(torch.tensor(latents))
    if middle is not None:
        return mapped(generator, middle.numpy(), wish, encoder)
    centre, _ = centre_and_deviation(generator, wish, encoder)
    return np.broadcast_to(centre, (len(latents), *centre.shape))


def centre_and_deviation(
    generator: Generator, wish: Wish = ANYTHING, encoder: Encoder | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Where styles of a wish lie, and how far around: float32 (style_layers, style_dim) each."""
    stream = np.random.Generator(np.random.PCG64(CENTRE_SEED))
    size = generator.centre_samples, generator.latent_dim
    latents = stream.standard_normal(size).astype(np.float32)
    styles = mapped(generator, latents, wish, encoder).astype(np.float64)
    return styles.mean(0).astype(np.float32), styles.std(0).astype(np.float32)


@dataclass(frozen=True)
class Spot:
    """A place among styles.

    Args:
        styles, centre: one for each layer, float32 (style_layers, style_dim), and what truncation
            draws it towards.
        shares: how much of each wish is in each layer, (style_layers, 1).
        remainder: of photos in it, see :meth:`Space.remainder`; None where there are none.
        latent: float32 (latent_dim,), of a design that nothing but a seed and variations made.
    """

    styles: np.ndarray
    centre: np.ndarray
    shares: Mapping[Wish, np.ndarray]
    remainder: np.ndarray | None = None
    latent: np.ndarray | None = None


class StyleSpace(Space):
    """Styles w, each layer with its own: blends are straight lines there (Karras et al., 2019).

    The average, from which truncation and variations are counted, is the centre of a category or
    a text, or of the part of them that a seed is of; a blend of two has a blend of their centres. A
    photo is its own: truncation leaves it as it is, and variations begin at it. Where nothing whole
    lies between styles (:attr:`Generator.whole_between`), seeds are truncated and varied by their
    latents, whose average is 0.
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
        self.centre = lru_cache(SEEDS_KEPT)(self._centre)
        self.around = lru_cache(WISHES_KEPT)(self._around)
        self.unpacked = lru_cache(PHOTOS_KEPT)(self._unpacked)

    def start(self, seed: int, wish: Wish) -> Spot:
        share = np.ones((self.generator.style_layers, 1), np.float32)
        latent = of_seed(seed, self.generator.latent_dim)
        return Spot(self.mapped(seed, wish), self.centre(seed, wish), {wish: share}, latent=latent)

    def of_photo(self, photo: str, wish: Wish) -> Spot:
        if not isinstance(self.generator, CodedGenerator):
            return super().of_photo(photo, wish)
        found = self.unpacked(photo)
        styles = np.tile(found.style, (self.generator.style_layers, 1))
        share = np.ones((len(styles), 1), np.float32)
        return Spot(styles, styles, {wish: share}, found.remainder)

    def remainder(self, place: Spot) -> np.ndarray | None:
        return None if place.remainder is None else place.remainder.astype(np.float32)

    def between(self, first: Spot, second: Spot, amount: float, surface: float) -> Spot:
        amounts = np.full((self.generator.style_layers, 1), surface, np.float32)
        amounts[: self.generator.coarse_layers] = amount
        shares = {wish: (1 - amounts) * share for wish, share in first.shares.items()}
        for wish, share in second.shares.items():
            shares[wish] = shares.get(wish, 0) + amounts * share
        styles, centre = (
            one + amounts * (other - one)
            for one, other in ((first.styles, second.styles), (first.centre, second.centre))
        )
        # Of the shape's share: it is where the thing is, and what is on it there.
        remainder = None
        for spot, part in ((first, 1 - amount), (second, amount)):
            if spot.remainder is not None:
                remainder = part * spot.remainder + (0 if remainder is None else remainder)
        return Spot(styles, centre, shares, remainder)

    def varied(self, place: Spot, seed: int, amount: float) -> Spot:
        """Turns what sets the place apart from its centre towards what sets the seed apart.

        Both are independent, with one covariance C about the centre. So cos a of one and sin a of
        the other have the covariance (cos^2 a + sin^2 a) C = C: designs vary as far from the centre
        as those of seeds, in every direction, after any number of steps.

        Where nothing whole lies between styles, latents turn so instead, which have a mean of 0.
        """
        angle = amount * pi / 2
        own = self._own_latent(place)
        if own is not None:
            other = of_seed(seed, self.generator.latent_dim)
            return self._of_latent(place, cos(angle) * own + sin(angle) * other)
        towards = mixed(
            place.shares, lambda wish: self.mapped(seed, wish) - self.centre(seed, wish)
        )
        apart = place.styles - place.centre
        return replace(place, styles=place.centre + cos(angle) * apart + sin(angle) * towards)

    def truncated(self, place: Spot, psi: float) -> Spot:
        own = self._own_latent(place)
        if own is not None and psi != 1:
            return self._of_latent(place, psi * own)
        # Written so that a psi of 1 changes nothing at all.
        return replace(place, styles=place.styles + (psi - 1) * (place.styles - place.centre))

    def moved(self, place: Spot, index: int, steps: float) -> Spot:
        styles = place.styles.copy()
        styles += steps * self.directions.vectors[index]
        return replace(place, styles=styles)

    def shifted(self, place: Spot, index: int, steps: float) -> Spot:
        deviation = mixed(place.shares, lambda wish: self.around(wish)[1])[:, index]
        styles = place.styles.copy()
        styles[:, index] += steps * deviation
        return replace(place, styles=styles)

    def surroundings(self, place: Spot) -> tuple[np.ndarray, np.ndarray]:
        deviation = mixed(place.shares, lambda wish: self.around(wish)[1])
        return place.centre.astype(np.float32), deviation.astype(np.float32)

    def styles(self, place: Spot) -> np.ndarray:
        return place.styles.astype(np.float32)

    @cached_property
    def packing(self) -> Packing:
        """How photos of a coded generator are packed; made when the first comes."""
        assert isinstance(self.generator, CodedGenerator), "others have no codes"
        return Packing(self.generator)

    def _unpacked(self, photo: str) -> Packed:
        return self.packing.unpack(photo)

    def _of_latent(self, place: Spot, latent: np.ndarray) -> Spot:
        """A seed's place, made of another latent (latent_dim,)."""
        latents, (wish,) = latent[None].astype(np.float32), place.shares
        styles = mapped(self.generator, latents, wish, self.encoder)[0]
        return replace(place, styles=styles, latent=latents[0])

    def _own_latent(self, place: Spot) -> np.ndarray | None:
        """What a place is truncated and varied by, where its styles are not."""
        return None if self.generator.whole_between else place.latent

    def _mapped(self, seed: int, wish: Wish) -> np.ndarray:
        """The styles of a seed, drawn as wished: float32 (style_layers, style_dim)."""
        latents = of_seed(seed, self.generator.latent_dim)[None]
        return mapped(self.generator, latents, wish, self.encoder)[0]

    def _centre(self, seed: int, wish: Wish) -> np.ndarray:
        """What truncation draws the styles of a seed towards, of the same shape."""
        if self.generator.middle(torch.zeros(1, self.generator.latent_dim)) is None:
            return self.around(wish)[0]
        latents = of_seed(seed, self.generator.latent_dim)[None]
        return centres(self.generator, latents, wish, self.encoder)[0]

    def _around(self, wish: Wish) -> tuple[np.ndarray, np.ndarray]:
        return centre_and_deviation(self.generator, wish, self.encoder)


def mixed(shares: Mapping[Wish, np.ndarray], of_wish: Callable[[Wish], np.ndarray]) -> np.ndarray:
    """Vectors (style_layers, style_dim) of wishes, mixed in each layer: of the same shape."""
    return sum(share * of_wish(wish) for wish, share in shares.items())
