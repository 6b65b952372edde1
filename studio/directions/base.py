"""What sliders are, and how what they change in pictures is measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from studio import appearance
from studio.generators import Generator
from studio.generators.base import to_uint8

COUNT = 10
# A picture's coarse look: finer pixels only add noise to the estimate.
COARSE = 16
# How far a direction is tried out to find its name.
TRIAL_STEPS = 2.5
BATCH = 64
DECIMALS = 5


@dataclass(frozen=True)
class Directions:
    """A generator's sliders, strongest first.

    Args:
        vectors: what a standard deviation adds to the styles of all layers, float32 (count,
            style_layers, style_dim), zero in layers that it leaves alone; or to a latent, as one
            layer, and then of length 1 and mutually orthogonal, as latents are standard normal.
        names: what the picture becomes at the low and the high end of each.
        effects: root mean square change of a coarse pixel (0..1) per standard deviation.
    """

    vectors: np.ndarray
    names: tuple[tuple[str, str], ...]
    effects: tuple[float, ...]


def rounded(vectors: Tensor, names: list[tuple[str, str]], effects: Tensor) -> Directions:
    """Directions as they are kept: those just found equal those read again."""
    return Directions(
        vectors.numpy().round(DECIMALS).astype(np.float32),
        tuple(names),
        tuple(round(value, DECIMALS) for value in effects.tolist()),
    )


def drawn(generator: Generator, styles: Tensor) -> Tensor:
    """The uint8 pictures of a batch of styles."""
    return to_uint8(generator.draw(styles), generator.value_range)


def coarse_looks(generator: Generator, styles: Tensor) -> Tensor:
    """Pictures of styles as float (N, C * COARSE**2) in 0..1, shrunk by averaging."""
    return torch.cat([coarse_look(drawn(generator, batch)) for batch in styles.split(BATCH)])


def coarse_look(pictures: Tensor) -> Tensor:
    """uint8 pictures (N, C, H, W) as float (N, C * COARSE**2) in 0..1."""
    return adaptive_avg_pool2d(pictures.float() / 255, COARSE).flatten(1)


def traits(generator: Generator, styles: Tensor) -> Tensor:
    """The measured traits of the pictures of styles: float (N, len(appearance.TRAITS))."""
    return appearance.measure(torch.cat([drawn(generator, each) for each in styles.split(BATCH)]))


def named(changes: Tensor) -> list[int | None]:
    """Which trait names each direction: the one it changes most, if it changes it clearly.

    Each trait names one direction, the strongest that has no name yet. ``changes`` (count,
    len(appearance.TRAITS)) are, strongest first, those from the low to the high end of a trial, in
    the trait's standard deviations.
    """
    free = list(range(changes.shape[1]))
    found: list[int | None] = []
    for change in changes.abs().tolist():
        best = max(free, key=change.__getitem__, default=None)
        if best is None or change[best] < appearance.CLEAR_CHANGE:
            found.append(None)
            continue
        free.remove(best)
        found.append(best)
    return found


def ends(trait: int | None, index: int) -> tuple[str, str]:
    """What a slider's ends are called; what changes no trait clearly goes by its number."""
    return (f"Look {index + 1}", "") if trait is None else appearance.TRAITS[trait].ends
