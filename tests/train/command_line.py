"""Resuming by the command line, and all that a run wrote, to compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from train.__main__ import main

ON_CPU = ("--device", "cpu", "--precision", "fp32")


def resume(folder: Path, *options: Any) -> int:
    return main(["--resume", str(folder), *ON_CPU, *map(str, options)])


def log(folder: Path) -> list[dict[str, Any]]:
    """The log without the seconds, the only part that time decides."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name != "seconds"} for line in lines]


def results(folder: Path) -> dict[str, Any]:
    """All of a run that must not depend on where it was interrupted."""
    pictures = sorted((folder / "samples").iterdir())
    weights = [folder / "checkpoint" / f"{n}.safetensors" for n in ("generator", "discriminator")]
    files = [*pictures, *weights, folder / "checkpoint" / "preview.jpg"]
    state = torch.load(folder / "state.pt", weights_only=True)
    state = {name: value for name, value in state.items() if name != "seconds"}
    found: dict[str, Any] = {path.name: path.read_bytes() for path in files}
    card = json.loads((folder / "checkpoint" / "card.json").read_text())
    for part in ("hours", "date"):
        del card["training"][part]
    return {**found, "card": card, "log": log(folder), "state": plain(state)}


def plain(value: Any) -> Any:
    """Nested tensors as nested lists, so that == compares every bit."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]
