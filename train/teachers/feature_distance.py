"""How far drawn pictures are from photos in what a frozen network sees: a number to descend.

The sliced Wasserstein distance (Deshpande et al., 2018): features of a batch are projected on
random directions, and along each of them its sorted values are compared with as many quantiles of
the photos' values. So all that photos show is to be met, as often as they show it, rare colours and
shapes too, and there is no opponent that could run away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.generators.base import from_uint8
from train.devices.hardware import Hardware
from train.teachers.features import Eye

# What a picture shows where: maps averaged to so many places a side; its colours, likewise.
LAYOUT_SIDE = 4
COLOUR_SIDES = (4, 8, 16)
# How surfaces look, wherever they are: single places of the maps, and patches of what is finest in
# the pictures, of so many pixels, so far apart. Without those, generators came to draw a fine grid;
# in case the network's strides hide it, they also see every picture a little aside.
PATCH, PATCH_STRIDE = 4, 7
ASIDE = 1 / 32  # of the side at most, either way
PLACES_OF_PHOTO = 32
PLACES_OF_PHOTOS = 32_768
PLACES_OF_BATCH = 4096
# Along how many directions each kind is compared, and how many sets of them take turns.
LAYOUT_DIRECTIONS, COLOUR_DIRECTIONS, PLACE_DIRECTIONS = 256, 64, 32
TURNS = 32
COLOUR_WEIGHT = 2.0
# A batch is ranked together with so many before it: the extremes of few pictures seldom are those
# of the photos, so that pictures which differ too little would come nearest to them.
REMEMBERED = 7
READ_AT_ONCE = 64


# Down and to the right, from 0 to twice the most that a picture is moved either way.
Moves = list[tuple[int, int]]


class Look(NamedTuple):
    """What is seen of pictures: they, moved aside, (b, C, s, s), and maps of them, finest first."""

    pictures: Tensor
    maps: list[Tensor]

    def first(self, count: int) -> Look:
        """What is seen of the first pictures."""
        return Look(self.pictures[:count], [each[:count] for each in self.maps])


class FeatureDistance:
    """Measures batches of pictures, differentiably, against photos whose part is computed once.

    With categories or words, pictures are compared together with what they are meant to be (the
    joint distribution): along each direction every category or term shifts them by a random amount.

    Args:
        network: pictures (b, 3, s, s) in -1..1 to maps, see
            :func:`train.teachers.features.frozen_stages`.
        photos: uint8 (N, C, S, S), of one or three channels.
        condition: of the photos, int64 labels (N,) or texts as vectors (N, words), or None.
        batch: how many pictures are compared at a time.
        mirrored: whether photos count mirrored too.
        seed: decides directions and places; they are drawn on the CPU, the same for any hardware.
        hardware: where to compute.
        on_photos: is called with how many were looked at, batch by batch, mirrored ones too.
    """

    def __init__(
        self,
        network: nn.Module,
        photos: Tensor,
        condition: Tensor | None,
        *,
        batch: int,
        mirrored: bool,
        seed: int,
        hardware: Hardware,
        on_photos: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.hardware, self.eye = hardware, Eye(network, hardware)
        labelled = condition is not None and not condition.is_floating_point()
        self.classes = int(condition.max()) + 1 if labelled else 0
        self.random = torch.Generator().manual_seed(seed)
        self.turn = 0
        if mirrored:
            photos = torch.cat([photos, photos.flip(3)])
            condition = None if condition is None else torch.cat([condition, condition])
        told = self._told(condition)
        wholes, places = self._of_photos(photos, on_photos)
        layouts = len(wholes) - len(COLOUR_SIDES)
        counts = [LAYOUT_DIRECTIONS] * layouts + [COLOUR_DIRECTIONS] * len(COLOUR_SIDES)
        self.weights = [1.0] * layouts + [COLOUR_WEIGHT] * len(COLOUR_SIDES)
        self.wholes = [
            Target(
                rows,
                told,
                points=batch,
                remembered=REMEMBERED,
                directions=count,
                random=self.random,
            )
            for rows, count in zip(wholes, counts, strict=True)
        ]
        self.places = [
            Target(
                rows[self._some(len(rows), PLACES_OF_PHOTOS)],
                None,
                points=min(PLACES_OF_BATCH, batch * count),
                remembered=0,
                directions=PLACE_DIRECTIONS,
                random=self.random,
            )
            for rows, count in zip(places, self.places_of_picture, strict=True)
        ]

    def __call__(self, seen: Look, condition: Tensor | None = None) -> Tensor:
        """The distance of a batch that was looked at from the photos, a scalar.

        The batches before it count as drawn by the same generator, not long ago.
        """
        told = self._told(condition)
        wholes, places = self._rows(seen)
        turn, self.turn = self.turn, (self.turn + 1) % TURNS
        far = [
            weight * target.distance(rows, told, turn)
            for weight, target, rows in zip(self.weights, self.wholes, wholes, strict=True)
        ]
        far += [
            target.distance(rows[self._some(len(rows), target.points)], None, turn)
            for target, rows in zip(self.places, places, strict=True)
        ]
        return torch.stack(far).sum()

    def look(self, pictures: Tensor, moves: Moves | None = None) -> Look:
        """What is seen of pictures (b, C, s, s) in -1..1, moved aside by chance or as told."""
        moves = self.moves(pictures) if moves is None else moves
        pictures = aside(pictures, moves)
        return Look(pictures, self.eye(pictures))

    def moves(self, pictures: Tensor) -> Moves:
        """By how many pixels, at most 1/32 of the side, each picture is to be moved: by chance."""
        most = _most_aside(pictures)
        moves = torch.randint(2 * most + 1, (len(pictures), 2), generator=self.random)
        return [(down, right) for down, right in moves.tolist()]

    def _rows(self, seen: Look) -> tuple[list[Tensor], list[Tensor]]:
        """What is compared: rows for each picture (b, C, s, s), and for each place (n, C)."""
        wholes = [F.adaptive_avg_pool2d(each, LAYOUT_SIDE) for each in seen.maps]
        wholes += [F.adaptive_avg_pool2d(seen.pictures, side) for side in COLOUR_SIDES]
        places = [each.flatten(2) for each in seen.maps]
        places.append(F.unfold(finest(seen.pictures), PATCH, stride=PATCH_STRIDE))
        self.places_of_picture = [each.shape[2] for each in places]
        return wholes, [each.transpose(1, 2).flatten(0, 1) for each in places]

    @torch.no_grad()
    def _of_photos(
        self, photos: Tensor, on_photos: Callable[[int], None]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The same rows of all photos, of some of their places."""
        wholes, places = [], []
        for some in photos.split(READ_AT_ONCE):
            seen = self.look(from_uint8(some.to(self.hardware.device), (-1.0, 1.0)))
            whole, place = self._rows(seen)
            wholes.append(whole)
            places.append(
                [each[self._some(len(each), PLACES_OF_PHOTO * len(some))] for each in place]
            )
            on_photos(len(some))
        return _joined(wholes), _joined(places)

    def _some(self, count: int, wanted: int) -> Tensor:
        """Random places of ``count`` rows, at most ``wanted``, none twice."""
        return torch.randperm(count, generator=self.random)[:wanted].to(self.hardware.device)

    def _told(self, condition: Tensor | None) -> Tensor | None:
        """Conditions as rows (n, k): a text's vector, or a single one at the label's place."""
        if condition is None:
            return None
        condition = condition.to(self.hardware.device)
        if condition.is_floating_point():
            return condition
        return F.one_hot(condition, self.classes).float()


class Target:
    """One kind of the photos' features: their quantiles along sets of random directions.

    Args:
        rows: (n, C, …); each channel is divided by its standard deviation.
        told: (n, k) of each row, or None.
        points: how many rows there will be to compare at a time.
        remembered: with how many times as many, compared before, they are ranked.
        directions: in each set.
        random: on the CPU.
    """

    def __init__(
        self,
        rows: Tensor,
        told: Tensor | None,
        *,
        points: int,
        remembered: int,
        directions: int,
        random: torch.Generator,
    ) -> None:
        self.points = points * (1 + remembered)
        self.before: deque[tuple[Tensor, Tensor | None]] = deque(maxlen=remembered)
        others = [axis for axis in range(rows.dim()) if axis != 1]
        self.deviation = rows.std(others, keepdim=True).clamp(min=1e-6)
        flat = self._flat(rows)
        self.turns = []
        for _ in range(TURNS):
            ways = torch.randn(flat.shape[1], directions, generator=random)
            ways = (ways / ways.norm(dim=0)).to(rows.device)
            shifts = None
            if told is not None:
                shifts = torch.randn(told.shape[1], directions, generator=random).to(rows.device)
            values = projected(flat, ways, told, shifts).sort(0).values
            self.turns.append((ways, shifts, quantiles(values, self.points)))

    def distance(self, rows: Tensor, told: Tensor | None, turn: int) -> Tensor:
        """The mean squared distance of ``points`` rows, which it remembers, a scalar."""
        ways, shifts, wanted = self.turns[turn]
        flat = self._flat(rows)
        values = projected(flat, ways, told, shifts)
        with torch.no_grad():
            before = [projected(each, ways, of_each, shifts) for each, of_each in self.before]
            ranks = torch.cat([values, *before]).argsort(0).argsort(0)
            wanted = quantiles(wanted, len(ranks)).gather(0, ranks[: len(values)])
        self.before.append((flat.detach(), told))
        return (values - wanted).square().mean()

    def _flat(self, rows: Tensor) -> Tensor:
        """Rows as (n, d), in terms of the photos' standard deviations."""
        return (rows / self.deviation).flatten(1)


def aside(pictures: Tensor, moves: Moves) -> Tensor:
    """Each picture moved by pixels of its own; what comes into view is as the edge."""
    size, most = pictures.shape[-1], _most_aside(pictures)
    padded = F.pad(pictures, (most,) * 4, mode="replicate")
    return torch.stack(
        [
            picture[:, down : down + size, right : right + size]
            for picture, (down, right) in zip(padded, moves, strict=True)
        ]
    )


def _most_aside(pictures: Tensor) -> int:
    return max(1, round(pictures.shape[-1] * ASIDE))


def finest(pictures: Tensor) -> Tensor:
    """What a picture (b, C, s, s) loses at half its size: the top of a Laplacian pyramid."""
    half = F.avg_pool2d(pictures, 2)
    return pictures - F.interpolate(
        half, size=pictures.shape[-1], mode="bilinear", align_corners=False
    )


def _joined(parts: list[list[Tensor]]) -> list[Tensor]:
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def projected(rows: Tensor, ways: Tensor, told: Tensor | None, shifts: Tensor | None) -> Tensor:
    """Rows (n, d) along directions (d, k), shifted by what each is told: (n, k)."""
    return rows @ ways if told is None else torch.addmm(told @ shifts, rows, ways)


def quantiles(values: Tensor, points: int) -> Tensor:
    """Of sorted values (n, k) those in the middle of ``points`` equal shares: (points, k)."""
    at = (torch.arange(points, device=values.device) + 0.5) / points * len(values) - 0.5
    low = at.floor().long().clamp(0, len(values) - 1)
    high = (low + 1).clamp(max=len(values) - 1)
    return torch.lerp(values[low], values[high], (at - low).clamp(0, 1)[:, None])
