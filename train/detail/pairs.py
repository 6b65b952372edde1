"""Photos, and what a coded generator makes of them at half their size, to learn to enlarge from."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.base import from_uint8
from studio.generators.coded import CodedGenerator
from train.data.images import DataError, load_images
from train.metrics.reconstruction import come_back

HELD_OUT = 10  # one product of so many
# Of its side that a photo had before it was resized: one that had less shows no detail to learn.
SHARP = 0.9375
LEAST = 2  # photos to learn from, and as many to measure with
# How much of a picture to learn from is what came back of its photo, and how often all of it.
ALL_BACK, LEAST_BACK = 0.7, 0.3
NOISY, NOISE = 0.3, 0.02  # how often noise is added to it, and how much at most, in -1..1
BLURRED = 0.15  # how often it is blurred


@dataclass(frozen=True, eq=False)
class Pairs:
    """Photos and what they are to be enlarged from.

    Attributes:
        photos: uint8 (N, 3, 2s, 2s).
        reduced: the same photos at half their size, uint8 (N, 3, s, s).
        back: what comes back of those by their codes, likewise.
        held_out: bool (N,), which photos nothing is learnt from.
        blurred: how many photos were too small, and are not among these.
    """

    photos: Tensor
    reduced: Tensor
    back: Tensor
    held_out: Tensor
    blurred: int = 0


def load(
    place: str | Path,
    generator: CodedGenerator,
    encoders: nn.ModuleDict,
    *,
    fit: str = "crop",
    ground: int | None = None,
    progress: bool = False,
) -> Pairs:
    """Read the photos at ``place`` at twice the size of what the generator draws, and at its own.

    A tenth of all products is held out, by names: see :func:`product`. Photos that were smaller
    than 0.94 of that size are left away, as they would teach it to draw soft pictures.

    Raises:
        DataError: nothing usable is there, too few photos are large enough, or all are held out.
    """
    size = generator.image_size
    found = [
        load_images(place, each, 3, fit=fit, ground=ground, minimum=2 * LEAST, progress=progress)
        for each in (2 * size, size)
    ]
    large = found[0]
    if large.sides is None:
        raise DataError(f"{place} holds no files of photos of their own size.")
    sharp = large.sides >= SHARP * 2 * size
    aside = torch.tensor([held_out(name) for name in large.names])
    for kept, what in ((sharp & ~aside, "to learn from"), (sharp & aside, "to measure with")):
        if int(kept.sum()) < LEAST:
            raise DataError(
                f"{place} holds {int(kept.sum())} photos of at least {round(SHARP * 2 * size)} px"
                f" {what}, and {LEAST} are needed."
            )
    reduced = found[1].images[sharp]
    back = come_back(reduced, generator, encoders)
    return Pairs(large.images[sharp], reduced, back, aside[sharp], int((~sharp).sum()))


def product(name: str) -> str:
    """Which product a photo's file shows: the first seven digits, else all of the file's name.

    Numbers of ten digits are a product's and its colour's in H&M's photos.
    """
    stem = PurePosixPath(name).stem
    number = re.fullmatch(r"(\d{7})\d{3}", stem)
    return number[1] if number else stem


def held_out(name: str) -> bool:
    """Whether a photo is held out; its product alone decides."""
    return zlib.crc32(product(name).encode()) % HELD_OUT == 0


class Crops:
    """Batches of crops to learn from, each from another place, drawn by ``random``.

    Args:
        side: of the pictures' crops in pixels; of photos they are twice as large.
    """

    def __init__(self, pairs: Pairs, batch: int, side: int, random: torch.Generator) -> None:
        self.pairs, self.batch, self.random = pairs, batch, random
        self.rows = (~pairs.held_out).nonzero()[:, 0]
        self.side = min(side, pairs.reduced.shape[-1])

    def draw(self) -> tuple[Tensor, Tensor]:
        """Pictures (batch, 3, side, side) and what they show at twice the size, in -1..1."""
        room = self.pairs.reduced.shape[-1] - self.side + 1
        draws = torch.rand(self.batch, 8, generator=self.random).tolist()
        pictures, photos = [], []
        for one in draws:
            row = int(self.rows[int(one[0] * len(self.rows))])
            top, left = int(one[1] * room), int(one[2] * room)
            small = slice(top, top + self.side), slice(left, left + self.side)
            large = tuple(slice(2 * each.start, 2 * each.stop) for each in small)
            back, reduced, photo = (
                from_uint8(each[row][:, where[0], where[1]], (-1.0, 1.0))
                for each, where in (
                    (self.pairs.back, small),
                    (self.pairs.reduced, small),
                    (self.pairs.photos, large),
                )
            )
            share = 1.0 if one[3] < ALL_BACK else LEAST_BACK + (1 - LEAST_BACK) * one[4]
            picture = self._disturbed(torch.lerp(reduced, back, share), one[5], one[6])
            flip = [-1] if one[7] < 0.5 else []
            pictures.append(picture.flip(flip))
            photos.append(photo.flip(flip))
        return torch.stack(pictures), torch.stack(photos)

    def _disturbed(self, picture: Tensor, noisy: float, blurred: float) -> Tensor:
        if blurred < BLURRED:
            blurry = F.avg_pool2d(F.pad(picture[None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0]
            picture = torch.lerp(picture, blurry, blurred / BLURRED)
        if noisy < NOISY:
            noise = torch.randn(picture.shape, generator=self.random)
            picture = picture + noise * (NOISE * noisy / NOISY)
        return picture
