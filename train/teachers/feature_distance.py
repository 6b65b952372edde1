"""How far drawn pictures are from photos in what a frozen network sees: a number to descend.

The sliced Wasserstein distance (Deshpande et al., 2018): features of a batch are projected on
random directions, and along each of them its sorted values are compared with as many quantiles of
the photos' values. So all that photos show is to be met, as often as they show it, rare colours and
shapes too, and there is no opponent that could run away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.generators.base import from_uint8
from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.teachers.features import Eye
from train.teachers.targets import Target, measured

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
WEIGHTS = {"layout": 1.0, "colour": 2.0, "place": 1.0}
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
        processes: among which each batch is shared; every one compares its share of the whole.
        known: what :meth:`statistics` gave for the same photos, which then are not looked at.
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
        processes: Processes | None = None,
        known: Sequence[Mapping[str, Any]] | None = None,
        on_photos: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.hardware, self.eye = hardware, Eye(network, hardware)
        self.processes = processes or Processes()
        self.classes = 0
        if condition is not None and not condition.is_floating_point():
            self.classes = int(condition.max()) + 1
        self.random = torch.Generator().manual_seed(seed)
        self.turn = 0
        if known is None:
            if mirrored:
                photos = torch.cat([photos, photos.flip(3)])
                condition = None if condition is None else torch.cat([condition, condition])
            kinds = self._of_photos(photos, on_photos)
            told = self._told(condition)
            known = [
                measured(
                    rows,
                    None if kind == "place" else told,
                    kind=kind,
                    points=min(PLACES_OF_BATCH, batch * places) if kind == "place" else batch,
                    remembered=0 if kind == "place" else REMEMBERED,
                    seed=seed + index,
                )
                for index, (kind, rows, places) in enumerate(kinds)
            ]
        self.targets = [Target(each, hardware.device, self.processes) for each in known]
        # From here on the same, whether photos were looked at or not.
        self.random.manual_seed(seed + 1)

    @property
    def deviations(self) -> list[Tensor]:
        """Of the channels of each map but the finest, over the photos' places: (1, C, 1, 1)."""
        places = [each for each in self.targets if each.kind == "place"]
        return [each.deviation.view(1, -1, 1, 1) for each in places[1:-1]]

    def statistics(self) -> list[dict[str, Any]]:
        """What was seen of the photos, to be given as ``known`` instead of looking again."""
        return [each.known for each in self.targets]

    def state_dict(self) -> dict[str, Any]:
        """What a batch is compared with besides the photos, and where chance stands."""
        return {
            "random": self.random.get_state(),
            "turn": self.turn,
            "before": [list(each.before) for each in self.targets],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken."""
        self.random.set_state(state["random"])
        self.turn = state["turn"]
        for target, before in zip(self.targets, state["before"], strict=True):
            target.remember_all(before)

    def __call__(self, seen: Look, condition: Tensor | None = None) -> Tensor:
        """The distance of a batch that was looked at from the photos, a scalar.

        The batches before it count as drawn by the same generator, not long ago.
        """
        told = self._told(condition)
        turn, self.turn = self.turn, self.turn + 1
        far = []
        for target, (kind, rows, _) in zip(self.targets, self._rows(seen), strict=True):
            if kind == "place":
                rows = self._some_of_all(rows, target.points)
            own = None if kind == "place" else told
            far.append(WEIGHTS[kind] * target.distance(rows, own, turn))
        return torch.stack(far).sum()

    def look(self, pictures: Tensor, moves: Moves | None = None) -> Look:
        """What is seen of pictures (b, C, s, s) in -1..1, moved aside by chance or as told."""
        moves = self.moves(pictures) if moves is None else moves
        pictures = aside(pictures, moves)
        return Look(pictures, self.eye(pictures))

    def moves(self, pictures: Tensor) -> Moves:
        """By how many pixels, at most 1/32 of the side, each picture is to be moved: by chance."""
        own, processes = len(pictures), self.processes
        size = own * processes.count, 2
        moves = torch.randint(2 * _most_aside(pictures) + 1, size, generator=self.random)
        own_moves = moves[processes.rank * own :][:own].tolist()
        return [(down, right) for down, right in own_moves]

    def _rows(self, seen: Look) -> list[tuple[str, Tensor, int]]:
        """What is compared: its kind, rows, and how many of them each picture has.

        Rows are (b, C, s, s) of pictures, and (n, C) of places.
        """
        wholes = [("layout", F.adaptive_avg_pool2d(each, LAYOUT_SIDE), 1) for each in seen.maps]
        wholes += [
            ("colour", F.adaptive_avg_pool2d(seen.pictures, side), 1) for side in COLOUR_SIDES
        ]
        places = [each.flatten(2) for each in seen.maps]
        places.append(F.unfold(finest(seen.pictures), PATCH, stride=PATCH_STRIDE))
        flat = [("place", each.transpose(1, 2).flatten(0, 1), each.shape[2]) for each in places]
        return [*wholes, *flat]

    @torch.no_grad()
    def _of_photos(
        self, photos: Tensor, on_photos: Callable[[int], None]
    ) -> list[tuple[str, Tensor, int]]:
        """The same rows of all photos, of some of their places."""
        found: list[list[Tensor]] = []
        for some in photos.split(READ_AT_ONCE):
            pictures = from_uint8(some.to(self.hardware.device), (-1.0, 1.0))
            most = 2 * _most_aside(pictures) + 1
            moves = torch.randint(most, (len(some), 2), generator=self.random).tolist()
            kinds = self._rows(self.look(pictures, [(down, right) for down, right in moves]))
            found.append(
                [
                    self._some(rows, PLACES_OF_PHOTO * len(some)) if kind == "place" else rows
                    for kind, rows, _ in kinds
                ]
            )
            on_photos(len(some))
        result = []
        for (kind, _, places), parts in zip(kinds, zip(*found, strict=True), strict=True):
            rows = torch.cat(parts)
            if kind == "place":
                rows = self._some(rows, PLACES_OF_PHOTOS)
            result.append((kind, rows, places))
        return result

    def _some(self, rows: Tensor, wanted: int) -> Tensor:
        """Random ones of the rows, at most ``wanted``, none twice."""
        return rows[torch.randperm(len(rows), generator=self.random)[:wanted].to(rows.device)]

    def _some_of_all(self, rows: Tensor, wanted: int) -> Tensor:
        """Those of this process's rows that are among ``wanted`` random ones of all processes'."""
        processes = self.processes
        if processes.count == 1:
            return self._some(rows, wanted)
        own, first = len(rows), processes.rank * len(rows)
        chosen = torch.randperm(own * processes.count, generator=self.random)[:wanted] - first
        return rows[chosen[(chosen >= 0) & (chosen < own)].to(rows.device)]

    def _told(self, condition: Tensor | None) -> Tensor | None:
        """Conditions as rows (n, k): a text's vector, or a single one at the label's place."""
        if condition is None:
            return None
        condition = condition.to(self.hardware.device)
        if condition.is_floating_point():
            return condition
        return F.one_hot(condition, self.classes).float()


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
