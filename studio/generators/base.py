"""What every generator is: a network from a latent to an image, and how its output is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

# The value range of an image as a network's last activation leaves it.
RANGES: dict[str, tuple[float, float]] = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class Generator(nn.Module, ABC):
    """A network that draws an image from a latent vector.

    ``forward`` takes ``z`` of shape (batch, latent_dim), standard normal where it was trained, and
    returns images of shape (batch, channels, image_size, image_size) in ``value_range``.
    """

    kind: str

    def __init__(self, *, latent_dim: int, image_size: int, channels: int, output: str) -> None:
        super().__init__()
        if output not in RANGES:
            raise ValueError(f"Unknown output {output!r}; choose from {', '.join(RANGES)}.")
        if channels not in (1, 3):
            raise ValueError(f"Images have 1 or 3 channels, not {channels}.")
        if not 1 <= latent_dim <= 4096:
            raise ValueError(f"A latent has between 1 and 4096 values, not {latent_dim}.")
        self.latent_dim = latent_dim
        self.image_size = image_size
        self.channels = channels
        self.output = output

    @property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest value of a pixel in ``forward``'s result."""
        return RANGES[self.output]

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The JSON from which :func:`studio.generators.build` makes this network again."""


def to_uint8(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Map images from ``value_range`` to uint8 0..255, rounded to the nearest level and clipped."""
    low, high = value_range
    return ((images.float() - low) * (255.0 / (high - low))).round().clamp(0, 255).to(torch.uint8)


def from_uint8(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """The inverse of :func:`to_uint8`: uint8 0..255 to float32 in ``value_range``."""
    low, high = value_range
    return images.float().mul_((high - low) / 255.0).add_(low)
