"""How near photos come back from their codes, beside the same photos made small and enlarged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.base import from_uint8, to_uint8
from studio.generators.coded import CodedGenerator
from studio.inversion.loading import PHOTO
from train.metrics.checks import check_images
from train.teachers.features import Eye
from train.teachers.pairs import feature_difference, pixel_difference

BAR = 64  # pixels: what generators of before drew, and so what a codec has to be nearer than
AT_ONCE = 50
STYLE = "style"


@dataclass(frozen=True)
class Nearness:
    """How far pictures are from their photos: means over all of them, as they are learnt from.

    ``features`` are the differences of a frozen network's maps of halved pictures
    (:func:`train.teachers.pairs.feature_difference`), ``pixels`` those of pixels in opponent
    colours at four sizes (:func:`train.teachers.pairs.pixel_difference`).
    """

    features: float
    pixels: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able data."""
        return asdict(self)


@torch.no_grad()
def come_back(
    images: Tensor, generator: CodedGenerator, encoders: nn.ModuleDict, *, by: str = PHOTO
) -> Tensor:
    """What comes back of photos, uint8 (N, C, S, S) as they are.

    Args:
        by: ``"photo"`` for their codes, ``"style"`` for the codes that their styles become.

    Raises:
        MetricsError: the photos are of another type or shape.
    """
    check_images(images, "The photos")
    result = []
    for some in images.split(AT_ONCE):
        codes = encoders[PHOTO](from_uint8(some, (-1.0, 1.0)).expand(-1, 3, -1, -1))
        if by == STYLE:
            codes = generator.codes(generator.synthesis.styles(codes))
        result.append(to_uint8(generator.draw_codes(codes), generator.value_range))
    return torch.cat(result)


def made_small(images: Tensor, size: int = BAR) -> Tensor:
    """Photos uint8 (N, C, S, S) reduced to ``size`` and enlarged again, both by Lanczos."""
    side = images.shape[-1]
    result = np.empty(images.shape, np.uint8)
    for target, photo in zip(result, images.numpy(), strict=True):
        channels = [
            Image.fromarray(each)
            .resize((size, size), Image.Resampling.LANCZOS)
            .resize((side, side), Image.Resampling.LANCZOS)
            for each in photo
        ]
        target[:] = np.stack([np.asarray(each) for each in channels])
    return torch.from_numpy(result)


@torch.no_grad()
def nearness(pictures: Tensor, photos: Tensor, eye: Eye) -> Nearness:
    """How far pictures are from their photos, both uint8 (N, C, S, S)."""
    features, pixels = 0.0, 0.0
    for some, real in zip(pictures.split(AT_ONCE), photos.split(AT_ONCE), strict=True):
        mine, wanted = (from_uint8(each, (-1.0, 1.0)) for each in (some, real))
        maps = eye(F.avg_pool2d(mine, 2)), eye(F.avg_pool2d(wanted, 2))
        features += feature_difference(*maps).item() * len(some)
        pixels += pixel_difference(mine, wanted).item() * len(some)
    return Nearness(round(features / len(photos), 4), round(pixels / len(photos), 4))
