"""``python -m train --data PATH --recipe NAME --out DIR`` and ``python -m train --resume DIR``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from studio import checkpoint
from studio.settings import add_version
from train import recipes
from train.beginning.transfer import check_start, copy_start
from train.commands import listed
from train.commands.options import batch, policy, positive, seed, taught_by
from train.data.held_out import without_held_out
from train.data.images import ImageSet
from train.devices.distributed import Processes, join, leave
from train.devices.hardware import Hardware
from train.recipes.starting import recipe_for
from train.rented import hf_jobs
from train.runs.finding import locked
from train.runs.interruption import interruptions
from train.runs.run import CHECKPOINT, RENTED, START, STATE, Run, RunError
from train.teachers.features import NETWORK, frozen_stages, weights_file
from train.work.dataset import digest, load, place_of
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
    *("recipe", "out", "batch", "learning_rate", "seed", "card"),
    *("start_from", "augment", "freeze", "fit", "live", "hold_out", "size", "teachers"),
)
# What of a recipe can be changed for one run.
CHANGES = ("batch", "learning_rate", "augment", "freeze")


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
    what = result.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--data",
        metavar="PATH",
        help="images: a folder, a zip, Fashion-MNIST's gz"
        " files, or the word fashion-mnist to download it",
    )
    what.add_argument("--resume", metavar="DIR", type=Path, help="go on with the run in DIR")
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
        help="what it learns from: game (as recipes do), likeness (what a network trained on"
        " ImageNet sees in photos; for a trained start), or both",
    )
    result.add_argument(
        "--freeze", type=int, metavar="N", help="early layers of the discriminator that stay"
    )
    result.add_argument(
        "--fit", choices=("crop", "pad"), help="crop to a square (default), or pad with white"
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
    result.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    result.add_argument("--precision", default="auto", choices=("auto", "bf16", "fp32"))
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}, by which likeness sees; without it they are downloaded",
    )
    result.add_argument(
        "--save-minutes",
        type=positive(float),
        default=5.0,
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
    processes, device = join(options.device)
    try:
        return train(options, processes, device)
    finally:
        leave()


def train(options: argparse.Namespace, processes: Processes, device: str) -> int:
    """Do what the options say, alone or as one of several processes."""
    Hardware.choose(device, options.precision)  # before anything is made for nothing
    data = None
    if options.resume:
        run = Run.open(options.resume)
    elif processes.is_first:
        run, data = create(options)
    processes.wait()
    if not processes.is_first:
        run = Run.open(options.resume or options.out)
    length = {name: getattr(options, name) for name in ("epochs", "kimg", "minutes")}
    how = Options(
        device,
        options.precision,
        options.save_minutes,
        options.snapshot_epochs,
        length if any(length.values()) else None,
        feature_weights=options.feature_weights,
    )
    if not processes.is_first:
        return 0 if work(run, how, processes=processes) == "finished" else 130
    if options.on or hf_jobs.is_sent(run):
        return hf_jobs.from_shell(run, options.flavor, how)
    with locked(run), interruptions() as interrupted:
        run.take_requests()
        if options.resume and not (run.folder / STATE).exists():
            print("Nothing was saved yet; starting from the beginning.")
        if work(run, how, interrupted, data=data, processes=processes) == "finished":
            shown = run.status()["images_shown"]
            print(f"Done: {shown} images shown. The checkpoint is {run.folder / CHECKPOINT}")
            return 0
        print(f"Stopped and saved. Go on with: python -m train --resume {run.folder}")
        return 130


def create(options: argparse.Namespace) -> tuple[Run, ImageSet]:
    """Read the images and what it starts from, then make the run's folder.

    So what can't be used leaves nothing behind.
    """
    if not options.out or not (options.recipe or options.start_from):
        parser().error("--data needs --out, and --recipe or --start-from")
    start = checkpoint.read(options.start_from) if options.start_from else None
    if options.teachers == ("likeness",) and not start:
        parser().error("--teachers likeness needs --start-from: it is for a trained generator")
    lone = options.teachers == ("likeness",) and not options.recipe
    # Without a game, what the start was trained with decides next to nothing.
    recipe = recipe_for("", start) if lone else recipes.get(options.recipe or recipe_of(start))
    if options.size:
        recipe = smaller(recipe, options.size)
    if start and not related(recipe, start):
        recipe = recipe_for(recipe.name, start)
    if options.teachers:
        recipe = recipes.taught_by(recipe, options.teachers)
    changes = {name: getattr(options, name) for name in CHANGES}
    recipe = replace(
        recipe, **{name: value for name, value in changes.items() if value is not None}
    )
    settings = {
        "recipe": recipe.to_dict(),
        "data": place_of(options.data),
        "fit": options.fit or "crop",
        "data_digest": None,
        "seed": recipe.seed if options.seed is None else options.seed,
        "length": {},
        "live": bool(options.live),
        "start_from": start.name if start else "",
    }
    data = load(settings)
    if options.hold_out:
        data = held_out(data, settings)
    settings["recipe"] = recipes.for_classes(recipe, len(data.label_names)).to_dict()
    settings["data_digest"] = digest(data)
    settings["card"] = {**read_card(options.card, recipe), **data_card(options, data)}
    if start:
        networks = settings["recipe"]["generator"], settings["recipe"]["discriminator"]
        check_start(start, *networks, data.label_names)
    if "likeness" in recipe.teachers and not options.on:
        frozen_stages(weights_file(options.feature_weights), ())  # raises if they can't be had

    def fill(folder: Path) -> None:
        if start:
            copy_start(start, folder / START)

    return Run.create(options.out, settings, fill), data


def held_out(data: ImageSet, settings: dict[str, Any]) -> ImageSet:
    """The images without those that are held out, which the settings then leave out, too."""
    if not data.captions:
        raise RunError("--hold-out needs captions, and a recipe that draws by words.")
    data, settings["leave_out"] = without_held_out(data)
    return data


def smaller(recipe: recipes.Recipe, size: int) -> recipes.Recipe:
    """The recipe at a smaller size.

    Raises:
        RunError: its networks can't be made that size.
    """
    try:
        return recipes.at_size(recipe, size)
    except ValueError as error:
        raise RunError(str(error)) from error


def related(recipe: recipes.Recipe, start: checkpoint.Checkpoint) -> bool:
    """Whether a recipe's own generator shares levels with the checkpoint's, and is another one.

    It then takes over what fits: it may have more levels or fewer, or another condition.
    """
    own, other = recipe.generator, dict(start.card["generator"])
    if not own["kind"] == other["kind"] in recipes.GROWING:
        return False
    widths = list(own["widths"]), list(other["widths"])
    shared = min(map(len, widths))
    return widths[0][:shared] == widths[1][:shared] and (
        len(widths[0]) != len(widths[1]) or own.get("words", 0) != other.get("words", 0)
    )


def recipe_of(start: checkpoint.Checkpoint | None) -> str:
    """The recipe that a checkpoint was trained with, to train it on."""
    assert start is not None, "who names no recipe starts from something"
    name = start.card.get("recipe")
    if name not in recipes.RECIPES:
        raise RunError(
            f"{start.name} does not say which recipe it was trained with; give --recipe."
        )
    return name


def read_card(path: Path | None, recipe: recipes.Recipe) -> dict[str, Any]:
    """What a person wants the card to say, or the recipe's title."""
    if path is None:
        return {"title": recipe.title}
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be used as a card: {error}.") from error
    if not isinstance(card, dict):
        raise RunError(f"{path} can't be used as a card: it is not a JSON object.")
    return {"title": recipe.title, **card}


def data_card(options: argparse.Namespace, data: ImageSet) -> dict[str, Any]:
    """The data's part of the card: what a person wrote, and the number of images used."""
    written = read_card(options.card, next(iter(recipes.RECIPES.values()))).get("data", {})
    if not isinstance(written, dict):
        raise RunError(f"{options.card} can't be used as a card: its data is not a JSON object.")
    card = {"data": {"name": Path(options.data).stem, **written, "images": len(data)}}
    return {**card, "classes": list(data.label_names)} if data.label_names else card
