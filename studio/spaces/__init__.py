"""From a design to what its picture is drawn from: a latent z or, with a mapping network, styles w.

Both spaces put a design together in the same order; what each step means differs.
"""

from __future__ import annotations

from collections.abc import Sequence

from studio.directions import Directions
from studio.generators import Generator
from studio.spaces.base import Space, Wish
from studio.spaces.latents import LatentSpace
from studio.spaces.styles import StyleSpace, centre_and_deviation, centres, mapped
from studio.words import Encoder

__all__ = ["Space", "Wish", "centre_and_deviation", "centres", "mapped", "of_generator"]


def of_generator(
    generator: Generator,
    directions: Directions,
    classes: Sequence[str] = (),
    encoder: Encoder | None = None,
) -> Space:
    """The space in which a generator's designs are put together.

    ``classes`` are the names of its categories, and ``encoder`` turns texts into its vectors.
    """
    if generator.mapped:
        return StyleSpace(generator, directions, classes, encoder)
    return LatentSpace(generator.latent_dim, directions.vectors[:, 0])
