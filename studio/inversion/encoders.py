"""Photos to codes, and codes to styles: the other way round from drawing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.decoder import GROUND, SLOPE, ResidualBlock, convolution

ENCODER_WIDTHS = (24, 48, 96, 160, 256)
STYLE_ENCODER_WIDTH = 192
SLOW = 0.02  # of the statistics by which codes are normalised


class PhotoEncoder(nn.Module):
    """Photos (n, 3, s, s) in -1..1 to codes (n, code_channels, s / 32, s / 32).

    It needs no other network. Each channel of a code has a mean of 0 and a deviation of 1 over all
    photos that it learnt from (a batch norm without weights of its own), so noise of one size means
    the same to each; without that, the signal of a channel can drown in it. A picture of s / 16 is
    passed straight to the last layer: so the first steps already carry shape and colour.
    """

    def __init__(self, code_channels: int = 32, widths: Sequence[int] = ENCODER_WIDTHS) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), convolution(12, widths[0])]
        for narrow, wide in zip(widths, widths[1:], strict=False):
            layers += [nn.LeakyReLU(SLOPE), convolution(narrow, wide, stride=2)]
            if wide >= widths[-2]:
                layers.append(ResidualBlock(wide))
        self.body = nn.Sequential(*layers, nn.LeakyReLU(SLOPE))
        self.shrink = 2 ** len(widths)  # of a photo's side to a code's
        self.last = convolution(widths[-1] + 12, code_channels, gain=0.5)
        with torch.no_grad():
            self.last.weight[:, widths[-1] :] = 0
            for channel in range(min(12, code_channels)):
                self.last.weight[channel, : widths[-1]] *= 0.1
                self.last.weight[channel, widths[-1] + channel, 1, 1] = 3.0
        self.norm = nn.BatchNorm2d(code_channels, affine=False, momentum=SLOW)

    def forward(self, photos: Tensor) -> Tensor:
        thumbnail = F.avg_pool2d(photos.float() - GROUND, self.shrink // 2)
        seen = torch.cat([self.body(photos), F.pixel_unshuffle(thumbnail, 2)], 1)
        return self.norm(self.last(seen).float())


class StyleEncoder(nn.Module):
    """Codes (n, code_channels, s, s) to styles (n, style_dim), of unit deviation over photos."""

    def __init__(
        self,
        style_dim: int,
        code_channels: int = 32,
        code_size: int = 8,
        width: int = STYLE_ENCODER_WIDTH,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(code_channels, width),
            ResidualBlock(width),
            nn.LeakyReLU(SLOPE),
            convolution(width, 2 * width, stride=2),
            ResidualBlock(2 * width),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
        )
        inputs = 2 * width * (code_size // 2) ** 2
        self.last = nn.Linear(inputs, style_dim)
        nn.init.normal_(self.last.weight, 0, inputs**-0.5)
        nn.init.zeros_(self.last.bias)
        self.norm = nn.BatchNorm1d(style_dim, affine=False, momentum=SLOW)

    def forward(self, codes: Tensor) -> Tensor:
        return self.norm(self.last(self.body(codes)).float())
