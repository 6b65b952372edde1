"""The residual discriminator of style-based generators (Karras et al., 2020, StyleGAN2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.equalised import (
    RECTIFIER_GAIN,
    EqualisedConv,
    EqualisedLinear,
    rectified,
)
from train.discriminators import conditions

GROUP = 4  # pictures among which the last layers see how much they differ


class StyleDiscriminator(nn.Module):
    """Residual blocks, each halving the size, to one logit.

    Takes (batch, channels, s, s), and int64 labels (batch,) if it has classes or vectors
    (batch, words) if it has words, and returns (batch,) logits. ``widths`` are the channels at
    s / ``patch`` pixels, at half of that, and so on; what is left after the last is seen whole by a
    dense layer.

    Differing from the paper: sizes are halved by averaging before the second convolution of a
    block, and the first convolution sees ``patch`` x ``patch`` pixels as channels: at full size,
    few channels would cost most of the time. With classes the logit is a projection on the label's
    embedding (Miyato and Koyama, 2018).
    """

    def __init__(
        self,
        *,
        widths: Sequence[int],
        image_size: int,
        channels: int = 3,
        patch: int = 1,
        classes: int = 0,
        words: int = 0,
    ) -> None:
        super().__init__()
        widths = tuple(widths)
        end, rest = divmod(image_size, patch * 2 ** (len(widths) - 1))
        if rest or end < 1:
            raise ValueError(f"{image_size} pixels can't be halved so often as {widths} asks.")
        self.patch, self.classes, self.words = patch, classes, words
        self.stem = EqualisedConv(channels * patch**2, widths[0], 3, gain=RECTIFIER_GAIN)
        # Named by the size they see, so that a larger network can take over a smaller one's.
        self.blocks = nn.ModuleDict(
            {
                str(image_size // patch // 2**depth): Block(narrow, wide)
                for depth, (narrow, wide) in enumerate(zip(widths, widths[1:], strict=False))
            }
        )
        self.last = EqualisedConv(widths[-1] + 1, widths[-1], 3, gain=RECTIFIER_GAIN)
        self.dense = EqualisedLinear(widths[-1] * end**2, widths[-1], gain=RECTIFIER_GAIN)
        self.logit = EqualisedLinear(widths[-1], 1)
        self.embedding: nn.Module | None = None
        if conditions.length(classes, words):
            # Of labels rows, of texts the sums of their words' rows.
            kind = nn.Embedding if classes else EqualisedLinear
            self.embedding = kind(classes or words, widths[-1])

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        maps = F.pixel_unshuffle(images, self.patch) if self.patch > 1 else images
        maps = rectified(self.stem(maps))
        for block in self.blocks.values():
            maps = block(maps)
        maps = torch.cat([maps, spread(maps)], 1)
        maps = rectified(self.last(maps))
        features = rectified(self.dense(maps.flatten(1)))
        if self.embedding is None:
            return self.logit(features).flatten()
        projection = (features * self.embedding(condition)).mean(-1)
        return self.logit(features).flatten() + projection


class Block(nn.Module):
    """Two convolutions and a shortcut, to half the size."""

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.first = EqualisedConv(narrow, narrow, 3, gain=RECTIFIER_GAIN)
        # Their sum has unit variance, too.
        self.second = EqualisedConv(narrow, wide, 3, gain=RECTIFIER_GAIN * 0.5**0.5)
        self.shortcut = EqualisedConv(narrow, wide, 1, bias=False, gain=0.5**0.5)

    def forward(self, maps: Tensor) -> Tensor:
        seen = F.avg_pool2d(rectified(self.first(maps)), 2)
        seen = rectified(self.second(seen))
        return seen + self.shortcut(F.avg_pool2d(maps, 2))


def spread(maps: Tensor) -> Tensor:
    """One more channel: how much the pictures of a group differ (Karras et al., 2018).

    Neighbours in the batch form groups; (batch, c, h, w) gives (batch, 1, h, w).
    """
    count = len(maps)
    group = GROUP if count % GROUP == 0 else count
    some = maps.float().unflatten(0, (-1, group))
    deviation = (some.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    deviation = deviation.repeat_interleave(group)[:, None, None, None]
    return deviation.expand(-1, 1, *maps.shape[2:]).to(maps.dtype)
