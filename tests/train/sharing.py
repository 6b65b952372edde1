"""One process of a shared training; ``python sharing.py FOLDER STEPS`` under torchrun."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from train.devices.distributed import join, leave
from train.devices.hardware import Hardware
from train.engine.training import Training
from train.recipes import from_dict
from train.teachers import features, targets


def main(folder: Path, steps: int) -> None:
    """Train on what ``folder`` holds, and leave there what came out, one file per process."""
    torch.set_num_threads(1)
    given = torch.load(folder / "given.pt", weights_only=True)
    processes, device = join("cpu")
    hardware = Hardware(torch.device(device), bf16=False)
    features.LEAST_SIZE, targets.TURNS = 32, 2  # smaller views, along fewer directions
    results = {}
    for name, recipe in given["recipes"].items():
        recipe = from_dict(recipe)
        condition = given["texts"] if recipe.worded else None
        if recipe.generator.get("classes"):
            condition = given["labels"]
        training = Training(
            recipe,
            given["images"],
            hardware,
            5,
            processes,
            condition=condition,
            feature_weights=given["feature_weights"],
        )
        if training.encoders and not training.encoders.taught:
            training.encoders.learnt.add("photo")  # as if it had begun from a codec
        training.prepare(folder / f"{name}-{processes.count}")
        numbers = []
        for step in range(steps):
            # Late enough that critic and flow have their part in how styles are learnt.
            training.step(step / steps if "styles" in recipe.teachers else 0.0)
            numbers.append(training.means.take(processes))
        agreed = processes.agree(float(processes.rank + 7), hardware.device)
        results[name] = {
            **{"state": training.state_dict(), "numbers": numbers},
            **{"agreed": agreed, "batch": training.batch},
        }
    torch.save(results, folder / f"results-{processes.rank}-of-{processes.count}.pt")
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
