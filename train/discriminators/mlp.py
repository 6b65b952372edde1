"""The fully connected discriminator of the first GANs (Goodfellow et al., 2014)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class MLPDiscriminator(nn.Module):
    """Dense layers of ``widths`` with LeakyReLU 0.2, from all pixels to one logit.

    Takes (batch, channels, image_size, image_size) and returns (batch,) logits.
    """

    def __init__(self, *, widths: Sequence[int], image_size: int = 28, channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for wide, narrow in zip((channels * image_size**2, *widths), widths, strict=False):
            layers += [nn.Linear(wide, narrow), nn.LeakyReLU(0.2, inplace=True)]
        layers.append(nn.Linear(widths[-1], 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).flatten()
