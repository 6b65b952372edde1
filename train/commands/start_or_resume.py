"""``python -m train --data PATH --recipe NAME --out DIR`` and ``python -m train --resume DIR``."""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from studio.generators import build
from train import recipes
from train.data import ImageSet, load_images
from train.hardware import Hardware
from train.loop import NUMBERS, Length, Training, fit
from train.runs import Run, RunError

EPILOG = """examples:
  python -m train --data photos/ --recipe handbags-dcgan --out runs/my-bags
  python -m train --data fashion-mnist --recipe fashion-mnist-mlp --out runs/fashion
  python -m train --resume runs/my-bags --epochs 100
  python -m train evaluate runs/my-bags/checkpoint --data photos/

recipes:
""" + "\n".join(f"  {recipe.name:20} {recipe.source}" for recipe in recipes.RECIPES.values())


# What decides a run from its first step on.
FIXED = ("recipe", "out", "batch", "learning_rate", "seed", "card")


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = argparse.ArgumentParser(
        prog="python -m train",
        description="Train a generator on images, or go on with a training that was stopped.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
    result.add_argument("--learning-rate", type=positive(float), help="of both networks")
    result.add_argument("--seed", type=seed, help="repeats a training exactly")
    result.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    result.add_argument("--precision", default="auto", choices=("auto", "bf16", "fp32"))
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


def batch(text: str) -> int:
    """An argparse type: images per update; batch norm has nothing to compare one image with."""
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"{text} is not 2 or more")
    return value


def positive(kind: type) -> Callable[[str], Any]:
    """An argparse type: a number above zero."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
        return value

    parse.__name__ = kind.__name__
    return parse


def seed(text: str) -> int:
    """An argparse type: a seed, small enough for every random generator here."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {2**32 - 1}")
    return value


def main(arguments: Sequence[str]) -> int:
    """Start or resume a run and train it to its end, or until it is interrupted."""
    options = parser().parse_args(arguments)
    if options.resume and (fixed := [name for name in FIXED if getattr(options, name) is not None]):
        names = ", ".join("--" + name.replace("_", "-") for name in fixed)
        parser().error(f"{names} can't be changed when a run is resumed; start a new one instead")
    hardware = choose_hardware(options)
    if options.resume:
        run = Run.open(options.resume)
        data = load(run.settings["data"], run.recipe)
        if digest(data) != run.settings["data_digest"]:
            raise RunError(
                f"{run.settings['data']} no longer holds the images this run was started on; "
                "start a new run instead."
            )
    else:
        run, data = create(options)
    if any((options.epochs, options.kimg, options.minutes)):
        run.settings["length"] = {
            name: getattr(options, name) for name in ("epochs", "kimg", "minutes")
        }
        run.save_settings()
    training = Training(run.recipe, data.images, hardware, run.settings["seed"])
    if options.resume and not run.load_state(training):
        print("Nothing was saved yet; starting from the beginning.")
    return train(run, training, options)


def choose_hardware(options: argparse.Namespace) -> Hardware:
    try:
        return Hardware.choose(options.device, options.precision)
    except ValueError as error:
        raise RunError(str(error)) from error


def create(options: argparse.Namespace) -> tuple[Run, ImageSet]:
    """Read the images, then make the run's folder, so that bad images leave nothing behind."""
    if not options.recipe or not options.out:
        parser().error("--data needs --recipe and --out")
    recipe = recipes.get(options.recipe)
    changes = {"batch": options.batch, "learning_rate": options.learning_rate}
    recipe = replace(recipe, **{name: value for name, value in changes.items() if value})
    data = load(options.data, recipe)
    settings = {
        "recipe": recipe.to_dict(),
        "data": options.data
        if options.data == "fashion-mnist"
        else str(Path(options.data).resolve()),
        "data_digest": digest(data),
        "seed": recipe.seed if options.seed is None else options.seed,
        "length": {},
        "card": {**read_card(options.card, recipe), **data_card(options, data)},
    }
    return Run.create(options.out, settings), data


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
    written = read_card(options.card, recipes.get(options.recipe)).get("data", {})
    if not isinstance(written, dict):
        raise RunError(f"{options.card} can't be used as a card: its data is not a JSON object.")
    return {"data": {"name": Path(options.data).stem, **written, "images": len(data)}}


def load(path: str, recipe: recipes.Recipe) -> ImageSet:
    """Read the images and say in a few lines what was found and what was not."""
    generator = build(recipe.generator)
    size = generator.image_size
    data = load_images(path, size, generator.channels, progress=True)
    print(f"{len(data)} images, prepared as {size}x{size}.")
    if data.skipped:
        print(f"{len(data.skipped)} could not be used:")
        for name, reason in data.skipped[:10]:
            print(f"  {name}: {reason}")
        if len(data.skipped) > 10:
            print(f"  and {len(data.skipped) - 10} more")
    return data


def digest(data: ImageSet) -> str:
    """Identifies a set of images by its names and first pixels, cheaply."""
    result = hashlib.sha256("\n".join(data.names).encode("utf-8", "surrogateescape"))
    result.update(str(tuple(data.images.shape)).encode())
    result.update(data.images[:256].numpy().tobytes())
    return result.hexdigest()


def train(run: Run, training: Training, options: argparse.Namespace) -> int:
    """Train with a progress bar, saving as it goes; on Ctrl-C save and say how to go on."""
    asked = run.settings["length"]
    length = Length.of(training, **asked)
    last_save = time.monotonic()
    total = length.steps * training.batch if length.seconds == float("inf") else None
    bar = tqdm(total=total, initial=training.images_shown, unit="img", smoothing=0.1)

    def on_numbers(numbers: dict[str, float]) -> None:
        line = run.log(training, numbers)
        bar.write(describe(line, training, length))
        number = training.step_count // (training.recipe.log_steps or training.steps_per_epoch)
        run.save_samples(training, number)
        every = options.snapshot_epochs
        if every and training.step_count % (every * training.steps_per_epoch) == 0:
            run.save_checkpoint(training, snapshot=f"{training.epoch:04d}")

    def on_step() -> None:
        nonlocal last_save
        bar.update(training.batch)
        if time.monotonic() - last_save > options.save_minutes * 60:
            run.save_state(training)
            last_save = time.monotonic()

    with bar, interruptions() as interrupted:
        finished = fit(
            training, length, on_step=on_step, on_numbers=on_numbers, stopping=interrupted
        )
    run.save_state(training)
    folder = run.save_checkpoint(training)
    if finished:
        print(f"Done: {training.images_shown} images shown. The checkpoint is {folder}")
        return 0
    print(f"Stopped and saved. Go on with: python -m train --resume {run.folder}")
    return 130


def describe(line: dict[str, Any], training: Training, length: Length) -> str:
    """One line of numbers for people, in the manner of the handbag notebook."""
    numbers = ", ".join(f"{name}: {line[name]:.4f}" for name in NUMBERS)
    if training.recipe.log_steps:
        return f"Step [{line['step']}/{length.steps}], {numbers}"
    epochs = -(-length.steps // training.steps_per_epoch)
    of = f"/{epochs}" if length.seconds == float("inf") else ""
    return f"Epoch [{line['epoch']}{of}], {numbers}"


@contextmanager
def interruptions():
    """Yields a function that tells whether Ctrl-C or a polite kill came; a second one ends it."""
    asked = False

    def note(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        print("\nStopping after this step; press Ctrl-C again to lose it.")

    before = {kind: signal.signal(kind, note) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
