"""How many images a second training shows: a tutorial's plain loop against this project's.

"plain" is what tutorials do: float32, every photo opened, decoded and resized from its file again
in each epoch by a DataLoader of two workers, sigmoid and binary cross-entropy on real and drawn
images separately, plain Adam, and ``.item()`` for the numbers of each step. "ours" is
``train.engine.training.Training`` as ``python -m train`` runs it: bfloat16 where the hardware has
it, channels_last, uint8 images in memory, fused Adam, and the generator's average besides.

Both train the same networks with the same batch in one process, in turn, each for ``--seconds`` a
round after a few steps that are not timed. Loading images counts; preparing them once does not
(``prepare_s`` tells how long it took). The ratio is the median of the rounds' ratios. On a GPU it
also tells which share of the measured bf16 matrix peak ours makes use of.

    python -m bench.training --data photos.zip

With ``--watching`` it measures what looking at a training costs; see :mod:`bench.watching`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import abc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from bench import watching
from bench.peak import share_of_peak
from studio.generators import Generator, build
from train import discriminators, recipes
from train.beginning import initialise
from train.data.archives import DataError, UnreadableError, open_members
from train.data.images import load_images
from train.devices.hardware import Hardware
from train.engine.training import Training
from train.recipes import Recipe

WARM_UP = 3  # steps that are not timed, at the start of each round
WORKERS = 2
Steps = abc.Generator[int, None, None]  # a training: each item is the images one step showed
PHOTOS, PHOTO_SIZE = 768, 256  # made when no data is given


class Photos(Dataset):
    """Photos read from their files whenever they are asked for."""

    def __init__(self, files: list[Path], generator: Generator) -> None:
        self.files = files
        size, channels = generator.image_size, generator.channels
        steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()]
        if channels == 1:
            steps.insert(0, transforms.Grayscale())
        if generator.value_range == (-1.0, 1.0):
            steps.append(transforms.Normalize([0.5] * channels, [0.5] * channels))
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.files[index]) as image:
            return self.transform(image.convert("RGB"))


class PlainLoop:
    """The loop of the tutorials, after PyTorch's own on DCGAN."""

    def __init__(self, recipe: Recipe, files: list[Path], device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.device, self.batch = device, min(recipe.batch, len(files))
        self.generator = build(recipe.generator).to(device)
        self.discriminator = discriminators.build(recipe.discriminator).to(device)
        for network in (self.generator, self.discriminator):
            network.apply(initialise.SCHEMES[recipe.init])
        self.criterion = nn.BCELoss()
        self.optimiser_d, self.optimiser_g = (
            torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
            for network in (self.discriminator, self.generator)
        )
        photos = Photos(files, self.generator)
        how = {"shuffle": True, "drop_last": True, "num_workers": WORKERS}
        self.loader = DataLoader(photos, self.batch, **how)
        self.numbers: list[tuple[float, ...]] = []

    def steps(self) -> Steps:
        """Train for ever, an epoch after the other."""
        while True:
            for real in self.loader:
                self.step(real.to(self.device))
                yield self.batch

    def step(self, real: Tensor) -> None:
        """Update the discriminator on real and on drawn images, then the generator."""
        self.discriminator.zero_grad()
        loss_real, score_real = self.judge(real, 1.0)
        loss_real.backward()
        latents = torch.randn(self.batch, self.generator.latent_dim, device=self.device)
        fake = self.generator(latents)
        loss_fake, score_fake = self.judge(fake.detach(), 0.0)
        loss_fake.backward()
        self.optimiser_d.step()

        self.generator.zero_grad()
        loss_g, _ = self.judge(fake, 1.0)
        loss_g.backward()
        self.optimiser_g.step()
        self.numbers.append((loss_g.item(), (loss_real + loss_fake).item(), score_real, score_fake))

    def judge(self, images: Tensor, label: float) -> tuple[Tensor, float]:
        """The loss of calling all images ``label``, and the discriminator's mean score."""
        scores = torch.sigmoid(self.discriminator(images))
        return self.criterion(scores, torch.full_like(scores, label)), scores.mean().item()


def our_steps(training: Training) -> Steps:
    """Train for ever; the numbers are read as often as ``python -m train`` reads them."""
    every = training.recipe.log_steps or training.steps_per_epoch
    while True:
        training.step()
        if training.step_count % every == 0:
            training.means.take(training.processes)
        yield training.batch


def images_per_second(start: Callable[[], Steps], seconds: float, device: torch.device) -> float:
    """Images shown in about ``seconds`` of steady training, by the second."""
    with closing(start()) as steps:  # which ends the loader's processes too
        for _ in range(WARM_UP):
            next(steps)
        wait_for(device)
        begin, shown = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            shown += next(steps)
        wait_for(device)
        return shown / (time.perf_counter() - begin)


def wait_for(device: torch.device) -> None:
    """Wait for what an accelerator still has to do."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


@contextmanager
def photo_files(data: Path | None) -> Iterator[Path]:
    """A folder with the photos: the one given, a zip's content, or invented ones."""
    if data and data.is_dir():
        yield data
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        extract(data, folder) if data else invent(folder)
        yield folder


def extract(archive: Path, folder: Path) -> None:
    """Copy a zip's files into a folder, under plain names."""
    with open_members(archive) as members:
        for number, member in enumerate(each for each in members if not each.refusal):
            target = folder / f"{number:06d}{Path(member.name).suffix}"
            with suppress(UnreadableError), member.open() as source:
                target.write_bytes(source.read())


def invent(folder: Path) -> None:
    """Write JPEG photos of soft shapes with some grain."""
    random = np.random.default_rng(0)
    for number in range(PHOTOS):
        coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        soft = np.asarray(coarse.resize((PHOTO_SIZE, PHOTO_SIZE), Image.Resampling.BICUBIC), float)
        grain = random.normal(0, 6, soft.shape)
        pixels = (soft + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04d}.jpg", quality=90)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m bench.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--data", type=Path, metavar="PATH", help="a folder or zip of photos")
    games = [name for name, each in recipes.RECIPES.items() if "game" in each.teachers]
    result.add_argument("--recipe", default="handbags-dcgan", choices=games)
    result.add_argument("--seconds", type=float, default=20, help="of each loop in each round")
    result.add_argument("--rounds", type=int, default=3)
    result.add_argument("--device", default="auto")
    result.add_argument(
        "--watching", action="store_true", help="compare with and without the page open instead"
    )
    return result


def main() -> None:
    """Measure, then print what was found."""
    options = parser().parse_args()
    try:
        if options.watching:
            print(json.dumps(watching.compare(options)))
            return
        hardware = Hardware.choose(options.device)
        with photo_files(options.data) as folder:
            print(json.dumps(compare(options, folder, hardware)))
    except (OSError, ValueError) as error:  # DataError is a ValueError
        parser().error(str(error))


def compare(options: argparse.Namespace, folder: Path, hardware: Hardware) -> dict[str, Any]:
    """Both loops in turn; prints a row a round."""
    recipe = recipes.get(options.recipe)
    drawn = build(recipe.generator)
    begin = time.perf_counter()
    data = load_images(folder, drawn.image_size, drawn.channels)
    prepare_s = time.perf_counter() - begin
    files = [folder / name for name in data.names]
    if not all(file.is_file() for file in files):
        raise DataError("The plain loop reads photos; give a folder or zip of them.")
    plain = PlainLoop(recipe, files, hardware.device)
    training = Training(recipe, data.images, hardware, recipe.seed)
    loops = (plain.steps, partial(our_steps, training))
    print(f"{recipe.name}, batch {plain.batch}, {len(files)} photos, images per second:")
    print("round    plain     ours  ratio")
    rounds = []
    for number in range(1, options.rounds + 1):
        rates = [images_per_second(each, options.seconds, hardware.device) for each in loops]
        rounds.append((*rates, rates[1] / rates[0]))
        print(row(number, rounds[-1]), flush=True)
    medians = tuple(statistics.median(column) for column in zip(*rounds, strict=True))
    print(row("all", medians))
    share = None
    if hardware.device.type == "cuda":
        share = share_of_peak(training, medians[1], partial(wait_for, hardware.device))
        print(f"ours uses {share:.1%} of the bf16 matrix products measured at their best")
    return {
        "plain_images_per_s": round(medians[0], 1),
        "images_per_s": round(medians[1], 1),
        "ratio": round(medians[2], 2),
        "recipe": recipe.name,
        "batch": plain.batch,
        "device": hardware.device.type,
        "precision": "bf16" if hardware.bf16 else "fp32",
        "threads": torch.get_num_threads(),
        "photos": len(files),
        "prepare_s": round(prepare_s, 1),
        "share_of_bf16_peak": share and round(share, 4),
    }


def row(first: Any, rates: tuple[float, float, float]) -> str:
    plain, ours, ratio = rates
    return f"{first:>5} {plain:8.1f} {ours:8.1f} {ratio:6.2f}"


if __name__ == "__main__":
    main()
