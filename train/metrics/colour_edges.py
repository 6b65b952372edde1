"""Plain statistics of colour and edges: a measure into which no network's taste goes.

A generator that was taught by one ImageNet network may please another for the same reasons. What
is measured here anybody can recompute from pixels: colours in CIELAB, hues weighted by chroma,
lightness, the outline's extent, gradients at three scales, symmetry. It knows nothing of things: a
bag without a handle is near, as long as it has a bag's colours and edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studio.appearance import Scene, scene_of
from train.metrics.checks import MetricsError, check_images
from train.metrics.colours import lab
from train.metrics.reference import between, floors_of

# All of this is part of what is measured: whoever changes it changes numbers, and VERSION.
VERSION = 1
SIDE = 128  # pixels; larger images are averaged down to it for edges
COLOUR_SIDE = 64  # and to this for colours
# Distance from the ground (0..1) of what belongs to the thing: white garments on a ground of 240
# are only just apart from it.
APART = 0.04
# A picture is vivid when the CIELAB chroma C*ab of its thing is above it on average.
VIVID = 20.0
LEAST_CHROMA = 5.0  # of a pixel with a hue: the hue of what is greyer is noise
HUES = 12  # of 30 degrees each, from 0: the angle of (a*, b*)
LIGHTNESSES = 8  # equal parts of L* from 0 to 100
SCALES = 3  # SIDE, a half and a quarter of it
ORIENTATIONS = 8  # of gradients, of 22.5 degrees each; opposite ones are the same
BLOCK = 250
LUMA = (0.2126, 0.7152, 0.0722)  # of R, G and B (ITU-R BT.709)

NAMES = (
    *("mean L", "mean a", "mean b", "spread L", "spread a", "spread b", "chroma"),
    *(f"hue {at}" for at in range(HUES)),
    *(f"lightness {at}" for at in range(LIGHTNESSES)),
    *("area", "centre x", "centre y", "width", "height", "symmetry"),
    *(
        f"{what} at 1/{2**scale}"
        for scale in range(SCALES)
        for what in (
            *("gradient", "spread of gradient"),
            *(f"gradient towards {at}" for at in range(ORIENTATIONS)),
        )
    ),
)
_CHROMA = NAMES.index("chroma")
_HUES = slice(NAMES.index("hue 0"), NAMES.index("hue 0") + HUES)


def statistics(images: Tensor) -> np.ndarray:
    """The statistics of images of one thing each on a plain ground: float64 (N, len(NAMES)).

    ``images`` are uint8 (N, 1 or 3, H, W). Shares of a histogram and amounts of gradients are given
    as their square roots: what is rare then weighs no more than what is frequent (the Hellinger
    distance of histograms), and a few bright pictures do not decide everything. A picture that is
    all ground has zeros for its thing.

    Raises:
        MetricsError: they are of another type or shape.
    """
    check_images(images, "The images")
    return np.concatenate([_statistics(block) for block in images.cpu().split(BLOCK)])


def compare(real: np.ndarray, fake: np.ndarray, seed: int) -> dict[str, Any]:
    """How far the statistics ``fake`` (M, D) of generated images are from those of ``real`` (N, D).

    Both come from :func:`statistics`, in random order. Each statistic counts in standard
    deviations of the real images. The floors are what one half of them gets against the other,
    but for ``vivid``, which is what all of them have.

    Returns:
        The measures of :func:`train.metrics.reference.between`; ``vivid``, the share of vivid
        pictures; ``hue_difference``, the total variation distance of the distributions of hues,
        0..1; ``floors`` of all these; and ``protocol``, a sentence.

    Raises:
        MetricsError: there are fewer than 8 real images or 4 generated ones.
    """
    if len(real) < 8 or len(fake) < 4:
        raise MetricsError("Comparing colours and edges needs 8 real images and 4 generated ones.")
    middle, spread = real.mean(0), real.std(0)
    spread[spread < 1e-6] = 1  # a statistic that all photos share, as hues of grey ones
    scaled = (real - middle) / spread
    half = len(real) // 2
    floors = floors_of(scaled, seed)
    floors["vivid"] = share_vivid(real)
    floors["hue_difference"] = hue_difference(real[:half], real[half : 2 * half])
    return {
        **between(scaled, (fake - middle) / spread, seed),
        "vivid": share_vivid(fake),
        "hue_difference": hue_difference(real, fake),
        "floors": floors,
        "protocol": (
            f"{len(NAMES)} statistics of colour and edges (version {VERSION}, at most {SIDE} px), "
            f"in standard deviations of the photos, of {len(fake)} generated and {len(real)} real "
            f"images; vivid above a mean chroma of {VIVID:g}; {HUES} hues weighted by chroma; "
            f"floors between halves of {half}."
        ),
    }


def share_vivid(found: np.ndarray) -> float:
    """The share of images, by their statistics (N, D), whose thing has a mean chroma > VIVID."""
    return float((found[:, _CHROMA] > VIVID).mean())


def hues(found: np.ndarray) -> np.ndarray:
    """How often each hue occurs in images, by their statistics (N, D): (HUES + 1,), of sum 1.

    Every pixel of a thing counts by its chroma and every thing alike, whatever its size. The last
    one is "none", where all is grey.
    """
    amounts = np.square(found[:, _HUES]).sum(0)
    total = amounts.sum()
    return np.append(amounts / total, 0.0) if total else np.eye(HUES + 1)[-1]


def hue_difference(a: np.ndarray, b: np.ndarray) -> float:
    """The total variation distance, 0..1, of the hues of two sets of statistics (N, D), (M, D).

    It is the share of colour that would have to change its hue, so that both are the same.
    """
    return float(np.abs(hues(a) - hues(b)).sum() / 2)


def _statistics(images: Tensor) -> np.ndarray:
    pixels = _averaged(images.float(), SIDE)
    scene = scene_of(pixels, APART)
    ground = scene.pixels[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].median(2).values
    luma = torch.tensor(LUMA).view(1, 3, 1, 1)
    light = (scene.pixels * luma).sum(1, keepdim=True)
    ground_light = (ground[:, :, None, None] * luma).sum(1, keepdim=True)
    parts = [_colours(scene_of(_averaged(pixels, COLOUR_SIDE), APART)), _outline(scene)]
    parts[1].append(_symmetry(light - ground_light))
    edges = []
    for _ in range(SCALES):
        edges += _edges(light)
        light = F.avg_pool2d(light, 2, ceil_mode=True)
    return torch.stack([*parts[0], *parts[1], *edges], 1).double().numpy()


def _averaged(pixels: Tensor, side: int) -> Tensor:
    return F.adaptive_avg_pool2d(pixels, side) if pixels.shape[-1] > side else pixels


def _colours(scene: Scene) -> list[Tensor]:
    colours = torch.from_numpy(lab(scene.pixels.permute(0, 2, 3, 1).double().numpy())).float()
    channels = [each[:, None] for each in colours.unbind(3)]
    lightness, a, b = channels
    chroma = torch.hypot(a, b)
    hue = torch.atan2(b, a).mul(HUES / (2 * torch.pi)).floor().long() % HUES
    amount = torch.where(chroma < LEAST_CHROMA, 0.0, chroma)
    step = (lightness * (LIGHTNESSES / 100)).floor().clamp(0, LIGHTNESSES - 1).long()
    means = [scene.mean(each) for each in channels]
    spreads = [
        scene.mean((each - mean.view(-1, 1, 1, 1)) ** 2).sqrt()
        for each, mean in zip(channels, means, strict=True)
    ]
    return [
        *(*means, *spreads, scene.mean(chroma)),
        *(scene.mean(amount * (hue == at)).sqrt() for at in range(HUES)),
        *(scene.mean((step == at).float()).sqrt() for at in range(LIGHTNESSES)),
    ]


def _outline(scene: Scene) -> list[Tensor]:
    """The thing's share of the picture, its centre, and the spread around it, in -1..1."""
    found = [scene.mask.mean((1, 2, 3))]
    spreads = []
    for dim in (3, 2):
        place = scene.position(dim)
        centre = scene.mean(place.expand_as(scene.mask))
        found.append(centre)
        spreads.append(scene.mean((place - centre.view(-1, 1, 1, 1)) ** 2).sqrt())
    return found + spreads


def _symmetry(apart: Tensor) -> Tensor:
    """How much of what is apart from the ground its mirror image has too: 1 is all, 0 nothing."""
    mirrored = apart.flip(3)
    total = (apart.abs() + mirrored.abs()).sum((1, 2, 3))
    difference = (apart - mirrored).abs().sum((1, 2, 3))
    return torch.where(total > 0, 1 - difference / total.clamp_min(1e-6), 1.0)


def _edges(light: Tensor) -> list[Tensor]:
    """Roots of the gradient's mean, spread and amount in each orientation, of (N, 1, H, W)."""
    kernel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8  # Sobel's
    around = F.pad(light, (1, 1, 1, 1), mode="replicate")
    across, down = F.conv2d(around, torch.stack([kernel, kernel.T])[:, None]).split(1, 1)
    size = torch.hypot(across, down)
    angle = torch.atan2(down, across).mul(ORIENTATIONS / torch.pi)
    # Rounded, not cut: an upright edge is in the middle of the first, whatever the last digit.
    towards = angle.round().long() % ORIENTATIONS
    return [
        size.mean((1, 2, 3)).sqrt(),
        size.std((1, 2, 3)).sqrt(),
        *((size * (towards == at)).mean((1, 2, 3)).sqrt() for at in range(ORIENTATIONS)),
    ]
