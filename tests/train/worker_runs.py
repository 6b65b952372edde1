"""Runs trained in this process, and the states they saved."""

from __future__ import annotations

from typing import Any

import onnx
import torch
from trainings import flat

from studio.checkpoint import Checkpoint
from studio.onnx_export import WEIGHTS
from train.runs.finding import locked
from train.runs.run import STATE, Run
from train.work.worker import Options, work

STEPS = 6  # of three epochs of the tiny recipe, as the fixture ``prepare`` has it


def empty_export(found: Checkpoint) -> bytes:
    """A network for browsers that draws nothing, of a checkpoint's weights."""
    model = onnx.ModelProto()
    model.metadata_props.add(key=WEIGHTS, value=found.card[WEIGHTS])
    return model.SerializeToString()


def train(run: Run, **options: Any) -> str:
    with locked(run):
        return work(Run.open(run.folder), Options("cpu", "fp32", **options))


def state_of(run: Run) -> dict[str, Any]:
    return torch.load(run.folder / STATE, weights_only=True)


def same_state(first: Run, second: Run) -> bool:
    one, other = (flat(state_of(run)) for run in (first, second))
    timeless = [name for name in one if name != "/seconds"]
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name])
        if isinstance(one[name], torch.Tensor)
        else one[name] == other[name]
        for name in timeless
    )
