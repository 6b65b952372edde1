"""The sliced Wasserstein distance of rows from the photos' rows (Deshpande et al., 2018).

Rows are projected on random directions. Along each of them sorted values are compared with as many
quantiles of the photos' values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from train.devices.distributed import Processes

# Along how many directions each kind of rows is compared, and how many sets of them take turns.
DIRECTIONS = {"layout": 256, "colour": 64, "place": 32}
TURNS = 32


def measured(
    rows: Tensor,
    told: Tensor | None,
    *,
    kind: str,
    points: int,
    remembered: int,
    seed: int,
) -> dict[str, Any]:
    """What a :class:`Target` needs to know of the photos, as tensors and plain values.

    Args:
        rows: (n, C, …) of the photos; each channel is divided by its standard deviation.
        told: (n, k) of each row, or None.
        kind: of :data:`DIRECTIONS`.
        points: how many rows there will be to compare at a time, over all processes.
        remembered: with how many times as many, compared before, they are ranked.
        seed: decides the directions.
    """
    others = [axis for axis in range(rows.dim()) if axis != 1]
    deviation = rows.std(others, keepdim=True).clamp(min=1e-6)
    flat = (rows / deviation).flatten(1)
    views = 0 if told is None else told.shape[1]
    sets = directions(flat.shape[1], views, DIRECTIONS[kind], seed)
    wanted = []
    for ways, shifts in sets:
        ways, shifts = ways.to(rows.device), None if shifts is None else shifts.to(rows.device)
        values = projected(flat, ways, told, shifts).sort(0).values
        # Half precision is ample for what is compared with a batch, and halves what a run keeps.
        wanted.append(quantiles(values, points * (1 + remembered)).half().cpu())
    return {
        "kind": kind,
        "deviation": deviation.cpu(),
        "width": flat.shape[1],
        "views": views,
        "points": points,
        "remembered": remembered,
        "seed": seed,
        "wanted": torch.stack(wanted),
    }


class Target:
    """One kind of the photos' rows: their quantiles along sets of random directions.

    Args:
        known: as :func:`measured` gives it.
        device: where rows will be.
        processes: among which the rows are shared.
    """

    def __init__(
        self, known: Mapping[str, Any], device: torch.device, processes: Processes | None = None
    ) -> None:
        self.known = dict(known)
        self.kind, self.points = known["kind"], known["points"]
        self.processes, self.device = processes or Processes(), device
        self.deviation = known["deviation"].to(device)
        sets = directions(known["width"], known["views"], DIRECTIONS[self.kind], known["seed"])
        self.turns = [
            (
                ways.to(device),
                None if shifts is None else shifts.to(device),
                wanted.float().to(device),
            )
            for (ways, shifts), wanted in zip(sets, known["wanted"], strict=True)
        ]
        self.before: deque[tuple[Tensor, Tensor | None]] = deque(maxlen=known["remembered"])

    def distance(self, rows: Tensor, told: Tensor | None, turn: int) -> Tensor:
        """The mean squared distance of rows (n, C, …), which it remembers, a scalar.

        Of several processes each gives its own rows, and gets its part of the whole distance, whose
        gradients are right after :meth:`train.devices.distributed.Processes.average_gradients`.
        """
        ways, shifts, wanted = self.turns[turn % len(self.turns)]
        flat = (rows / self.deviation).flatten(1)
        values = projected(flat, ways, told, shifts)
        with torch.no_grad():
            everyone = self.processes.gather(values.detach())
            before = [projected(each, ways, of_each, shifts) for each, of_each in self.before]
            ranks = torch.cat([everyone, *before]).argsort(0).argsort(0)
            first = self.processes.offset(len(values), values.device)
            own = ranks[first : first + len(values)]
            wanted = quantiles(wanted, len(ranks)).gather(0, own)
        if self.before.maxlen:  # those of all processes, so that any number of them can go on
            of_all = None if told is None else self.processes.gather(told)
            self.before.append((self.processes.gather(flat.detach()), of_all))
        share = self.processes.count / everyone.numel()
        return (values - wanted).square().sum() * share

    def remember_all(self, before: Sequence[tuple[Tensor, Tensor | None]]) -> None:
        """Rank what comes with these batches (n, d) and what they were told, as before."""
        self.before.clear()
        for rows, told in before:
            told = None if told is None else told.to(self.device)
            self.before.append((rows.to(self.device), told))


def directions(
    width: int, views: int, count: int, seed: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Sets of unit directions (width, count), and shifts (views, count) of what rows are told.

    They are drawn on the CPU, the same for any hardware.
    """
    random = torch.Generator().manual_seed(seed)
    for _ in range(TURNS):
        ways = torch.randn(width, count, generator=random)
        shifts = torch.randn(views, count, generator=random) if views else None
        yield ways / ways.norm(dim=0), shifts


def projected(rows: Tensor, ways: Tensor, told: Tensor | None, shifts: Tensor | None) -> Tensor:
    """Rows (n, d) along directions (d, k), shifted by what each is told: (n, k)."""
    if told is None:
        return rows @ ways
    assert shifts is not None, "made for rows that are told nothing"
    return torch.addmm(told @ shifts, rows, ways)


def quantiles(values: Tensor, points: int) -> Tensor:
    """Of sorted values (n, k) those in the middle of ``points`` equal shares: (points, k)."""
    at = (torch.arange(points, device=values.device) + 0.5) / points * len(values) - 0.5
    low = at.floor().long().clamp(0, len(values) - 1)
    high = (low + 1).clamp(max=len(values) - 1)
    return torch.lerp(values[low], values[high], (at - low).clamp(0, 1)[:, None])
