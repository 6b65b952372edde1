"""Photos to codes: the other way round from drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.decoder import GROUND, ResidualBlock, convolution
from studio.generators.equalised import SLOPE

ENCODER_WIDTHS = (24, 48, 96, 160)
SLOWNESS = 0.02  # by which the statistics follow each batch
SMALLEST_VARIANCE = 1e-5


class Standardised(nn.Module):
    """Maps of unit deviation in each channel, by statistics that slowly follow those of batches.

    A batch norm would take the batch's own while it learns: a batch of dark products would then
    have the codes of a light one, and no decoder could tell which it was.

    Args:
        channels: of what it takes, (n, channels) or (n, channels, h, w).
    """

    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Makes a mean of a batch's share that of the whole batch, where processes share it.
        self.over_all: Callable[[Tensor], Tensor] | None = None
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (maps.dim() - 2)
        if self.training:
            self.follow(maps.detach(), shape)
        scale = torch.rsqrt(self.variance + SMALLEST_VARIANCE)
        return (maps - self.mean.view(shape)) * scale.view(shape)

    @torch.no_grad()
    def follow(self, maps: Tensor, shape: tuple[int, ...]) -> None:
        """Move the statistics towards those of a batch; the first ones count whole."""
        self.batches += 1
        rate = max(SLOWNESS, 1 / self.batches.item())
        axes = [axis for axis in range(maps.dim()) if axis != 1]
        self.mean.lerp_(self.whole(maps.mean(axes)), rate)
        apart = maps - self.mean.view(shape)
        self.variance.lerp_(self.whole(apart.square().mean(axes)), rate)

    def whole(self, means: Tensor) -> Tensor:
        """Means over the whole batch, of those over this process's share."""
        return means if self.over_all is None else self.over_all(means)


class PhotoEncoder(nn.Module):
    """Photos (n, 3, s, s) in -1..1 to codes (n, code_channels, s / 16, s / 16).

    It needs no other network. Each channel of a code has a mean of 0 and a deviation of 1 over all
    photos that it learnt from, so noise of one size means the same to each. A picture of s / 8 is
    passed straight to the last layer: so the first steps already carry shape and colour.
    """

    def __init__(self, code_channels: int, widths: Sequence[int] = ENCODER_WIDTHS) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), convolution(12, widths[0])]
        for narrow, wide in zip(widths, widths[1:], strict=False):
            layers += [nn.LeakyReLU(SLOPE), convolution(narrow, wide, stride=2)]
        layers += [ResidualBlock(widths[-1]), ResidualBlock(widths[-1]), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers)
        self.shrink = 2 ** len(widths)  # of a photo's side to a code's
        self.last = convolution(widths[-1] + 12, code_channels, gain=0.5)
        with torch.no_grad():
            self.last.weight[:, widths[-1] :] = 0
            for channel in range(min(12, code_channels)):
                self.last.weight[channel, : widths[-1]] *= 0.05
                self.last.weight[channel, widths[-1] + channel, 1, 1] = 3.0
        self.norm = Standardised(code_channels)

    def forward(self, photos: Tensor) -> Tensor:
        thumbnail = F.avg_pool2d(photos.float() - GROUND, self.shrink // 2)
        seen = torch.cat([self.body(photos), F.pixel_unshuffle(thumbnail, 2)], 1)
        return self.norm(self.last(seen).float())
