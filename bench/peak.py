"""How much of what a machine can compute a training uses."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from train.engine.training import Training

SIDE = 8192  # of the matrices that the peak is measured with
SECONDS = 2.0


def share_of_peak(training: Training, images_per_s: float, wait: Callable[[], None]) -> float:
    """The share of the device's bf16 matrix peak that training at this speed makes use of.

    Counted are the operations of convolutions and matrix products, forward and backward, of one
    step in which the gradient penalty is not due: it comes too rarely to matter.
    """
    while training.recipe.r1 and training.step_count % training.recipe.penalty_every == 0:
        training.step()
    with FlopCounterMode(display=False) as counter:
        training.step()
    a_second = counter.get_total_flops() / training.batch * images_per_s
    return a_second / matrix_peak(training.hardware.device, wait)


def matrix_peak(device: torch.device, wait: Callable[[], None], side: int = SIDE) -> float:
    """Measured operations per second of a product of square bf16 matrices of ``side``."""
    first, second = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        first @ second
    wait()
    begin, products = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        first @ second
        products += 1
        wait()
    return products * 2 * side**3 / (time.perf_counter() - begin)
