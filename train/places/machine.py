"""The machine at hand: what can train here, and what is said where nothing much can."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import psutil
import torch

SPACE_CPU, ZERO_GPU = "space-cpu", "zero-gpu"
ADVICE = (
    "This Space has no GPU, so training here is slow. You can duplicate the Space and give your "
    "copy a GPU in its settings, run the studio on your own computer, or send the training to "
    "rented hardware."
)


@dataclass(frozen=True)
class Machine:
    """What a run can be trained on.

    ``hosted`` is "space-cpu" or "zero-gpu" on a Space without a GPU of its own, else "".
    """

    device: str
    name: str
    gpus: int
    memory: int | None
    hosted: str

    @property
    def devices(self) -> list[str]:
        """The devices as torch calls them; each trains one run at a time."""
        return [f"cuda:{index}" for index in range(self.gpus)] if self.gpus else ["cpu"]

    @property
    def advice(self) -> str:
        """What one can do where there is no GPU and none to be added by hand; else ""."""
        return ADVICE if self.hosted == SPACE_CPU else ""

    def to_dict(self) -> dict[str, Any]:
        """For a page: {"device", "name", "gpus", "memory"}."""
        return {
            "device": self.device,
            "name": self.name,
            "gpus": self.gpus,
            "memory": self.memory,
        }


def has_zero_gpu() -> bool:
    """Whether this is a Space that lends GPUs in slices (ZeroGPU).

    The ``spaces`` package is on other Spaces as well; they are told apart as it does itself.
    """
    named = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    return named and find_spec("spaces") is not None


@cache
def this_machine() -> Machine:
    """Look once. Where GPUs are lent in slices, CUDA is left untouched in this process."""
    if has_zero_gpu():
        return Machine("cuda", "ZeroGPU", 0, None, ZERO_GPU)
    gpus = torch.cuda.device_count()
    if gpus:
        found = torch.cuda.get_device_properties(0)
        return Machine("cuda", found.name, gpus, found.total_memory, "")
    cores = torch.get_num_threads()
    name = f"{cores} CPU core{'' if cores == 1 else 's'}"
    hosted = SPACE_CPU if os.environ.get("SPACE_ID") else ""
    return Machine("cpu", name, 0, psutil.virtual_memory().total, hosted)
