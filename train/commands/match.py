"""``python -m train match NAME --data PATH --out DIR``: a generator brought nearer to photos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from train.commands import derived, start_or_resume
from train.commands.evaluate import named
from train.teachers.features import NETWORK

PICTURES = 50_000


def main(arguments: Sequence[str]) -> int:
    """Begin and train a run whose generator begins as NAME and learns by likeness."""
    options = parser().parse_args(arguments)
    found = named(options.name, options.checkpoints, options.runs)
    return start_or_resume.main(
        [
            *("--data", options.data, "--out", str(options.out)),
            *("--start-from", str(found.folder), "--teachers", "likeness", "--live"),
            *("--kimg", str(options.pictures / 1000), "--seed", str(options.seed)),
            *("--fit", options.fit, "--device", options.device),
            *(("--feature-weights", options.feature_weights) if options.feature_weights else ()),
            *(("--hold-out",) if options.hold_out else ()),
        ]
    )


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = derived.parser(
        "match",
        "Bring a trained generator nearer to photos: what a network trained on ImageNet"
        " sees in its pictures is to be as frequent as in the photos, and nowhere to give them"
        " away. For a generator that draws the right things, or things like them: photos that are"
        " sorted into other folders than its categories, or into none, give a generator of theirs."
        " For 128 pixels it takes half an hour to an hour and a half on one core. It is a run like"
        " any other: Ctrl-C saves, `python -m train --resume DIR` goes on, and DIR/checkpoint is"
        " the new generator.",
        pictures=PICTURES,
        out="the run's folder",
    )
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}, which sees; without it they are downloaded",
    )
    result.add_argument(
        "--hold-out",
        action="store_true",
        help="learn from no image that training with --hold-out kept to measure with",
    )
    result.add_argument("--device", default="auto", help="cpu, cuda … (the best there is)")
    return result
