"""The numbers and words of a training, as the page's own modules make them."""

from __future__ import annotations

from typing import Any

import pytest
from visiting import Visitor

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def ask(regular: Visitor) -> Any:
    """``ask("axis", 1, 2, False)``: the answer of a function of one of the page's modules."""

    def ask(name: str, *arguments: Any, module: str = "train-numbers.js") -> Any:
        return regular.module(
            module, "(found, [name, values]) => found[name](...values)", [name, list(arguments)]
        )

    return ask


def test_smoothing(ask: Any) -> None:
    assert ask("smoothed", [3, 1, 2], 1) == [3, 1, 2]
    # Corrected for its start: a constant stays what it is, from the first value on.
    assert ask("smoothed", [5, 5, 5, 5], 10) == pytest.approx([5] * 4)
    keep = 0.5
    second = (keep * (1 - keep) * 4 + (1 - keep) * 8) / (1 - keep**2)
    assert ask("smoothed", [4, 8], 2) == pytest.approx([4, second])
    assert ask("smoothed", [4, None, 8], 2) == pytest.approx([4, None, second])
    assert ask("smoothed", [], 5) == []


def test_thinning(ask: Any) -> None:
    assert ask("thin", [1, 2, 3], 3) == [1, 2, 3]
    thinned = ask("thin", list(range(601)), 600)
    assert len(thinned) == 300 and thinned == sorted(set(thinned))
    assert thinned[0] == 0 and thinned[-1] == 600


@pytest.mark.parametrize(
    ("low", "high", "logarithmic", "ticks"),
    [
        (0.13, 3.9, False, [0, 1, 2, 3, 4]),
        (12.1, 12.4, False, [12.1, 12.2, 12.3, 12.4]),
        (-3, 5, False, [-4, -2, 0, 2, 4, 6]),
        (0.7, 0.7, False, [0, 0.5, 1, 1.5]),
        (0, 0, False, [0, 0.5, 1]),
        (0.2, 3, True, [0.2, 0.5, 1, 2, 5]),
        (0.001, 700, True, [0.001, 0.1, 10, 1000]),
        (1, 1, True, [1, 2]),
    ],
)
def test_an_axis(ask: Any, low: float, high: float, logarithmic: bool, ticks: list) -> None:
    found = ask("axis", low, high, logarithmic)
    assert found["ticks"] == ticks
    assert found["low"] <= low and found["high"] >= high and found["low"] < found["high"]


def test_where_a_run_stood(ask: Any) -> None:
    curve = [
        {"step": 100, "images_shown": 6400, "seconds": 20},
        {"step": 200, "images_shown": 12_800, "seconds": 30},
    ]
    status = {"step": 240, "images_shown": 15_360, "seconds": 34}
    for step, images, seconds in (
        (0, 0, 0),
        (50, 3200, 10),
        (150, 9600, 25),
        (240, 15_360, 34),
        (999, 15_360, 34),
    ):
        assert ask("moment", curve, status, step) == {"images": images, "seconds": seconds}
    assert ask("moment", [], {}, 0) == {"images": 0, "seconds": 0}


def test_words(ask: Any) -> None:
    words = {
        "duration": [
            (0, "0 s"), (99, "99 s"), (100, "2 min"), (12 * MINUTE, "12 min"), (5999, "1 h 40 min"),
            (3 * HOUR + 20 * MINUTE, "3 h 20 min"), (4 * HOUR, "4 h"), (30 * HOUR, "30 h"),
            (52 * HOUR, "2 days 4 h"), (None, ""),
        ],
        "remaining": [(3, "a moment"), (44, "40 s"), (700, "12 min"), (None, "")],
        "amount": [
            (0, "0"), (12_400, "12,400"), (99_949, "99,949"), (99_950, "100 k"), (412_300, "412 k"),
            (999_499, "999 k"), (999_500, "1.00 M"), (1_240_000, "1.24 M"), (None, ""),
        ],
        "number": [(0.0342, "0.034"), (1.238, "1.24"), (14.16, "14.2"), (1940, "1,940"), (0, "0")],
        "bytes": [(11_240_000_000, "11.2 GB"), (740_000_000, "740 MB"), (None, "")],
        "photos": [(1, "1 photo"), (2_375, "2,375 photos")],
        "place": [(1, "Next"), (2, "Second"), (12, "Number 12")],
    }  # fmt: skip
    for name, pairs in words.items():
        found = [ask(name, value, module="train-words.js") for value, _ in pairs]
        assert found == [expected for _, expected in pairs], name


def test_when(ask: Any) -> None:
    noon = 1_763_985_600  # a Monday, 24 November 2025, 12:00 in London
    for past, expected in (
        (5, "just now"),
        (5 * MINUTE, "5 min ago"),
        (3 * HOUR, "3 h ago"),
        (DAY, "yesterday"),
        (3 * DAY, "Friday"),
        (20 * DAY, "Nov 4"),
        (400 * DAY, "Oct 20, 2024"),
    ):
        assert ask("ago", noon - past, noon, module="train-words.js") == expected


@pytest.mark.parametrize("points", [0, 1, 2, 600])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_chart_of_any_length(regular: Visitor, points: int, logarithmic: bool) -> None:
    """What is not a number leaves a gap, and everything else lies on the axis."""
    found = regular.module(
        "chart.js",
        """({ prepared, nearest }, [count, logarithmic]) => {
            const curve = Array.from({ length: count }, (_, at) => ({
                step: at, images_shown: 1000 * (at + 1),
                a: at % 7 === 3 ? null : 2 + Math.sin(at), b: 0.5,
            }));
            const chart = { lines: [["one", "a"], ["two", "b"]] };
            const made = prepared(chart, curve, true, logarithmic);
            return {
                values: made.series.map(({ values }) => values), y: made.y, inLog: made.inLog,
                last: nearest(made, 300, 300), first: nearest(made, 300, 0),
            };
        }""",
        [points, logarithmic],
    )
    assert [len(each) for each in found["values"]] == [points, points]
    assert found["inLog"] == (logarithmic and points > 0)
    assert found["first"] == (0 if points else None)
    assert found["last"] == (points - 1 if points else None)
    numbers = [each for values in found["values"] for each in values if each is not None]
    low, high = found["y"]["low"], found["y"]["high"]
    assert all(0.999 * low <= each <= 1.001 * high for each in numbers)
    assert sum(each is None for each in found["values"][0]) == len(range(3, points, 7))
