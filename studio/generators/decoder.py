"""The code of a photo to a picture: a decoder small enough to follow a slider in a browser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.equalised import SLOPE
from studio.generators.style import enlarge

# The levels up to this size have a residual block, the finer ones a single convolution: width and
# depth cost least where maps are small.
DEEP_SIZE = 32
FIRST_SCALE = 0.2  # of what a residual block adds
GROUND = 0.88  # the grey of the ground that products lie on, in -1..1
FIRST_GREY = 0.62  # about the mean of a product on its ground


class Decoder(nn.Module):
    """Codes (n, code_channels, s, s) to pictures (n, channels, s * 2^k, s * 2^k) about -1..1.

    Nothing but 3x3 and 1x1 convolutions, leaky rectifiers, bilinear doublings and a scale per
    channel. Nothing is normalised, so a picture does not depend on its batch, and nothing has to be
    folded away to draw fast. A picture of twice the code's size is read off the code itself; each
    level from there on adds to it, enlarged, as the image heads of StyleGAN2 do (Karras et al.,
    2020). There is no transposed convolution, so no checkerboard.

    Args:
        code_channels, code_size: of a code.
        widths: channels at the code's size, at twice that and so on to the picture's.
        channels: of pictures.
    """

    def __init__(
        self, *, code_channels: int, code_size: int, widths: Sequence[int], channels: int = 3
    ) -> None:
        super().__init__()
        sizes = [code_size * 2**level for level in range(len(widths))]
        self.first = convolution(code_channels, widths[0])
        self.thumbnail = nn.Conv2d(code_channels, 4 * channels, 1)
        with torch.no_grad():  # so the first step already draws a small picture from the code
            self.thumbnail.weight.mul_(0.02)
            nn.init.constant_(self.thumbnail.bias, FIRST_GREY)  # type: ignore[arg-type]
            for channel in range(min(4 * channels, code_channels)):
                self.thumbnail.weight[channel, channel, 0, 0] = 0.5
        self.levels = nn.ModuleList(
            DecoderLevel(
                wide,
                narrow,
                channels,
                deep=size <= DEEP_SIZE,
                head=size > code_size,
            )
            for size, wide, narrow in zip(sizes, widths, widths[1:], strict=False)
        )
        self.last = convolution(widths[-1], channels, gain=0.1)

    def forward(self, codes: Tensor) -> Tensor:
        maps = self.first(codes)
        picture = F.pixel_shuffle(self.thumbnail(codes).float(), 2)
        for index, level in enumerate(self.levels):
            maps, head = level(maps)
            if head is not None:
                picture = picture + head
            if index:  # the thumbnail has twice the code's size already
                picture = enlarge(picture)
        return picture + self.last(rectified(maps)).float()


class DecoderLevel(nn.Module):
    """What happens at one size: maps refined, their share of the picture, and maps doubled."""

    def __init__(self, wide: int, narrow: int, channels: int, *, deep: bool, head: bool) -> None:
        super().__init__()
        self.refine: nn.Module = ResidualBlock(wide) if deep else PlainBlock(wide)
        self.rectified = not deep  # a plain block's maps are already
        self.head = small(nn.Conv2d(wide, channels, 1)) if head else None
        self.narrow = convolution(wide, narrow)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor | None]:
        maps = self.refine(maps)
        head = self.head(maps).float() if self.head is not None else None
        maps = maps if self.rectified else rectified(maps)
        return enlarge(self.narrow(maps)), head


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added, scaled by channel (SkipInit, De and Smith, 2020)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = convolution(width, width), convolution(width, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), FIRST_SCALE))

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.scale * self.second(rectified(self.first(rectified(maps))))


class PlainBlock(nn.Module):
    """One convolution between two rectifiers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.only = convolution(width, width)

    def forward(self, maps: Tensor) -> Tensor:
        return rectified(self.only(rectified(maps)))


def convolution(narrow: int, wide: int, *, stride: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A 3x3 convolution that keeps the spread of what a leaky rectifier gives (He et al., 2015)."""
    result = nn.Conv2d(narrow, wide, 3, stride, 1)
    nn.init.kaiming_normal_(result.weight, a=SLOPE)
    with torch.no_grad():
        result.weight.mul_(gain)
    nn.init.zeros_(result.bias)  # type: ignore[arg-type]
    return result


def small(layer: nn.Conv2d) -> nn.Conv2d:
    """A layer that adds next to nothing at first."""
    nn.init.normal_(layer.weight, 0, 0.02)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def rectified(maps: Tensor) -> Tensor:
    """The leaky rectifier of everything here; not in place, as maps are added to again."""
    return F.leaky_relu(maps, SLOPE)
