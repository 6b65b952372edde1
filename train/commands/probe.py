"""``python -m train probe --recipe NAME``: how many images a second this machine trains on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from studio import checkpoint
from train.commands.options import policy
from train.places.probe import SECONDS, measure
from train.recipes import RECIPES, Recipe, from_dict
from train.recipes.starting import recipe_for


def main(arguments: Sequence[str]) -> int:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m train probe", description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, help="the first one unless given")
    parser.add_argument("--start-from", type=Path, metavar="DIR", help="a checkpoint's networks")
    parser.add_argument("--augment", type=policy, metavar="LIST", help="as in training")
    parser.add_argument("--settings", help=argparse.SUPPRESS)  # "-": a recipe as JSON on stdin
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S")
    options = parser.parse_args(arguments)
    print(json.dumps(measure(recipe_of(options), options.device, options.seconds)))
    return 0


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe to measure."""
    if options.settings == "-":
        return from_dict(json.load(sys.stdin))
    start = checkpoint.read(options.start_from) if options.start_from else None
    recipe = recipe_for(options.recipe or "", start)
    return recipe if options.augment is None else replace(recipe, augment=options.augment)
