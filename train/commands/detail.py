"""``python -m train detail --data PATH --start DIR --out DIR``: learn to add detail."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from studio import checkpoint, enlarging
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.framing import FITS
from studio.generators.coded import CodedGenerator
from studio.inversion import loading
from train.commands.options import level, positive, seed
from train.detail import learning, measuring, pairs
from train.devices.hardware import Hardware
from train.metrics.mobilenet import NETWORK as MEASURED_BY
from train.metrics.mobilenet import FeatureNetwork
from train.teachers.features import NETWORK, Eye, frozen_stages, weights_file
from train.teachers.pairs import STAGES

MINUTES = 30.0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train detail",
        description="Learn to enlarge what a coded generator draws to twice its size, from photos"
        " of that size. Pictures to learn from are what comes back of the photos by its encoder and"
        " decoder. A tenth of all products is held out; the command prints how near enlarged"
        " pictures are to those photos, beside Lanczos alone, as a line of JSON. Interrupted, it"
        " goes on where it was when it is started again.",
    )
    result.add_argument("--data", metavar="PATH", required=True, help="photos, at least 480 px")
    result.add_argument(
        "--start", metavar="DIR", type=Path, required=True, help="a coded generator's checkpoint"
    )
    result.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help=f"the folder to write; the studio uses {enlarging.FOLDER}/ beside its checkpoints",
    )
    length = result.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=positive(float),
        default=MINUTES,
        help=f"how long to learn, on one core or more ({MINUTES:.0f})",
    )
    length.add_argument("--steps", type=positive(int), help="how many steps to learn instead")
    result.add_argument("--batch", type=positive(int), default=learning.BATCH)
    result.add_argument("--fit", choices=FITS, default="crop", help="how photos become square")
    result.add_argument(
        "--ground", type=level, metavar="GREY", help="as in the training (what the card says)"
    )
    result.add_argument("--seed", type=seed, default=0)
    result.add_argument("--device", default="auto", help="cpu, cuda … (the best there is)")
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}; without it they are downloaded",
    )
    result.add_argument(
        "--measure-weights",
        metavar="FILE",
        type=Path,
        help=f"measure by {MEASURED_BY} with these weights, and not by pixels alone",
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Learn, write the folder, and print how near enlarged pictures are."""
    options = parser().parse_args(arguments)
    progress = sys.stderr.isatty()
    features = FeatureNetwork.load(options.measure_weights) if options.measure_weights else None
    hardware = Hardware.choose(options.device)
    eye = Eye(frozen_stages(weights_file(options.feature_weights), STAGES), hardware)
    start = checkpoint.read(options.start)
    generator, encoders = codec(start)
    data = start.card.get("data") or {}
    loaded = pairs.load(
        options.data,
        generator,
        encoders,
        fit=options.fit,
        ground=options.ground or data.get("ground"),
        progress=progress,
    )
    length = learning.Length(None if options.steps else options.minutes, options.steps)
    lessons = learning.Lessons(loaded, eye, hardware, batch=options.batch, seed=options.seed)
    state = options.out.with_name(f"{options.out.name}.state.pt")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    try:
        learnt = learning.learn(lessons, length, state=state, progress=progress)
    except KeyboardInterrupt:
        learning.save(lessons, state)
        raise UserError(f"Interrupted; {state} holds what is needed to go on.") from None
    quality = measuring.measure(loaded, enlarging.Detail(learnt.network, {}), features)
    enlarging.save(
        options.out, learnt.network, card(start, loaded, learnt, hardware, options, quality)
    )
    state.unlink(missing_ok=True)
    print(json.dumps({"out": str(options.out), **quality}, ensure_ascii=False))
    return 0


def codec(found: Checkpoint) -> tuple[CodedGenerator, nn.ModuleDict]:
    """A checkpoint's generator and encoder of photos.

    Raises:
        UserError: it has none, or draws no colours.
    """
    generator, encoders = found.load_generator(), nn.ModuleDict()
    if isinstance(generator, CodedGenerator):
        encoders = loading.of_checkpoint(found, generator)
    if not isinstance(generator, CodedGenerator) or loading.PHOTO not in encoders:
        raise UserError(f"{found.name} has no codec, so no photo comes back from it.")
    if generator.channels != 3:
        raise UserError(f"{found.name} draws in grey, and detail is learnt in colour.")
    return generator, encoders


def card(
    start: Checkpoint,
    loaded: pairs.Pairs,
    learnt: learning.Learnt,
    hardware: Hardware,
    options: argparse.Namespace,
    quality: dict[str, Any],
) -> dict[str, Any]:
    """What is to be known of what was learnt; whoever ships it adds the data's licence."""
    return {
        "title": "Detail",
        "data": {
            "name": Path(options.data).name,
            "images": int((~loaded.held_out).sum()),
            "held_out": int(loaded.held_out.sum()),
            "too_small": loaded.blurred,
        },
        "training": {
            "start": start.name,
            "start_fingerprint": start.fingerprint,
            "features": NETWORK,
            "steps": learnt.steps,
            "batch": options.batch,
            "hours": round(learnt.seconds / 3600, 2),
            "seed": options.seed,
            "precision": hardware.precision,
            "device": hardware.device.type,
            "date": datetime.date.today().isoformat(),
            "losses": learnt.losses,
        },
        "quality": quality,
    }
