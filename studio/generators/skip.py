"""A convolutional generator with skip-layer excitation (Liu et al., 2021, FastGAN)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from studio.generators.base import ACTIVATIONS, Generator, checked_widths

EXCITED_FROM = 4  # levels between the maps that decide and the maps whose channels they weigh


class SkipGenerator(Generator):
    """Enlargements and gated convolutions with batch norm; coarse maps weigh fine ones' channels.

    The first layer turns the latent into ``widths[0]`` maps of ``start`` x ``start``; each further
    width doubles the size. The channels of a level are weighed by the maps four levels before it.
    """

    kind = "skip"

    def __init__(
        self,
        *,
        latent_dim: int,
        widths: Sequence[int],
        start: int = 4,
        channels: int = 3,
        output: str = "tanh",
    ) -> None:
        widths = checked_widths(widths, start, widest=2048)
        super().__init__(
            latent_dim=latent_dim,
            image_size=start * 2 ** (len(widths) - 1),
            channels=channels,
            output=output,
        )
        self.widths, self.start = widths, start
        self.first = nn.Sequential(
            nn.ConvTranspose2d(latent_dim, 2 * widths[0], start, bias=False),
            nn.BatchNorm2d(2 * widths[0]),
            nn.GLU(1),
        )
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(narrow, 2 * wide, 3, padding=1, bias=False),
                nn.BatchNorm2d(2 * wide),
                nn.GLU(1),
            )
            for narrow, wide in zip(widths, widths[1:], strict=False)
        )
        self.excitations = nn.ModuleList(
            Excitation(widths[low], widths[low + EXCITED_FROM])
            for low in range(len(widths) - EXCITED_FROM)
        )
        self.head = nn.Conv2d(widths[-1], channels, 3, padding=1)
        self.finish = ACTIVATIONS[output]()

    @property
    def config(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "latent_dim": self.latent_dim,
            "widths": list(self.widths),
            "start": self.start,
            "channels": self.channels,
            "output": self.output,
        }

    def draw(self, styles: Tensor) -> Tensor:
        maps = [self.first(styles.flatten(1)[:, :, None, None])]
        for index, level in enumerate(self.levels):
            fresh = level(maps[-1])
            low = index + 1 - EXCITED_FROM
            maps.append(self.excitations[low](maps[low], fresh) if low >= 0 else fresh)
        return self.finish(self.head(maps[-1]).float())


class Excitation(nn.Module):
    """Weigh the channels of fine maps by what coarse ones show (the paper's equation 2)."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(low, high, 4),
            nn.LeakyReLU(0.1),
            nn.Conv2d(high, high, 1),
            nn.Sigmoid(),
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return fine * self.layers(coarse).to(fine.dtype)
