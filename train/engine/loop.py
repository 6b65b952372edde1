"""The training loop, readable top to bottom: step after step, and what surrounds them.

It knows nothing of any screen or folder; :func:`fit` tells what happens through callbacks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from train.engine.length import Length
from train.engine.training import Training


class Diverged(ArithmeticError):
    """The networks' numbers are no longer finite; only an earlier save helps."""


def fit(
    training: Training,
    length: Length,
    *,
    on_step: Callable[[], None],
    on_tick: Callable[[dict[str, float]], None],
    on_numbers: Callable[[dict[str, float]], None],
    stopping: Callable[[], bool],
) -> bool:
    """Train until ``length`` is reached or ``stopping()`` is true; return whether it is finished.

    ``on_step`` is called after every update, ``on_tick`` with means of some hundred images,
    and ``on_numbers`` with those of an epoch, or of ``log_steps`` updates when the recipe says so.

    Raises:
        Diverged: a number is no longer finite.
    """
    every = training.recipe.log_steps
    for done in _until(training, length):
        if stopping():
            return False
        training.step(done)
        if training.at_tick:
            numbers = training.tick_means.take(training.processes)
            if not all(map(math.isfinite, numbers.values())):
                raise Diverged("The losses are no longer finite numbers.")
            training.adapt(numbers)
            on_tick(numbers)
        if training.step_count % every == 0 if every else training.at_epoch_end:
            on_numbers(training.means.take(training.processes))
        on_step()
    return True


def _until(training: Training, length: Length) -> Iterator[float]:
    """Before each step, the share of the training that is over."""
    before, start = training.seconds, time.monotonic()
    alone = training.processes.count == 1
    spent = 0.0
    while training.images_shown < length.images:
        # Several processes must end at the same step, and to agree at each one would cost time.
        if length.seconds < math.inf and (alone or training.at_tick):
            spent = training.processes.agree(training.seconds, training.hardware.device)
            if spent >= length.seconds:
                return
        yield length.share(training.images_shown, spent)
        training.seconds = before + time.monotonic() - start
