"""Several checkpoints' measures side by side, for people."""

from __future__ import annotations

from collections.abc import Sequence

from train.metrics.quality import Quality

# The field, its name, how it is written, and which way is better.
ROWS = (
    ("frechet", "Fréchet distance", "{:.2f}", "lower"),
    ("kernel", "kernel distance", "{:.4f}", "lower"),
    ("kernel_deviation", "  its deviation", "{:.4f}", ""),
    ("precision", "precision", "{:.3f}", "higher"),
    ("recall", "recall", "{:.3f}", "higher"),
    ("density", "density", "{:.3f}", "about 1"),
    ("coverage", "coverage", "{:.3f}", "higher"),
    ("diversity", "diversity", "{:.3f}", "about 1"),
    ("diversity_within", "diversity in a class", "{:.3f}", "about 1"),
    ("class_accuracy", "class accuracy", "{:.3f}", "higher"),
    ("copies", "copies", "{:.3f}", "as real"),
)
NONE = "–"


def table(found: Sequence[tuple[str, Quality]]) -> str:
    """A column for each named quality, and what real images get after those that share it.

    Rows that nothing was measured for are left out. Under the table stands how it was measured.
    """
    columns = [["", *(name for _, name, _, _ in ROWS)]]
    protocols: list[str] = []
    for index, (name, quality) in enumerate(found):
        columns.append([name, *_cells(quality.to_dict())])
        following = found[index + 1][1] if index + 1 < len(found) else None
        if following is None or _floors(following) != _floors(quality):
            columns.append(["real images", *_cells(_floors(quality))])
        if quality.protocol not in protocols:
            protocols.append(quality.protocol)
    columns.append(["better", *(better for *_, better in ROWS)])
    rows = list(zip(*columns, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = [_line(row, widths) for row in rows if set(row[1:-1]) != {NONE}]
    return "\n".join([*lines, "", *protocols])


def _floors(quality: Quality) -> dict[str, float]:
    return {"frechet": quality.floor, **quality.floors}


def _cells(values: dict[str, float]) -> list[str]:
    return [form.format(values[key]) if key in values else NONE for key, _, form, _ in ROWS]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()
