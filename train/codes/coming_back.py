"""How far photos are from what comes back of them, once they were encoded and drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from studio.generators import Generator
from studio.generators.base import from_uint8
from train.codes.encoder import Encoder
from train.teachers.feature_distance import Look
from train.teachers.features import Eye

# What comes back is compared at its own size and at these parts of it, and by features, in terms
# of the spread of each channel in the photos.
SHRUNK = (2, 4, 8)
FEATURE_WEIGHT = 0.5
LEAST_SPREAD = 0.1
MEASURED_AT_ONCE = 50
OPPONENTS = ((1 / 3, 1 / 3, 1 / 3), (1.2, -1.2, 0.0), (0.7, 0.7, -1.4))


@dataclass(frozen=True)
class Differences:
    """Between photos and what comes back: of pixels, as :func:`opponents`, and of features; means.

    Pixels are in -1..1 and count at four sizes.
    """

    pixels: Tensor
    features: Tensor

    @property
    def loss(self) -> Tensor:
        """What is descended."""
        return self.pixels + FEATURE_WEIGHT * self.features

    @classmethod
    def between(cls, photos: Look, back: Look) -> Differences:
        """Of what is seen of both."""
        mine, real = opponents(back.pictures), opponents(photos.pictures)
        pixels = (mine - real).abs().mean()
        for factor in SHRUNK:
            pixels = pixels + (F.avg_pool2d(mine, factor) - F.avg_pool2d(real, factor)).abs().mean()
        features = [
            (
                (mine - real).abs().mean((0, 2, 3))
                / (real.std((0, 2, 3), correction=0) + LEAST_SPREAD)
            ).mean()
            for mine, real in zip(back.maps, photos.maps, strict=True)
        ]
        return cls(pixels, torch.stack(features).sum())


def opponents(pictures: Tensor) -> Tensor:
    """Colours (b, 3, s, s) as lightness, red against green, and yellow against blue; grey as it is.

    In red, green and blue most of a difference is one of lightness, and what comes back of a few
    bright things among many dark ones is dull.
    """
    if pictures.shape[1] == 1:
        return pictures
    return torch.einsum("oc,bcij->boij", pictures.new_tensor(OPPONENTS), pictures)


@torch.no_grad()
def measured(
    generator: Generator, encoder: Encoder, images: Tensor, seen: Tensor, eye: Eye
) -> tuple[Tensor, float, float]:
    """How photos that were not learnt from come back.

    Args:
        images: uint8 (n, C, S, S); ``seen`` of them is (n, d).

    Returns:
        What comes back, in -1..1, and the mean differences of pixels and of features.
    """
    back, pixels, features = [], 0.0, 0.0
    for some, rows in zip(
        images.split(MEASURED_AT_ONCE), seen.split(MEASURED_AT_ONCE), strict=True
    ):
        photos = from_uint8(some.to(eye.hardware.device), (-1.0, 1.0))
        drawn = in_unit_range(
            generator.draw(encoder(rows.to(eye.hardware.device).float())), generator
        )
        found = Differences.between(Look(photos, eye(photos)), Look(drawn, eye(drawn)))
        pixels += found.pixels.item() * len(some)
        features += found.features.item() * len(some)
        back.append(drawn.cpu())
    return torch.cat(back), pixels / len(images), features / len(images)


def in_unit_range(pictures: Tensor, generator: Generator) -> Tensor:
    """Pictures of a generator in -1..1, float32."""
    low, high = generator.value_range
    return (pictures.float() - low) * (2 / (high - low)) - 1
