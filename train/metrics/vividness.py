"""Whether generated images are as colourful as real ones: how many are vivid, of how many hues.

Distances hardly see it: a wall of brown bags lies near photos of which a quarter are bright.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from studio.appearance import scene_of

# A thing is vivid when its largest and smallest channel lie so far apart, 0..1, on average.
VIVID = 0.2
HUES = 12  # of equal width around the circle
BATCH = 256


class Vividness(NamedTuple):
    """Of some images of one thing each, on a plain ground.

    Attributes:
        vivid: share of them that are vivid.
        hues: how many hues those have, as many as would be equally frequent: the exponential of
            their entropy, 1 to 12; 0 where none is vivid.
    """

    vivid: float
    hues: float


def vividness(images: Tensor) -> Vividness | None:
    """Measure uint8 images (N, 3, H, W); None for grey ones (N, 1, H, W)."""
    if images.shape[1] == 1:
        return None
    chromas, colours = [], []
    for some in images.split(BATCH):
        scene = scene_of(some.cpu())
        chromas.append(scene.mean(scene.pixels.amax(1, True) - scene.pixels.amin(1, True)))
        channels = [scene.mean(each) for each in scene.pixels.split(1, 1)]
        colours.append(torch.stack(channels, 1))
    vivid = torch.cat(chromas) > VIVID
    red, green, blue = torch.cat(colours)[vivid].T
    angles = torch.atan2(3**0.5 * (green - blue), 2 * red - green - blue)
    counts = torch.histc(angles, HUES, -torch.pi, torch.pi)
    shares = counts[counts > 0] / max(1, len(angles))
    hues = (-(shares * shares.log()).sum()).exp().item() if len(shares) else 0.0
    return Vividness(vivid.float().mean().item(), hues)
