"""Twice the pixels, learnt from product photos: what a picture of 256 px might show at 512 px.

A small network adds to a Lanczos enlargement. What it adds was not in the picture: it is made up,
as photos would have it. So it is added by a strength, it moves no surface's colour, and pictures
that carry it say so (:mod:`studio.exports`).

Its files are a folder beside the checkpoints, ``detail``: ``enlarger.safetensors``, and a
``card.json`` with its settings, the weights' hash, what it learnt from and what it may be used for.
``python -m train detail`` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from studio.checkpoint import CARD, CheckpointError, as_text, load_weights, save_weights
from studio.files import sha256, write_whole
from studio.generators.base import from_uint8, to_uint8
from studio.generators.decoder import ResidualBlock, convolution, rectified, small

FOLDER, WEIGHTS = "detail", "enlarger.safetensors"
KIND, FORMAT = "enlarger", 1
# Unless another one is asked for; at 1 a weave that some designs have shows more.
STRENGTH = 0.7
UNIT = (-1.0, 1.0)
# Pixels of the enlarged over which what is added comes to nothing: it can sharpen an edge, which
# only moves light from one side to the other, and can't tint a surface.
LEVEL = 16
LOBES = 3  # of Lanczos
# As far as an end of a picture reaches, over which its outermost pixels are repeated; else what the
# network makes of an end shows as a frame.
BEYOND = 24
MAX_WIDTH, MAX_BLOCKS = 128, 16


class Enlarger(nn.Module):
    """Pictures (n, 3, h, w) in -1..1 to what is to be added to their Lanczos enlargements.

    The result is (n, 3, 2h, 2w). Most of the work is done at half the picture's size, where it is
    cheap and sees far: maps are halved, refined by residual blocks and doubled bilinearly, beside
    maps at the picture's own size. The last doubling puts four channels into a square of four
    pixels (Shi et al., 2016), and a convolution over them joins these. Nothing is normalised.
    With the widths that ship it takes 2.6 thousand million multiply-adds for 512 px.

    Args:
        width: of maps at the picture's size; they are twice as wide at half of it.
        blocks: residual blocks at half the size.
        fine: width of maps at twice the size.

    Raises:
        ValueError: one of them is out of range.
    """

    def __init__(self, width: int = 24, blocks: int = 2, fine: int = 8) -> None:
        super().__init__()
        whole = all(isinstance(each, int) for each in (width, blocks, fine))
        if not whole or not (0 < width <= MAX_WIDTH and 0 < fine <= MAX_WIDTH):
            raise ValueError(f"An enlarger is 1 to {MAX_WIDTH} wide, not {width}, {fine}.")
        if not 0 <= blocks <= MAX_BLOCKS:
            raise ValueError(f"An enlarger has up to {MAX_BLOCKS} blocks, not {blocks}.")
        self.width, self.blocks, self.fine = width, blocks, fine
        self.first = convolution(3, width)
        self.halve = convolution(width, 2 * width, stride=2)
        self.body = nn.Sequential(*(ResidualBlock(2 * width) for _ in range(blocks)))
        self.back = convolution(2 * width, width)
        self.own = convolution(width, width)
        self.spread = convolution(width, 4 * fine)
        self.last = small(nn.Conv2d(fine, 3, 3, 1, 1))

    @property
    def config(self) -> dict[str, int]:
        """The arguments that make this network again."""
        return {"width": self.width, "blocks": self.blocks, "fine": self.fine}

    def forward(self, pictures: Tensor) -> Tensor:
        """What is to be added.

        Raises:
            ValueError: the pictures' sides are no multiples of 8.
        """
        if any(side % (LEVEL // 2) for side in pictures.shape[2:]):
            raise ValueError(f"Pictures to enlarge have sides of a multiple of {LEVEL // 2} px.")
        maps = rectified(self.first(pictures))
        deep = self.back(rectified(self.body(self.halve(maps))))
        deep = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
        maps = self.own(rectified(maps + deep))
        maps = F.pixel_shuffle(self.spread(rectified(maps)), 2)
        added = self.last(rectified(maps)).float()
        level = F.avg_pool2d(added, LEVEL)
        return added - F.interpolate(
            level, scale_factor=LEVEL, mode="bilinear", align_corners=False
        )


@lru_cache(8)
def lanczos_rows(size: int) -> Tensor:
    """The matrix (2 size, size) that doubles a row of pixels as Pillow's Lanczos does.

    Weights that would lie outside are left away, and the others add up to 1.
    """
    centres = (torch.arange(2 * size, dtype=torch.float64) + 0.5) / 2
    apart = centres[:, None] - (torch.arange(size, dtype=torch.float64) + 0.5)
    weights = torch.sinc(apart) * torch.sinc(apart / LOBES) * (apart.abs() < LOBES)
    return (weights / weights.sum(1, keepdim=True)).float()


def lanczos(pictures: Tensor) -> Tensor:
    """Pictures (n, c, h, w) at twice their size, float32, by Lanczos; not clipped."""
    height, width = pictures.shape[2:]
    down = lanczos_rows(height).to(pictures.device)
    return down @ pictures.float() @ lanczos_rows(width).to(pictures.device).T


@dataclass(frozen=True)
class Detail:
    """A learnt enlarger in memory, and its card."""

    network: Enlarger
    card: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Which weights: 12 hex digits of their file's SHA-256."""
        return str(self.card["enlarger_sha256"])[:12]

    def note(self, side: int, strength: float) -> str:
        """What a picture of ``side`` pixels that was enlarged so is to say of itself."""
        data = self.card.get("data") or {}
        learnt = data.get("name", "photos") if isinstance(data, dict) else "photos"
        return (
            f"Drawn at {side} px. All detail finer than that is made up by a network that learnt"
            f" from {learnt}, and added at a strength of {strength:g}"
            f" (enlarger {self.fingerprint})."
        )

    @torch.inference_mode()
    def __call__(self, image: Image.Image, strength: float = STRENGTH) -> Image.Image:
        """An RGB image at twice its size. A strength of 0 is Lanczos alone, 1 all that was learnt.

        Raises:
            ValueError: the strength is not from 0 to 1, the image is not RGB, or one of its sides
                is no multiple of 8.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"A strength of detail is from 0 to 1, not {strength}.")
        if image.mode != "RGB":
            raise ValueError(f"Detail is for pictures in colour, not {image.mode}.")
        twice = image.resize((2 * image.width, 2 * image.height), Image.Resampling.LANCZOS)
        if not strength:
            return twice
        picture, enlarged = (from_uint8(_tensor(each), UNIT) for each in (image, twice))
        added = self.network(F.pad(picture, (BEYOND,) * 4, mode="replicate"))
        added = added[..., 2 * BEYOND : -2 * BEYOND, 2 * BEYOND : -2 * BEYOND]
        result = to_uint8(enlarged + strength * added, UNIT)
        return Image.fromarray(np.ascontiguousarray(result[0].permute(1, 2, 0).numpy()))


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def fits(side: int) -> bool:
    """Whether detail can be added to pictures of such a side."""
    return not side % (LEVEL // 2)


def load(folder: Path) -> Detail:
    """The enlarger in a folder, in evaluation mode, in float32.

    Raises:
        CheckpointError: a file is missing, damaged or does not fit the card.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if not isinstance(card, dict) or (card.get("kind"), card.get("format")) != (KIND, FORMAT):
            raise ValueError(f"{CARD} is not that of an enlarger")
        if sha256(folder / WEIGHTS) != card.get("enlarger_sha256"):
            raise ValueError(f"{WEIGHTS} is not the file its card describes")
        network = Enlarger(**card["enlarger"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(f"{folder}: this enlarger can't be used ({error}).") from error
    load_weights(network, folder / WEIGHTS)
    return Detail(network.eval().requires_grad_(False), card)


def save(folder: Path, network: Enlarger, card: Mapping[str, Any]) -> None:
    """Write an enlarger's folder whole, its weights in float16, replacing one that is there.

    ``card`` is completed with what it is, its settings and its file's hash.
    """
    with write_whole(folder) as fresh:
        save_weights(network, fresh / WEIGHTS, half=True)
        complete = {
            **card,
            "kind": KIND,
            "format": FORMAT,
            "enlarger": network.config,
            "enlarger_sha256": sha256(fresh / WEIGHTS),
        }
        (fresh / CARD).write_bytes(as_text(complete))
