"""Locks that end with their process, and turns in the order of arrival."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from train.runs import queue
from train.runs.queue import is_held, try_lock, turn

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from train.runs.queue import try_lock
lock = try_lock(Path(sys.argv[1]), "lock")
print(bool(lock), flush=True)
input()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    assert not is_held(tmp_path, "lock")
    lock = try_lock(tmp_path / "new", "lock")
    assert is_held(tmp_path / "new", "lock")
    assert try_lock(tmp_path / "new", "lock") is None
    lock.release()
    assert not is_held(tmp_path / "new", "lock")
    assert try_lock(tmp_path / "new", "lock") is not None


def test_looking_at_a_lock_makes_no_file(tmp_path: Path) -> None:
    assert not is_held(tmp_path, "lock")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows knows no SIGKILL")
def test_a_lock_ends_with_its_process(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert is_held(tmp_path, "lock")
    assert try_lock(tmp_path, "lock") is None
    holder.kill()
    holder.wait()
    assert not is_held(tmp_path, "lock")


def test_a_free_device_is_taken_at_once_and_given_back(tmp_path: Path) -> None:
    with turn(tmp_path, ["cpu"], lambda: 0, never) as device:
        assert device == "cpu"
        with turn(tmp_path, ["cpu"], lambda: 0, lambda ahead: False) as other:
            assert other is None
    with turn(tmp_path, ["cpu"], lambda: 0, never) as device:
        assert device == "cpu"


def never(ahead: int) -> bool:
    raise AssertionError("there was nothing to wait for")


def test_a_second_device_serves_the_next(tmp_path: Path) -> None:
    devices = ["cuda:0", "cuda:1"]
    with (
        turn(tmp_path, devices, lambda: 0, never) as first,
        turn(tmp_path, devices, lambda: 0, never) as second,
        turn(tmp_path, devices, lambda: 0, lambda ahead: False) as third,
    ):
        assert (first, second, third) == ("cuda:0", "cuda:1", None)


def test_waiting_ends_when_the_device_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOOK_AGAIN", 0.0)
    busy = try_lock(tmp_path / queue.DEVICES, "cuda-0.lock")
    seen = []

    def waiting(ahead: int) -> bool:
        seen.append(ahead)
        if len(seen) == 3:
            busy.release()
        return True

    with turn(tmp_path, ["cuda:0"], lambda: 0, waiting) as device:
        assert device == "cuda:0"
    assert seen == [0, 0, 0]


def test_those_ahead_come_first_although_the_device_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOOK_AGAIN", 0.0)
    line = [2, 2, 1, 1, 0]
    seen = []

    def ahead() -> int:
        return line.pop(0) if len(line) > 1 else line[0]

    with turn(tmp_path, ["cpu"], ahead, lambda count: not seen.append(count)) as device:
        assert device == "cpu"
    assert seen and 0 not in seen


def test_an_error_inside_gives_the_device_back(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), turn(tmp_path, ["cpu"], lambda: 0, never):
        raise ZeroDivisionError
    assert not is_held(tmp_path / queue.DEVICES, "cpu.lock")
