"""``python -m train extractor --data PATH… --out FILE``: learn features to measure with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import studio
from studio.errors import UserError
from studio.framing import FITS
from train.commands.options import positive, seed
from train.devices.hardware import Hardware
from train.extractor import heads, learning, photos
from train.extractor.learnt import features_of, save_learnt

SHOWN = 200_000


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train extractor",
        description="Learn a small feature network from nothing: to tell the categories, types,"
        " colours, patterns and attributes that folders and metadata.csv tell, and each photo from"
        " all others. `python -m train evaluate --second-features FILE` measures with it, as a"
        " second opinion that owes nothing to ImageNet. Prints how well each label is told on"
        " photos held out.",
    )
    result.add_argument(
        "--data", metavar="PATH", nargs="+", required=True, help="photos, of one place or more"
    )
    result.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="a .safetensors file to write"
    )
    result.add_argument("--fit", choices=FITS, default="crop", help="how photos become square")
    result.add_argument(
        "--hold-out",
        metavar="FILE",
        type=Path,
        help="a text file with the names of photos to hold out, one a line (a tenth of all"
        " products)",
    )
    result.add_argument(
        "--photos",
        type=positive(int),
        default=SHOWN,
        help=f"how many it is shown, the same ones again and again ({SHOWN:,})",
    )
    result.add_argument("--seed", type=seed, default=0)
    result.add_argument("--device", default="auto", help="cpu, cuda … (the best there is)")
    return result


def main(arguments: Sequence[str]) -> int:
    """Learn, write the file, and print a line for each label."""
    options = parser().parse_args(arguments)
    if options.out.suffix != ".safetensors":
        raise UserError(f"--out is a .safetensors file, not {options.out}.")
    hardware = Hardware.choose(options.device)
    progress = sys.stderr.isatty()
    loaded = photos.load(
        options.data, fit=options.fit, held_out=names_in(options.hold_out), progress=progress
    )
    tasks = photos.tasks_of(loaded)
    learnt = learning.learn(
        loaded, tasks, hardware, shown=options.photos, seed=options.seed, progress=progress
    )
    features = features_of(learnt.network, loaded.images, progress)
    about = {
        "atelier": studio.__version__,
        "photos": dict(loaded.places),
        "held_out": int(loaded.held_out.sum()),
        "photos_shown": options.photos,
        "seed": options.seed,
        "precision": hardware.precision,
        "losses": learnt.losses,
    }
    found = [heads.fit(features, task, loaded.held_out) for task in tasks]
    save_learnt(options.out, learnt.network, found, about)
    print("\n".join(lines(found)))
    return 0


def names_in(path: Path | None) -> list[str] | None:
    """The lines of a file; None without one.

    Raises:
        UserError: it can't be read.
    """
    if path is None:
        return None
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        raise UserError(f"{path} can't be read: {error}.") from error


def lines(found: Sequence[heads.Head]) -> list[str]:
    """A table of how well each label is told on photos held out."""
    result = [f"{'label':26} {'values':>6} {'photos':>6} {'balanced':>8} {'chance':>6} {'AUC':>5}"]
    for head in found:
        scores: dict[str, Any] = head.scores
        if not scores:
            result.append(f"{head.name:26} {len(head.values):6} too few photos held out")
            continue
        count = len(scores["recall"])
        result.append(
            f"{head.name:26} {count:6} {scores['photos']:6} {scores['balanced_accuracy']:8.3f} "
            f"{1 / count:6.3f} {scores['auc']:5.3f}"
        )
    return result
