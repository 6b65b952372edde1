"""What a few steps of every recipe come to, in numbers that any machine gives.

``python tests/train/golden.py`` prints them for ``golden.json``, after a change that is meant to
change what recipes learn; ``--exact`` prints digests of every bit instead, which are the same only
on one kind of processor.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from typing import Any

import torch
from styled_recipes import STYLED
from torch import Tensor, nn
from trainings import CPU, flat, run

from studio.generators import build
from train.engine.training import Training
from train.recipes import RECIPES, Recipe, for_classes, for_words

SEED, STEPS, BATCH, IMAGES = 11, 2, 4, 6
CLASSES, TERMS = 3, 20
SKETCHED = 12
NETWORKS = ("generator", "discriminator", "average")


def recipes() -> dict[str, Recipe]:
    """Every recipe that plays a game, and one that uses all that some recipe could.

    Those of coded generators see by a pretrained network, which is not there to be measured with.
    """
    games = {name: each for name, each in RECIPES.items() if "game" in each.teachers}
    told = {name: for_words(for_classes(each, CLASSES), TERMS) for name, each in games.items()}
    told["everything"] = for_classes(
        replace(RECIPES["handbags-dcgan"], **{**STYLED, "r2": 0.5, "balanced": True}), CLASSES
    )
    return {name: replace(each, batch=BATCH) for name, each in told.items()}


def begun(recipe: Recipe) -> Training:
    """A training of a recipe on random images, of random classes or texts."""
    random = torch.Generator().manual_seed(SEED)
    form = build(recipe.generator)
    size = (IMAGES, form.channels, form.image_size, form.image_size)
    images = torch.randint(0, 256, size, generator=random)
    condition = None
    if recipe.worded:
        condition = torch.rand(IMAGES, TERMS, generator=random)
    elif recipe.generator.get("classes"):
        condition = torch.arange(IMAGES) % CLASSES
    return Training(recipe, images.to(torch.uint8), CPU, SEED, condition=condition)


def measured(recipe: Recipe) -> dict[str, Any]:
    """How far each network went in :data:`STEPS`, and where to; and where its randomness stands."""
    training = begun(recipe)
    networks = {
        "generator": training.generator,
        "discriminator": training.discriminator,
        "average": training.average.network,
    }
    before = {name: _weights(each) for name, each in networks.items()}
    run(training, STEPS)
    found: dict[str, Any] = {}
    for name, network in networks.items():
        change = _weights(network) - before[name]
        found[name] = [change.norm().item(), *_sketch(change)]
    numbers = training.means.take(training.processes)
    found["numbers"] = list(numbers.values())
    found["random"] = hashlib.sha256(training.random.get_state().numpy().tobytes()).hexdigest()
    found["place"] = [training.batches.epoch, training.batches.position]
    return found


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([each.detach().flatten() for each in network.parameters()]).double()


def _sketch(change: Tensor) -> list[float]:
    """Its products with some random directions: near for near changes, and nothing else."""
    random = torch.Generator().manual_seed(0)
    ways = (torch.randn(len(change), generator=random).double() for _ in range(SKETCHED))
    return [(change @ way / SKETCHED**0.5).item() for way in ways]


def digest(recipe: Recipe) -> str:
    """Of every bit of the weights and optimisers after so many steps, whatever they are called."""
    leaves = flat(run(begun(recipe), STEPS).state_dict()).values()
    bits = (each.contiguous().numpy().tobytes() for each in leaves if isinstance(each, Tensor))
    parts = sorted(hashlib.sha256(each).hexdigest() for each in bits)
    return hashlib.sha256("".join(parts).encode()).hexdigest()


if __name__ == "__main__":
    torch.set_num_threads(1)
    make = digest if "--exact" in sys.argv else measured
    lines = (f"{json.dumps(name)}: {json.dumps(make(each))}" for name, each in recipes().items())
    print("{\n " + ",\n ".join(lines) + "\n}")
