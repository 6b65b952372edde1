"""From a design to what its picture is drawn from: a latent z or, with a mapping network, styles w.

Both spaces put a design together in the same order; what each step means differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import cos, pi, sin
from typing import Any

import numpy as np
import torch

from studio.checkpoint import listed
from studio.design import Design, DesignError
from studio.directions import Directions
from studio.generators import Generator
from studio.latents import of_seed, slerp

# A category's centre is the mean of this many styles. Their latents are one stream of a seed that
# no design has.
CENTRE_SAMPLES = 1024
CENTRE_SEED = 2**32
SEEDS_KEPT = 4096


def mapped(generator: Generator, latents: np.ndarray, label: int = 0) -> np.ndarray:
    """The styles (n, style_dim) of latents (n, latent_dim) in a category, both float32."""
    labels = torch.full((len(latents),), label) if generator.classes else None
    with torch.inference_mode():
        return generator.map(torch.tensor(latents), labels).numpy()


def category(generator: Generator, label: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A category's centre and the standard deviation of every value: float32 (style_dim,) each.

    The centre is what truncation draws a mapped generator's styles towards; whatever truncates
    takes it from here, so that one psi means one picture.
    """
    stream = np.random.Generator(np.random.PCG64(CENTRE_SEED))
    latents = stream.standard_normal((CENTRE_SAMPLES, generator.latent_dim)).astype(np.float32)
    styles = mapped(generator, latents, label).astype(np.float64)
    return styles.mean(0).astype(np.float32), styles.std(0).astype(np.float32)


def of_generator(generator: Generator, directions: Directions, classes: Sequence[str]) -> Space:
    """The space in which a generator's designs are put together; ``classes`` are their names."""
    if generator.mapped:
        return StyleSpace(generator, directions, classes)
    return LatentSpace(generator.latent_dim, directions.vectors)


class Space(ABC):
    """Puts designs of one generator together.

    A *place* is where a design is half-way; its type is the space's own.

    Args:
        sliders: how many direction sliders the generator has.
        dimensions: how many fine controls.
        apart: whether shape and surface can be blended apart.
        classes: names of its categories; empty if there are none.
    """

    def __init__(
        self, sliders: int, dimensions: int, *, apart: bool = False, classes: Sequence[str] = ()
    ) -> None:
        self.sliders, self.dimensions = sliders, dimensions
        self.apart, self.classes = apart, classes

    def of_design(self, design: Design) -> np.ndarray:
        """What a design is drawn from: float32 (style_dim,) or (style_layers, style_dim).

        Raises:
            DesignError: the design uses a slider, a category or a way of blending that the
                generator does not have.
        """
        return self.styles(self.place(design))

    def place(self, design: Design) -> Any:
        """The place of a design, all its parts in order."""
        label = self.checked_label(design.label)
        if design.blend:
            first, second = (self.place(parent) for parent in design.blend[:2])
            if len(set(design.amounts)) > 1 and not self.apart:
                raise DesignError(
                    "This generator draws shape and surface in one; they can't be blended apart."
                )
            place = self.between(first, second, *design.amounts)
        else:
            place = self.start(design.seed, label)
        for seed, amount in design.variations:
            place = self.varied(place, seed, amount)
        place = self.truncated(place, design.truncation)
        for index, steps in design.directions:
            if index >= self.sliders:
                raise DesignError(
                    f"This generator has {self.sliders} sliders; the design moves another."
                )
            place = self.moved(place, index, steps)
        for index, steps in design.dimensions:
            if index >= self.dimensions:
                raise DesignError(
                    f"This generator has {self.dimensions} fine controls, not {index + 1}."
                )
            place = self.shifted(place, index, steps)
        return place

    def checked_label(self, label: int | None) -> int:
        if label is not None and not self.classes:
            raise DesignError("This generator has no categories; the design is of one.")
        if label is not None and label >= len(self.classes):
            raise DesignError(f"This generator's categories are {listed(self.classes)}.")
        return label or 0

    @abstractmethod
    def start(self, seed: int, label: int) -> Any:
        """The place of a seed alone."""

    @abstractmethod
    def between(self, first: Any, second: Any, amount: float, surface: float) -> Any:
        """The place ``amount`` (0..1) of the way between two, the surface ``surface`` of it."""

    @abstractmethod
    def varied(self, place: Any, seed: int, amount: float) -> Any:
        """The place moved by ``amount`` (0..1 of the arc) towards a seed's."""

    @abstractmethod
    def truncated(self, place: Any, psi: float) -> Any:
        """The place at ``psi`` of its distance from the average."""

    @abstractmethod
    def moved(self, place: Any, index: int, steps: float) -> Any:
        """The place moved along a direction, in standard deviations."""

    @abstractmethod
    def shifted(self, place: Any, index: int, steps: float) -> Any:
        """The place with one value shifted, in standard deviations."""

    @abstractmethod
    def styles(self, place: Any) -> np.ndarray:
        """What the generator draws a place from."""


class LatentSpace(Space):
    """Latents, which are standard normal: blends and variations follow the sphere they live near.

    ``directions`` are unit vectors (count, latent_dim). A place is a latent, float32 (latent_dim,).
    """

    def __init__(self, latent_dim: int, directions: np.ndarray) -> None:
        super().__init__(len(directions), latent_dim)
        self.directions = directions

    def start(self, seed: int, label: int) -> np.ndarray:
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

    def styles(self, place: np.ndarray) -> np.ndarray:
        return place.astype(np.float32)


@dataclass(frozen=True)
class Spot:
    """A place among styles.

    Args:
        styles: one for each layer, float32 (style_layers, style_dim).
        shares: how much of each category is in each layer, (style_layers, max(1, classes)).
    """

    styles: np.ndarray
    shares: np.ndarray


class StyleSpace(Space):
    """Styles w, each layer with its own: blends are straight lines there (Karras et al., 2019).

    The average, from which truncation and variations are counted, is a category's centre; a blend
    of two categories has a blend of their centres.
    """

    def __init__(
        self, generator: Generator, directions: Directions, classes: Sequence[str] = ()
    ) -> None:
        super().__init__(
            len(directions.vectors),
            generator.style_dim,
            apart=generator.style_layers > 1,
            classes=classes,
        )
        self.generator, self.directions = generator, directions
        self.mapped = lru_cache(SEEDS_KEPT)(self._mapped)
        self.category = lru_cache(None)(partial(category, generator))

    def start(self, seed: int, label: int) -> Spot:
        layers = self.generator.style_layers
        shares = np.zeros((layers, max(1, len(self.classes))), np.float32)
        shares[:, label] = 1
        return Spot(np.tile(self.mapped(seed, label), (layers, 1)), shares)

    def between(self, first: Spot, second: Spot, amount: float, surface: float) -> Spot:
        amounts = np.full((self.generator.style_layers, 1), surface, np.float32)
        amounts[: self.generator.coarse_layers] = amount
        return Spot(
            first.styles + amounts * (second.styles - first.styles),
            first.shares + amounts * (second.shares - first.shares),
        )

    def varied(self, place: Spot, seed: int, amount: float) -> Spot:
        """Turns what sets the place apart from its centre towards what sets the seed apart.

        Both are independent, with one covariance C about the centre. So cos a of one and sin a of
        the other have the covariance (cos^2 a + sin^2 a) C = C: designs vary as far from the centre
        as those of seeds, in every direction, after any number of steps.
        """
        angle = amount * pi / 2
        centre = self.mixed(place.shares, lambda label: self.category(label)[0])
        towards = self.mixed(
            place.shares, lambda label: self.mapped(seed, label) - self.category(label)[0]
        )
        apart = place.styles - centre
        return replace(place, styles=centre + cos(angle) * apart + sin(angle) * towards)

    def truncated(self, place: Spot, psi: float) -> Spot:
        centre = self.mixed(place.shares, lambda label: self.category(label)[0])
        # Written so that a psi of 1 changes nothing at all.
        return replace(place, styles=place.styles + (psi - 1) * (place.styles - centre))

    def moved(self, place: Spot, index: int, steps: float) -> Spot:
        styles = place.styles.copy()
        styles[slice(*self.directions.layers[index])] += steps * self.directions.vectors[index]
        return replace(place, styles=styles)

    def shifted(self, place: Spot, index: int, steps: float) -> Spot:
        deviation = self.mixed(place.shares, lambda label: self.category(label)[1])[:, index]
        styles = place.styles.copy()
        styles[:, index] += steps * deviation
        return replace(place, styles=styles)

    def styles(self, place: Spot) -> np.ndarray:
        return place.styles.astype(np.float32)

    def mixed(self, shares: np.ndarray, of_label: Callable[[int], np.ndarray]) -> np.ndarray:
        """Vectors (style_dim,) of categories, mixed in each layer: (style_layers, style_dim)."""
        labels = np.flatnonzero(shares.any(0)).tolist()
        return sum(shares[:, [label]] * of_label(label) for label in labels)

    def _mapped(self, seed: int, label: int) -> np.ndarray:
        """The style of a seed in a category: float32 (style_dim,)."""
        return mapped(self.generator, of_seed(seed, self.generator.latent_dim)[None], label)[0]
