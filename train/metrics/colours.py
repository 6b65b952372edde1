"""The colour that an image shows, and which of some named colours that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from studio.appearance import FOREGROUND

SIDE = 64  # pixels; larger images are averaged down to it
CELL = 16.0  # of the histogram of colours, in CIELAB units on each axis
NEAR = 20.0  # what belongs to the dominant colour, as a distance in CIELAB
LEAST = 100  # images of a colour, so that its distribution can be told
SPREAD = 25.0  # added to every variance: no named colour is a point
# Linear sRGB to CIE XYZ relative to the white point D65 (IEC 61966-2-1).
XYZ = np.array(
    [
        [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883],
    ]
)


def lab(rgb: np.ndarray) -> np.ndarray:
    """sRGB (…, 3) in 0..1 as CIELAB (…, 3): L in 0..100, a and b in about -128..127 (CIE, 1976)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    relative = linear @ XYZ.T
    f = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def dominant(images: Tensor) -> np.ndarray:
    """The CIELAB colour that most of each image's thing has: uint8 (N, 3, H, W) to (N, 3).

    The ground is the colour of the corners, as in :mod:`studio.appearance`; an image of nothing
    else has the ground's colour. Of what stands out from it, the mean around the fullest cell of a
    histogram is taken: a print does not change the colour of a shirt.
    """
    return np.stack([_dominant(image) for part in images.split(500) for image in _small(part)])


def _small(images: Tensor) -> np.ndarray:
    pixels = images.float() / 255
    if images.shape[-1] > SIDE:
        pixels = adaptive_avg_pool2d(pixels, SIDE)
    return pixels.permute(0, 2, 3, 1).double().numpy()


def _dominant(pixels: np.ndarray) -> np.ndarray:
    ground = np.median(pixels[[0, 0, -1, -1], [0, -1, 0, -1]], 0)
    apart = np.abs(pixels - ground).max(-1) > FOREGROUND
    found = lab(pixels[apart]) if apart.any() else lab(ground[None])
    _, of_pixel, counts = np.unique(
        np.floor(found / CELL), axis=0, return_inverse=True, return_counts=True
    )
    centre = found[of_pixel.reshape(-1) == counts.argmax()].mean(0)
    return found[np.linalg.norm(found - centre, axis=1) <= NEAR].mean(0)


@dataclass(frozen=True, eq=False)
class NamedColours:
    """How the dominant colours of images that are called by each name are distributed.

    Each is a normal distribution in CIELAB; an image's colour is called by the name under which it
    is likeliest.
    """

    names: tuple[str, ...]
    means: np.ndarray
    covariances: np.ndarray

    @classmethod
    def of(cls, colours: np.ndarray, names: Sequence[str]) -> NamedColours:
        """From the colours (N, 3) of real images and what each is called; rare names are left out.

        Raises:
            ValueError: fewer than two names have enough images.
        """
        called = np.array(names)
        known = [name for name in sorted(set(names)) if name and (called == name).sum() >= LEAST]
        if len(known) < 2:
            raise ValueError(f"Naming colours needs two with {LEAST} images each.")
        own = [colours[called == name] for name in known]
        means = np.stack([each.mean(0) for each in own])
        covariances = np.stack([np.cov(each.T) + SPREAD * np.eye(3) for each in own])
        return cls(tuple(known), means, covariances)

    def named(self, colours: np.ndarray) -> list[str]:
        """The name of each colour (N, 3)."""
        apart = colours[:, None] - self.means  # (N, names, 3)
        solved = np.einsum("nki,kij,nkj->nk", apart, np.linalg.inv(self.covariances), apart)
        cost = solved + np.linalg.slogdet(self.covariances)[1]
        return [self.names[at] for at in cost.argmin(1)]

    def share_right(self, images: Tensor, names: Sequence[str]) -> float:
        """The share of images, uint8 (N, 3, H, W), whose colour has the name it should have."""
        found = self.named(dominant(images))
        return float(np.mean([a == b for a, b in zip(found, names, strict=True)]))
