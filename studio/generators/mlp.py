"""The fully connected generator of the first GANs (Goodfellow et al., 2014), with batch norm."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

from studio.generators.base import ACTIVATIONS, Generator

# Keras counts momentum as the share of the old average kept (0.8); torch as the share replaced.
BATCH_NORM_MOMENTUM = 1 - 0.8


class MLPGenerator(Generator):
    """Dense layers of ``widths``, each LeakyReLU 0.2 and then batch norm, to all pixels at once."""

    kind = "mlp"

    def __init__(
        self,
        *,
        latent_dim: int,
        widths: Sequence[int],
        image_size: int = 28,
        channels: int = 1,
        output: str = "tanh",
    ) -> None:
        widths = tuple(widths)
        if not widths or min(widths) < 1 or len(widths) > 16 or max(widths) > 16384:
            raise ValueError(f"widths is a list of 1 to 16 sizes up to 16384, not {widths}.")
        if not 1 <= image_size <= 256:
            raise ValueError(f"A dense generator draws 1 to 256 pixels a side, not {image_size}.")
        super().__init__(
            latent_dim=latent_dim, image_size=image_size, channels=channels, output=output
        )
        self.widths = widths
        self.image_shape = (channels, image_size, image_size)
        layers: list[nn.Module] = []
        for narrow, wide in zip((latent_dim, *widths), widths, strict=False):
            layers += [
                nn.Linear(narrow, wide),
                nn.LeakyReLU(0.2, inplace=True),
                nn.BatchNorm1d(wide, momentum=BATCH_NORM_MOMENTUM),
            ]
        layers += [nn.Linear(widths[-1], prod(self.image_shape)), ACTIVATIONS[output]()]
        self.layers = nn.Sequential(*layers)

    @property
    def config(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "latent_dim": self.latent_dim,
            "widths": list(self.widths),
            "image_size": self.image_size,
            "channels": self.channels,
            "output": self.output,
        }

    def draw(self, styles: Tensor) -> Tensor:
        return self.layers(styles.flatten(1)).unflatten(1, self.image_shape)
