"""The deep convolutional generator (Radford et al., 2015), at any size start * 2**k."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators.base import ACTIVATIONS, MAX_WORDS, Generator, checked_widths


class DCGANGenerator(Generator):
    """Transposed convolutions with batch norm and ReLU, doubling the image at each step.

    The first layer turns the latent into ``widths[0]`` maps of ``start`` x ``start``; each further
    width doubles the size, and a last transposed convolution doubles it once more into
    ``channels``. So widths (512, 256, 128, 64) from 4x4 end at 64x64, and (128, 64) from 7x7 at
    28x28.

    With ``words``, a style is the latent and the vector of a text behind it, in the manner of
    Reed et al., 2016.
    """

    kind = "dcgan"

    def __init__(
        self,
        *,
        latent_dim: int,
        widths: Sequence[int],
        start: int = 4,
        channels: int = 3,
        words: int = 0,
        output: str = "tanh",
    ) -> None:
        if not 0 <= words <= MAX_WORDS:
            raise ValueError(f"A generator takes up to {MAX_WORDS} words, not {words}.")
        widths = checked_widths(widths, start, widest=4096)
        super().__init__(
            latent_dim=latent_dim,
            image_size=start * 2 ** len(widths),
            channels=channels,
            output=output,
        )
        self.widths, self.start, self.words = widths, start, words
        self.style_dim, self.mapped = latent_dim + words, words > 0
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(self.style_dim, widths[0], start, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        ]
        for narrow, wide in zip(widths, widths[1:], strict=False):
            layers += [
                nn.ConvTranspose2d(narrow, wide, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(inplace=True),
            ]
        layers += [
            nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1, bias=False),
            ACTIVATIONS[output](),
        ]
        self.layers = nn.Sequential(*layers)

    @property
    def config(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "latent_dim": self.latent_dim,
            "widths": list(self.widths),
            "start": self.start,
            "channels": self.channels,
            "words": self.words,
            "output": self.output,
        }

    def map(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        if (condition is None) != (self.words == 0):
            needs = "needs a text" if condition is None else "takes no label or text"
            raise ValueError(f"This generator {needs} for each picture.")
        return z if condition is None else torch.cat([z, condition.to(z.dtype)], 1)

    def draw(self, styles: Tensor) -> Tensor:
        return self.layers(styles.flatten(1)[:, :, None, None])
