"""Ctrl-C and a polite kill end a training after the step at hand."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptions() -> Iterator[Callable[[], bool]]:
    """Yields a function that tells whether Ctrl-C or a polite kill came; a second one ends it.

    Signals reach only a process's main thread; in another one nothing interrupts.
    """
    asked = False

    def note(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        print("\nStopping after this step; press Ctrl-C again to lose it.")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {kind: signal.signal(kind, note) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
