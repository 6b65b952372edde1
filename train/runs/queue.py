"""Who trains when: one device trains one run at a time, and the others wait in line.

Nothing watches over the line. Each waiting process looks itself whether a device is free and
whether anybody before it still waits; locks are the operating system's, so they end with their
process, however it ends. A waiting process has not imported torch and weighs little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

DEVICES = ".devices"
LOOK_AGAIN = 0.5  # seconds


def try_lock(folder: Path, name: str, patience: float = 0.0) -> FileLock | None:
    """Lock the file ``name`` of a folder, or return None when another process has it.

    ``patience`` is how many seconds to try: someone who only looks (:func:`is_held`) holds a lock
    for a moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Not bound to a thread: whoever holds the lock may be a page's worker thread.
    lock = FileLock(folder / name, thread_local=False)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        return None
    return lock


def is_held(folder: Path, name: str) -> bool:
    """Whether a living process holds the lock."""
    if not (folder / name).exists():
        return False
    lock = try_lock(folder, name)
    if lock is None:
        return True
    lock.release()
    return False


@contextmanager
def turn(
    runs: Path,
    devices: Sequence[str],
    ahead: Callable[[], int],
    waiting: Callable[[int], bool],
) -> Iterator[str | None]:
    """Wait for one of ``devices``, and hold it inside the ``with`` block.

    Args:
        runs: the folder of the runs that share the devices.
        devices: any of these will do, and the first free one is taken.
        ahead: tells how many waiting runs come before this one.
        waiting: called with that number while nothing is free; False gives up.

    Yields:
        The device, or None when ``waiting`` gave up.
    """
    device, lock = _first_free(runs, devices[ahead() :])
    while lock is None and waiting(ahead()):
        time.sleep(LOOK_AGAIN)
        # Those ahead may each take a device first.
        device, lock = _first_free(runs, devices[ahead() :])
    try:
        yield device if lock else None
    finally:
        if lock:
            lock.release()


def _first_free(runs: Path, devices: Sequence[str]) -> tuple[str, FileLock | None]:
    for device in devices:
        lock = try_lock(runs / DEVICES, device.replace(":", "-") + ".lock")
        if lock:
            return device, lock
    return "", None
