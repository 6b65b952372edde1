"""Two views of one photo: what an instance of a thing keeps when it is photographed again."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from train.extractor.network import scaled

ENLARGED = (0.85, 1.35)  # how much, at least and at most
SHIFTED = 0.08  # at most, in widths of the picture
TURNED = 8.0  # at most, in degrees
# How much of the light is left at least: grounds are between 240 and 255.
DIMMED = 0.92
TEMPERATURE = 0.2  # of the instance loss


def view(images: Tensor, size: int, random: torch.Generator) -> Tensor:
    """Each of ``images``, uint8 (N, 3, H, W), seen a little otherwise: (N, 3, size, size), -1..1.

    They are mirrored, moved, turned, enlarged and dimmed; the border goes on outside of a picture.
    Hue, chroma and sharpness stay: features that forgave changes of them could not measure them.
    """
    count = len(images)

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=random)

    turn = torch.deg2rad(between(-TURNED, TURNED))
    mirror = torch.where(between(0, 1) < 0.5, -1.0, 1.0)
    scale = 1 / between(*ENLARGED)
    rows = torch.stack(
        [
            *(mirror * scale * turn.cos(), -scale * turn.sin(), between(-2, 2) * SHIFTED),
            *(mirror * scale * turn.sin(), scale * turn.cos(), between(-2, 2) * SHIFTED),
        ],
        1,
    ).view(count, 2, 3)
    light = between(DIMMED, 1).view(count, 1, 1, 1)
    grid = F.affine_grid(rows, [count, 3, size, size], align_corners=False).to(images.device)
    seen = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return scaled(seen * light.to(images.device))


def instance_loss(first: Tensor, second: Tensor) -> Tensor:
    """How badly two views (N, D) of each photo find each other among all 2 N views: a scalar.

    The normalised temperature-scaled cross entropy (NT-Xent) of SimCLR, Chen et al., 2020.
    """
    views = F.normalize(torch.cat([first, second]).float(), dim=1)
    alike = views @ views.T / TEMPERATURE
    alike.fill_diagonal_(-torch.inf)
    partners = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(alike, partners)
