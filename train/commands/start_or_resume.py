"""``python -m train --data PATH --recipe NAME --out DIR`` and ``python -m train --resume DIR``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.settings import add_version
from studio.words import VOCABULARIES
from train import recipes
from train.commands import listed
from train.commands.beginning import create, read_elsewhere
from train.commands.options import batch, level, policy, positive, seed, share, taught_by
from train.devices.distributed import Processes, join, leave
from train.devices.hardware import Hardware
from train.rented import hf_jobs
from train.runs.finding import locked
from train.runs.interruption import interruptions
from train.runs.run import CHECKPOINT, STATE, Run
from train.runs.settings import RENTED
from train.teachers.features import NETWORK
from train.work.worker import Options, work

EPILOG = f"""commands, each with a --help of its own:
{listed()}

examples:
  python -m train --data photos/ --recipe handbags-dcgan --out runs/my-bags
  python -m train --data fashion-mnist --recipe fashion-mnist-mlp --out runs/fashion
  python -m train --resume runs/my-bags --epochs 100
  python -m train evaluate runs/my-bags/checkpoint --data photos/

recipes:
""" + "\n".join(f"  {recipe.name:20} {recipe.source}" for recipe in recipes.RECIPES.values())


# What decides a run from its first step on.
FIXED = (
    *("ground", "encoder_share", "recipe", "out", "batch", "learning_rate", "seed", "card"),
    *("start_from", "augment", "freeze", "fit", "live", "hold_out", "size", "teachers"),
    "vocabulary",
)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train",
        usage="python -m train (--data PATH --out DIR | --resume DIR) [options]\n"
        "       python -m train COMMAND …",
        description="Train a generator on images, or go on with a training that was stopped.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version(result)
    result.add_argument(
        "--data",
        metavar="PATH",
        nargs="+",
        help="images: a folder, a zip, Fashion-MNIST's gz"
        " files, or the word fashion-mnist to download it; several count as one folder of them;"
        " with --resume, where they are now",
    )
    result.add_argument("--resume", metavar="DIR", type=Path, help="go on with the run in DIR")
    result.add_argument("--recipe", metavar="NAME", choices=recipes.RECIPES, help="see below")
    result.add_argument("--out", metavar="DIR", type=Path, help="a new folder for the run")
    result.add_argument("--epochs", type=positive(int), help="passes over the images")
    result.add_argument("--kimg", type=positive(float), help="thousands of images shown")
    result.add_argument("--minutes", type=positive(float), help="time spent training")
    result.add_argument("--batch", type=batch, help="images per update")
    result.add_argument(
        "--size",
        type=int,
        metavar="PX",
        help="train the first levels of the recipe's networks on smaller images; --start-from then"
        " grows them",
    )
    result.add_argument(
        "--learning-rate",
        type=positive(float),
        help="of both networks, or of the generator where the recipe has two",
    )
    result.add_argument("--seed", type=seed, help="repeats a training exactly")
    result.add_argument(
        "--start-from", metavar="DIR", type=Path, help="go on from a checkpoint's weights"
    )
    result.add_argument(
        "--augment",
        metavar="LIST",
        type=policy,
        help="color,translation,cutout or some of them: for few images",
    )
    result.add_argument(
        "--teachers",
        metavar="LIST",
        type=taught_by,
        help="what it learns from: game (as most recipes do), likeness (what a network trained on"
        " ImageNet sees in photos; for a trained start), or both; of coded generators also"
        f" {', '.join(recipes.OF_CODES)}, see docs/codes.md",
    )
    result.add_argument(
        "--vocabulary",
        choices=VOCABULARIES,
        help="terms of captions: the most frequent words (up to"
        f" {VOCABULARIES['words']}), or attributes such as colours and necklines, recognised in any"
        f" spelling and five languages (up to {VOCABULARIES['attributes']:,})",
    )
    result.add_argument(
        "--freeze", type=int, metavar="N", help="early layers of the discriminator that stay"
    )
    result.add_argument(
        "--fit", choices=("crop", "pad"), help="crop to a square (default), or pad with white"
    )
    result.add_argument(
        "--ground",
        type=level,
        metavar="GREY",
        help="darken photos on white until it is this grey (1 to 255), to learn them together with"
        " others on such a ground (240 is a usual light one)",
    )
    result.add_argument(
        "--encoder-share",
        type=share,
        metavar="S",
        help="of a codec: the share of the training over which photos' codes are learnt, before the"
        " decoder learns on alone (0.5); 0 leaves those of --start-from as they are",
    )
    result.add_argument(
        "--live",
        action="store_true",
        default=None,
        help="draw samples and measure as often as time allows, and keep the best checkpoint",
    )
    result.add_argument(
        "--hold-out",
        action="store_true",
        default=None,
        help="keep a tenth of captioned images, and 60 combinations of colour and type, aside to"
        " measure with",
    )
    result.add_argument("--on", choices=(RENTED,), help="train on rented hardware")
    result.add_argument("--flavor", metavar="NAME", help="which machine to rent (a10g-small)")
    result.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps")
    result.add_argument(
        "--precision",
        choices=("auto", "bf16", "fp32"),
        help="of the numbers; a run keeps the one it began with",
    )
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}, by which all but the game see; without it they are downloaded",
    )
    result.add_argument(
        "--save-minutes",
        type=positive(float),
        metavar="M",
        help="minutes between saves of the state (5)",
    )
    result.add_argument(
        "--snapshot-epochs",
        type=positive(int),
        metavar="N",
        help="keep a checkpoint every N epochs in DIR/snapshots",
    )
    result.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="JSON with what the checkpoint's"
        " card should say besides numbers: title, description, data",
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Start or resume a run and train it to its end, or until it is interrupted."""
    options = parser().parse_args(arguments)
    if options.resume and (fixed := [name for name in FIXED if getattr(options, name) is not None]):
        names = ", ".join("--" + name.replace("_", "-") for name in fixed)
        parser().error(f"{names} can't be changed when a run is resumed; start a new one instead")
    if not options.resume:
        check_complete(options)
    places = options.data or []
    options.data, options.more = (places[0], tuple(places[1:])) if places else (None, ())
    run = Run.open(options.resume) if options.resume else None
    kept = run.settings.device if run else None
    processes, device = join(options.device or kept or "auto")
    try:
        return train(options, run, processes, device)
    finally:
        leave()


def check_complete(options: argparse.Namespace) -> None:
    """Leave with a sentence where a new run lacks what it needs."""
    if not options.data:
        parser().error("give --data to start a run, or --resume to go on with one")
    if not options.out or not (options.recipe or options.start_from):
        parser().error("--data needs --out, and --recipe or --start-from")
    if options.teachers == ("likeness",) and not options.start_from:
        parser().error("--teachers likeness needs --start-from: it is for a trained generator")


def train(options: argparse.Namespace, run: Run | None, processes: Processes, device: str) -> int:
    """Do what the options say, alone or as one of several processes."""
    data = None
    sent = bool(options.on or (run and hf_jobs.is_sent(run)))
    if sent:
        hf_jobs.check(Options(options.device or "auto", **given(options)))
    if not run:
        Hardware.choose(device, options.precision or "auto")  # before anything is made for nothing
        if processes.is_first:
            run, data = create(options, given(options))
    elif options.data and processes.is_first:
        with locked(run):
            data = read_elsewhere(run, (options.data, *options.more))
    processes.wait()
    if options.resume and not processes.is_first:
        run = Run.open(options.resume)  # which may say now that the images are elsewhere
    run = run or Run.open(options.out)
    length = {name: getattr(options, name) for name in ("epochs", "kimg", "minutes")}
    how = Options.of(
        run, device=device, length=length if any(length.values()) else None, **given(options)
    )
    Hardware.choose(device, how.precision)
    if not processes.is_first:
        return 0 if work(run, how, processes=processes) == "finished" else 130
    if sent:
        return hf_jobs.from_shell(run, options.flavor, how)
    with locked(run), interruptions() as interrupted:
        run.take_requests()
        keep(run, options)
        if options.resume and not (run.folder / STATE).exists():
            print("Nothing was saved yet; starting from the beginning.")
        if work(run, how, interrupted, data=data, processes=processes) == "finished":
            shown = run.status().images_shown
            print(f"Done: {shown} images shown. The checkpoint is {run.folder / CHECKPOINT}")
            return 0
        print(f"Stopped and saved. Go on with: python -m train --resume {run.folder}")
        return 130


def given(options: argparse.Namespace) -> dict[str, Any]:
    """How to work on the run, as far as somebody said so, by the names of :class:`Options`."""
    weights = options.feature_weights
    values = {
        "precision": options.precision,
        "save_minutes": options.save_minutes,
        "snapshot_epochs": options.snapshot_epochs,
        # Good from any working folder.
        "feature_weights": weights and str(Path(weights).expanduser().resolve()),
    }
    return {name: value for name, value in values.items() if value is not None}


def keep(run: Run, options: argparse.Namespace) -> None:
    """Keep what was said for the times that the run is resumed, by a shell or by the page.

    Another precision changes what comes out, so :mod:`train.work.worker` keeps and tells it.
    """
    new = {name: value for name, value in given(options).items() if name != "precision"}
    changes: dict[str, Any] = {"options": {**run.settings.options, **new}}
    if options.device:
        changes["device"] = options.device
    if any(getattr(run.settings, name) != value for name, value in changes.items()):
        run.change_settings(**changes)
