"""A style-based generator whose maps are normalised over the batch: it learns soonest on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators.equalised import EqualisedConv, EqualisedLinear, rectified
from studio.generators.style import StyleGenerator, enlarge

# How far styles spread scales and shifts at the start, and image heads the picture.
MODULATION_GAIN = 0.5
HEAD_GAIN = 0.3


class SelfModulatedGenerator(StyleGenerator):
    """:class:`StyleGenerator` with self-modulation (Chen et al., 2019) instead of demodulation.

    Each convolution's maps are normalised over the batch, then scaled and shifted by the style. In
    training, batch norm keeps the pictures of a batch apart: the latent can't fade, as it does at
    first where every picture is normalised by itself. Afterwards it is constant, and a picture
    depends on its own latent only. The first maps are a dense layer of the style. Sizes, styles and
    image heads are those of :class:`StyleGenerator`, as are the arguments.
    """

    kind = "self-modulated"

    def __init__(self, *, latent_dim: int, style_dim: int, widths: Sequence[int], **rest: Any):
        super().__init__(latent_dim=latent_dim, style_dim=style_dim, widths=widths, **rest)
        del self.constant
        self.first = EqualisedLinear(style_dim, self.widths[0] * self.start**2)
        self.norm = nn.BatchNorm2d(self.widths[0])

    def level(self, narrow: int, wide: int, *, first: bool = False) -> nn.Module:
        return SelfModulatedLevel(narrow, wide, self.style_dim, self.channels, first=first)

    def begin(self, styles: Tensor) -> Tensor:
        maps = self.first(styles[:, 0]).unflatten(1, (-1, self.start, self.start))
        # A view of a dense layer's rows has the wrong layout for the convolutions that follow.
        return rectified(self.norm(maps.contiguous(memory_format=torch.channels_last)))


class SelfModulatedLevel(nn.Module):
    """All that happens at one size, see :class:`studio.generators.style.Level`."""

    def __init__(
        self, narrow: int, wide: int, style_dim: int, channels: int, *, first: bool = False
    ) -> None:
        super().__init__()
        self.widen = None if first else SelfModulatedConv(narrow, wide, style_dim)
        self.refine = SelfModulatedConv(wide, wide, style_dim)
        self.head = EqualisedConv(wide, channels, 1, gain=HEAD_GAIN)

    def forward(self, maps: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        if self.widen is not None:
            maps = enlarge(rectified(self.widen(maps, style)))
        maps = rectified(self.refine(maps, style))
        return maps, self.head(maps).float()


class SelfModulatedConv(nn.Module):
    """A 3x3 convolution, batch norm, and a scale and a shift of every channel from the style."""

    def __init__(self, inputs: int, outputs: int, style_dim: int) -> None:
        super().__init__()
        self.conv = EqualisedConv(inputs, outputs, 3, bias=False)
        self.norm = nn.BatchNorm2d(outputs, affine=False)
        # The bias is not scaled: channels begin with a scale of 1 and a shift of 0.
        self.scale = EqualisedLinear(style_dim, outputs, bias=1.0, gain=MODULATION_GAIN)
        self.shift = EqualisedLinear(style_dim, outputs, gain=MODULATION_GAIN)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(batch, inputs, h, w) and styles (batch, style_dim) to (batch, outputs, h, w)."""
        x = self.norm(self.conv(x))
        scale, shift = self.scale(style).to(x.dtype), self.shift(style).to(x.dtype)
        return torch.addcmul(shift[:, :, None, None], x, scale[:, :, None, None])
