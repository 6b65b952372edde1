"""What every space does: put a design together from its parts, in one order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.checkpoint import listed
from studio.design import Design, DesignError, PhotoError


@dataclass(frozen=True)
class Wish:
    """What a design asks its generator for: a category, or words and how closely to follow them."""

    label: int = 0
    text: str = ""
    guidance: float = 1.0


class Space(ABC):
    """Puts designs of one generator together.

    A *place* is where a design is half-way; its type is the space's own.

    Args:
        sliders: how many direction sliders the generator has.
        dimensions: how many fine controls.
        apart: whether shape and surface can be blended apart.
        classes: names of its categories; empty if there are none.
        worded: whether it draws by words.
    """

    def __init__(
        self,
        sliders: int,
        dimensions: int,
        *,
        apart: bool = False,
        classes: Sequence[str] = (),
        worded: bool = False,
    ) -> None:
        self.sliders, self.dimensions = sliders, dimensions
        self.apart, self.classes, self.worded = apart, classes, worded

    def of_design(self, design: Design) -> np.ndarray:
        """What a design is drawn from: float32 (style_dim,) or (style_layers, style_dim).

        Raises:
            DesignError: the design uses a slider, a category, words or a way of blending that the
                generator does not have. A :class:`PhotoError`: it is of a photo that is not for
                this generator.
        """
        return self.styles(self.place(design))

    def place(self, design: Design) -> Any:
        """The place of a design, all its parts in order.

        Raises:
            DesignError: as :meth:`of_design` says.
        """
        wish = self.checked_wish(design)
        if design.blend:
            first, second = (self.place(parent) for parent in design.blend[:2])
            if len(set(design.amounts)) > 1 and not self.apart:
                raise DesignError(
                    "This generator draws shape and surface in one; they can't be blended apart."
                )
            place = self.between(first, second, *design.amounts)
        elif design.photo:
            place = self.of_photo(design.photo, wish)
        else:
            place = self.start(design.seed, wish)
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

    def checked_wish(self, design: Design) -> Wish:
        label = design.label
        if label is not None and not self.classes:
            raise DesignError("This generator has no categories; the design is of one.")
        if label is not None and label >= len(self.classes):
            raise DesignError(f"This generator's categories are {listed(self.classes)}.")
        if design.text and not self.worded:
            raise DesignError("This generator does not draw by words; the design has some.")
        return Wish(label or 0, design.text, design.guidance if design.text else 1.0)

    @abstractmethod
    def start(self, seed: int, wish: Wish) -> Any:
        """The place of a seed alone, drawn as wished."""

    def of_photo(self, photo: str, wish: Wish) -> Any:
        """The place of a photo, as a design holds it, that is of what is wished for.

        Raises:
            PhotoError: the generator draws no photos, or not this one.
        """
        raise PhotoError("This generator does not draw photos; the design is of one.")

    def remainder(self, place: Any) -> np.ndarray | None:
        """What a place's picture has besides its styles, where there are photos in it.

        It is added to the code, float32 (code_channels, code_size, code_size).
        """
        return None

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
    def surroundings(self, place: Any) -> tuple[np.ndarray, np.ndarray]:
        """What truncation draws a place towards, and how far a step of each value is.

        Both are shaped as :meth:`styles` are.
        """

    @abstractmethod
    def styles(self, place: Any) -> np.ndarray:
        """What the generator draws a place from."""
