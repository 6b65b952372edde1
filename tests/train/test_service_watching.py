"""What a page is shown of a run: thinned curves, read once, whatever the run's process does."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from studio.files import write_text_whole
from train.page.watching import MOST_POINTS, Watching, archive, thinned
from train.runs.run import CHECKPOINT, CURVES, LOOKS, Run
from train.teachers.game import Game


def point(step: int, **more: Any) -> dict[str, Any]:
    numbers = dict.fromkeys(Game.NUMBERS, float(step))
    return {
        "step": step,
        "epoch": 1,
        "images_shown": 8 * step,
        "seconds": step / 4,
        **numbers,
        **more,
    }


def text(points: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(each) + "\n" for each in points)


def add(run: Run, name: str, points: list[dict[str, Any]]) -> None:
    with open(run.folder / name, "a", encoding="utf-8") as file:
        file.write(text(points))


def steps(points: list[dict[str, Any]]) -> list[int]:
    return [each["step"] for each in points]


# --- thinning ----------------------------------------------------------------------------------


def test_few_points_stay_as_they_are() -> None:
    points = [point(step) for step in range(MOST_POINTS)]
    assert thinned(points) == points and thinned([]) == []


def test_many_points_become_means_of_neighbours() -> None:
    found = thinned([point(step) for step in range(1, 1_201)])
    assert len(found) == MOST_POINTS
    assert steps(found) == list(range(2, 1_201, 2))
    assert found[0]["loss_g"] == 1.5 and found[-1]["loss_d"] == 1199.5
    assert found[-1]["images_shown"] == 9_600


@pytest.mark.parametrize("count", [601, 999, 1_199, 7_777])
def test_no_point_is_lost_or_counted_twice(count: int) -> None:
    found = thinned([point(step) for step in range(count)])
    assert len(found) == MOST_POINTS and found[-1]["step"] == count - 1
    sizes = [b - a for a, b in zip([-1, *steps(found)], steps(found), strict=False)]
    assert sum(sizes) == count and max(sizes) - min(sizes) <= 1
    weighted = sum(each["loss_g"] * size for each, size in zip(found, sizes, strict=True))
    assert weighted == pytest.approx(sum(range(count)))


# --- following a file --------------------------------------------------------------------------


def test_only_what_is_new_is_told(run: Run) -> None:
    watching = Watching()
    assert watching.curve(run, -1) == []
    add(run, CURVES, [point(1), point(2)])
    assert steps(watching.curve(run, -1)) == [1, 2]
    add(run, CURVES, [point(3)])
    assert steps(watching.curve(run, 2)) == [3]
    assert steps(watching.curve(run, -1)) == [1, 2, 3]
    assert watching.curve(run, 3) == []
    beside = {"step", "epoch", "images_shown", "seconds"}
    assert set(watching.curve(run, -1)[0]) == {*beside, *Game.NUMBERS}


def test_a_line_that_is_being_written_comes_once_it_is_whole(run: Run) -> None:
    watching, line = Watching(), text([point(2)])
    add(run, CURVES, [point(1)])
    with open(run.folder / CURVES, "a", encoding="utf-8") as file:
        file.write(line[:20])
        file.flush()
        assert steps(watching.curve(run, -1)) == [1]
        file.write(line[20:])
    assert steps(watching.curve(run, -1)) == [1, 2]


def test_a_run_that_goes_back_is_read_anew(run: Run) -> None:
    watching = Watching()
    add(run, CURVES, [point(step) for step in range(1, 10)])
    watching.curve(run, -1)
    write_text_whole(run.folder / CURVES, text([point(1), point(2)]))
    assert steps(watching.curve(run, -1)) == [1, 2]
    # Also when it has grown beyond its old length before anybody looks.
    write_text_whole(run.folder / CURVES, text([point(step, more="x" * 99) for step in range(9)]))
    assert steps(watching.curve(run, -1)) == list(range(9))
    (run.folder / CURVES).unlink()
    assert watching.curve(run, -1) == []


def test_what_is_no_line_is_passed_over(run: Run) -> None:
    (run.folder / LOOKS).write_text(
        '{"step": 1}\n[1]\n\n{"step": "x"}\n{"st\n{"step": 2, "a": 0}\n'
    )
    assert Watching().looks(run) == [{"step": 1}, {"step": 2, "a": 0}]


def test_a_long_run_is_watched_fast(run: Run) -> None:
    watching = Watching()
    add(run, CURVES, [point(step) for step in range(10_000)])
    assert len(watching.curve(run, -1)) == MOST_POINTS
    add(run, CURVES, [point(10_000)])
    from_nothing = min(timed(lambda: Watching().curve(run, -1)) for _ in range(3))
    for since, count in ((9_999, 1), (-1, MOST_POINTS)):
        spent = min(timed(lambda since=since: watching.curve(run, since)) for _ in range(12))
        assert spent < from_nothing / 2
        assert len(watching.curve(run, since)) == count


def timed(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def test_a_checkpoint_is_downloaded_with_its_network_and_without_what_is_half_written(
    prepare: Callable[..., Run],
) -> None:
    run = prepare()
    names = ("card.json", "generator.onnx", ".generator.onnx.123")
    for name in names:
        (run.folder / CHECKPOINT).mkdir(exist_ok=True)
        (run.folder / CHECKPOINT / name).write_text("{}")
    with zipfile.ZipFile(io.BytesIO(archive(run))) as found:
        assert found.namelist() == [f"{run.id}/{name}" for name in names[:2]]
