"""Discriminators on frozen pretrained features (Sauer et al., 2021, "Projected GANs")."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from studio.generators.equalised import EqualisedLinear
from train.discriminators import conditions
from train.features import STAGES

SLOPE = 0.2
END = 4  # pixels at which every head gives its logits, one for each place


class ProjectedDiscriminator(nn.Module):
    """A small head for each scale of :class:`train.features.FrozenFeatures`, judging patches.

    Takes the four feature maps of images enlarged to ``size`` pixels, finest first, of shape
    (batch, widths[i], s, s), and int64 labels (batch,) if it has classes or vectors (batch, words)
    if it has words; returns logits (batch, 64). Each head halves its map to 4 x 4, with spectral
    norm and batch norm as published.
    """

    def __init__(
        self, *, widths: Sequence[int], size: int, classes: int = 0, words: int = 0
    ) -> None:
        super().__init__()
        widths, sizes = tuple(widths), tuple(size // 2 ** (stage + 1) for stage in STAGES)
        if len(widths) != len(STAGES) or size % 32 or size < 32:
            raise ValueError(f"{len(STAGES)} widths and a multiple of 32, not {widths}, {size}.")
        self.widths, self.size, self.classes, self.words = widths, size, classes, words
        views = conditions.length(classes, words)
        self.heads = nn.ModuleList(
            Head(width, size, widths[-1], views) for width, size in zip(widths, sizes, strict=True)
        )

    def forward(self, *maps: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.cat(
            [head(some, condition) for head, some in zip(self.heads, maps, strict=True)], -1
        )


class Head(nn.Module):
    """From the map of one scale to the logits of its patches."""

    def __init__(self, width: int, size: int, widest: int, views: int) -> None:
        super().__init__()
        self.views = views
        layers: list[nn.Module] = []
        if size <= END:
            layers += [
                spectral_norm(nn.Conv2d(width, width, 3, padding=1, bias=False)),
                nn.BatchNorm2d(width),
                nn.LeakyReLU(SLOPE),
            ]
        while size > END:
            wide = min(2 * width, widest)
            layers += [
                spectral_norm(nn.Conv2d(width, wide, 4, stride=2, padding=1, bias=False)),
                nn.BatchNorm2d(wide),
                nn.LeakyReLU(SLOPE),
            ]
            width, size = wide, size // 2
        self.layers = nn.Sequential(*layers)
        self.embedding = EqualisedLinear(views, width) if views else None
        self.logit = spectral_norm(nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, maps: Tensor, condition: Tensor | None) -> Tensor:
        maps = self.layers(maps)
        logits = self.logit(maps)
        if self.embedding is not None:
            known = conditions.rows(condition, self.views)
            logits = logits + (maps * self.embedding(known)[..., None, None]).mean(-3, True)
        return logits.flatten(-3)
