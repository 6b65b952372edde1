"""Steps of a training, what the discriminator sees in them, and states to compare."""

from __future__ import annotations

import io
import itertools
import operator
from typing import Any

import torch
from torch import Tensor, nn

from train.devices.hardware import Hardware
from train.engine.training import Training

CPU = Hardware(torch.device("cpu"), bf16=False)


def run(training: Training, steps: int) -> Training:
    for _ in range(steps):
        training.step()
    return training


def same(first: nn.Module, second: nn.Module) -> bool:
    """Whether two networks have equal weights."""
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def taken(training: Training) -> dict[str, float]:
    return training.means.take(training.processes)


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """All leaves of nested dicts and lists, by path."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, each in items for k, v in flat(each, f"{name}/{key}").items()}
    return {name: value}


def differences(first: Training, second: Training) -> set[str]:
    """The parts of the state in which two trainings differ; ``seconds`` never count."""
    one, other = flat(first.state_dict()), flat(second.state_dict())
    assert one.keys() == other.keys()
    found = set()
    for name, value in one.items():
        match = torch.equal if isinstance(value, Tensor) else operator.eq
        if not match(value, other[name]):
            found.add(name.split("/")[1])
    return found - {"seconds"}


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def real_batches(training: Training) -> list[Tensor]:
    """A list that grows with each batch of real images that the discriminator sees."""
    seen: list[Tensor] = []
    calls = itertools.count()

    def note(_: nn.Module, inputs: tuple[Tensor]) -> None:
        if next(calls) % 3 == 0:  # real, drawn, and drawn again for the generator
            seen.append(inputs[0].detach().clone())

    training.discriminator.register_forward_pre_hook(note)
    return seen
