"""What every generator is: a network from a latent to an image, and how its output is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

# The value range of an image as a network's last activation leaves it.
RANGES: dict[str, tuple[float, float]] = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "linear": (-1.0, 1.0),  # free to leave it
}
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}
MAX_CLASSES = 10_000
MAX_WORDS = 4_096


class Generator(nn.Module, ABC):
    """A network that draws an image from a latent vector, in two steps.

    :meth:`map` takes ``z`` of shape (batch, latent_dim), standard normal where it was trained, to a
    style (batch, style_dim); :meth:`draw` makes images (batch, channels, image_size, image_size) in
    ``value_range`` from it. A generator of the kinds from before 2018 has no mapping network: its
    style is its latent.

    Attributes:
        style_dim: length of a style.
        style_layers: how many layers take a style; where there are several, each may have its own.
        coarse_layers: how many of them, from the first, decide shapes rather than surfaces.
        classes: how many classes of images it tells apart; 0 if it takes no label.
        words: length of the vector of a text that it draws by; 0 if it takes none.
        mapped: whether it has a mapping network, so that designs are put together in its styles.
        whole_between: whether what lies between two styles is drawn whole. Where it isn't, designs
            are calmed and varied by their latents instead.
        centre_samples: styles whose mean is where a category's or a text's styles lie.
    """

    kind: str
    style_layers = 1
    coarse_layers = 1
    classes = 0
    words = 0
    mapped = False
    whole_between = True
    centre_samples = 1024

    def __init__(self, *, latent_dim: int, image_size: int, channels: int, output: str) -> None:
        super().__init__()
        if output not in RANGES:
            raise ValueError(f"Unknown output {output!r}; choose from {', '.join(RANGES)}.")
        if channels not in (1, 3):
            raise ValueError(f"Images have 1 or 3 channels, not {channels}.")
        if not 1 <= latent_dim <= 4096:
            raise ValueError(f"A latent has between 1 and 4096 values, not {latent_dim}.")
        self.latent_dim = self.style_dim = latent_dim
        self.image_size = image_size
        self.channels = channels
        self.output = output

    @property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest value of a pixel in ``forward``'s result."""
        return RANGES[self.output]

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of latents (batch, latent_dim), and of their condition where it takes one."""
        return self.draw(self.map(z, condition))

    def map(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """The styles (batch, style_dim) of latents (batch, latent_dim), as :meth:`draw` takes them.

        A generator whose layers each have their own gives (batch, style_layers, style_dim).
        ``condition`` is an int64 label (batch,) where there are classes, and a float vector
        (batch, words) where there are words, all zero for no text.
        """
        return z

    def guided(self, z: Tensor, condition: Tensor, guidance: float) -> Tensor:
        """Styles as :meth:`map` gives them, that follow the words ``condition`` more, or less.

        A guidance other than 1 extrapolates along the line from the style without words, in the
        manner of classifier-free guidance (Ho and Salimans, 2022): 0 does not heed them.
        """
        told = self.map(z, condition)
        if guidance == 1:
            return told
        free = self.map(z, torch.zeros_like(condition))
        return free + guidance * (told - free)

    def middle(self, z: Tensor) -> Tensor | None:
        """The latents (batch, latent_dim) in the middle of what latents like ``z`` draw.

        None where that is not known; it is then the mean of styles.
        """
        return None

    def per_layer(self, styles: Tensor) -> Tensor:
        """What :meth:`map` gives as styles of each layer: (batch, style_layers, style_dim)."""
        if styles.dim() == 3:
            return styles
        return styles[:, None].expand(-1, self.style_layers, -1)

    @abstractmethod
    def draw(self, styles: Tensor) -> Tensor:
        """Images of styles (batch, style_dim), or one for each layer (batch, layers, style_dim).

        The result has shape (batch, channels, image_size, image_size).
        """

    @property
    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The JSON from which :func:`studio.generators.build` makes this network again."""


def checked_widths(widths: Sequence[int], start: int, *, widest: int) -> tuple[int, ...]:
    """The widths of levels that begin at ``start`` pixels and double their size.

    Raises:
        ValueError: they are none, or too many, too wide or begin too large for any computer.
    """
    widths = tuple(widths)
    if not widths or min(widths) < 1 or len(widths) > 8 or max(widths) > widest:
        raise ValueError(f"widths is a list of 1 to 8 sizes up to {widest}, not {widths}.")
    if not 1 <= start <= 16:
        raise ValueError(f"start is between 1 and 16 pixels, not {start}.")
    return widths


def to_uint8(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Map images from ``value_range`` to uint8 0..255, rounded to the nearest level and clipped."""
    low, high = value_range
    return ((images.float() - low) * (255.0 / (high - low))).round().clamp(0, 255).to(torch.uint8)


def from_uint8(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """The inverse of :func:`to_uint8`: uint8 0..255 to float32 in ``value_range``."""
    low, high = value_range
    return images.float().mul_((high - low) / 255.0).add_(low)
