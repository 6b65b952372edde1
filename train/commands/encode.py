"""``python -m train encode NAME --data PHOTOS --out DIR``: a generator that draws as photos are."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor
from tqdm import tqdm

from studio import checkpoint, pictures
from studio.checkpoint import Checkpoint
from studio.errors import UserError
from studio.files import write_whole
from studio.generators.base import to_uint8
from studio.generators.style import StyleGenerator
from studio.words import VOCABULARIES
from studio.words import Encoder as Words
from train.codes import encoder as encoders
from train.codes import priors
from train.codes.coming_back import Differences, measured
from train.codes.encoder import Encoder, Photos, described
from train.codes.encoding import (
    COMPARED_BATCH,
    Length,
    finished,
    learn_encoder,
    learn_together,
)
from train.codes.lesson import Lesson, chosen
from train.commands import derived
from train.commands.options import positive
from train.data.images import load_images
from train.devices.hardware import Hardware
from train.recipes import RECIPES
from train.runs.interruption import interruptions
from train.teachers.critic import Critic
from train.teachers.feature_distance import FeatureDistance
from train.teachers.features import NETWORK, Eye, frozen_stages, weights_file
from train.work.recorder import PREVIEW_COLUMNS

PHASES = "encoder", "together"
PAIRS = "comes-back.jpg"  # photos that were held out, and what comes back of each
PAIRS_SHOWN = 32
STAGES = range(5)
MOST_COMPARED = 6_000
PARTS = 30
MINUTES = {"encoder": 4.0, "together": 30.0}
TOLD_EVERY = 60.0  # seconds
SAVED_EVERY = 600.0
# Photos that come back so much farther off than before were not worth learning from.
SPOILT = 1.1


def main(arguments: Sequence[str]) -> int:
    """Write the new checkpoint and print where it is."""
    options = parser().parse_args(arguments)
    found = derived.original(options)
    generator = found.load_generator()
    if not isinstance(generator, StyleGenerator):
        raise UserError(f"{found.title} has no styles to encode: it is a {generator.kind} network.")
    hardware = Hardware.choose(options.device)
    before = encoders.of_checkpoint(found, generator)
    if options.phase == "together" and before is None:
        raise UserError(
            f"{found.title} has no encoder yet. Learn one first: leave --phase out, and give what "
            "that writes as the name here."
        )
    eye = Eye(frozen_stages(weights_file(options.feature_weights), STAGES), hardware)
    form = generator.image_size, generator.channels
    for name, asked in (("hold-out", options.hold_out), ("vocabulary", options.vocabulary)):
        if asked and not found.draws_by_words:
            raise UserError(f"--{name} needs a generator that draws by words.")
    data = load_images(options.data, *form, fit=options.fit, progress=True)
    lesson = chosen(
        data,
        options.data,
        by_words=found.draws_by_words,
        vocabulary=options.vocabulary or vocabulary_of(found),
        classes=found.classes,
        combinations=options.hold_out,
        clean=options.cleanest,
        seed=options.seed,
    )
    mirrored = is_mirrored(found) or options.mirrored
    looks = len(lesson.images) * (1 + mirrored)
    with tqdm(desc="Looking at photos", total=looks, disable=None) as bar:
        photos = Photos(
            lesson.images,
            lesson.condition,
            eye,
            mirrored=mirrored,
            classes=len(lesson.classes),
            on_photos=bar.update,
        )
    held_out = lesson.held_out, described(lesson.held_out, eye, lambda count: None)
    encoder = before or encoders.begun(generator, photos, options.seed)
    session = Session(found, lesson, photos, held_out, eye, options)
    try:
        session.learn(hardware.place(generator), encoder.to(hardware.device))
    except ArithmeticError as error:
        raise UserError(f"{found.title} can't be encoded: {error}") from error
    print(options.out)
    return 0


def vocabulary_of(found: Checkpoint) -> str:
    """How the terms of its words were chosen."""
    words = found.load_words()
    return words.vocabulary if words else Words.vocabulary


def is_mirrored(found: Checkpoint) -> bool:
    """Whether its recipe shows photos mirrored too."""
    recipe = RECIPES.get(str(found.card.get("recipe")))
    return bool(recipe and recipe.flip)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = derived.parser(
        "encode",
        "Learn an encoder from photos to the styles of a trained generator, and let it draw styles"
        " as the photos' are: a wall of designs as whole, varied and colourful as the photos. The"
        " generator itself stays as it is; with --phase together, on what this wrote, generator and"
        " encoder learn on from photos that come back and from pictures that are judged beside"
        " photos. Ctrl-C saves what was learnt so far.",
    )
    result.add_argument("--phase", choices=PHASES, default="encoder")
    length = result.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=positive(float),
        help=f"to learn for ({MINUTES['encoder']:g}, together {MINUTES['together']:g})",
    )
    length.add_argument(
        "--photos",
        type=positive(int),
        help="to show, repeated ones too, instead of minutes; the result is then repeatable",
    )
    result.add_argument(
        "--hold-out",
        action="store_true",
        help="learn from no image that training with --hold-out kept to measure with",
    )
    result.add_argument(
        "--cleanest",
        type=share,
        default=1.0,
        metavar="SHARE",
        help="of the photos, of each category, those with the cleanest outlines: 0.5 leaves out"
        " half, for things that were cut out badly (1, all)",
    )
    result.add_argument(
        "--vocabulary",
        choices=VOCABULARIES,
        help="terms of captions: frequent words, or attributes such as colours and necklines,"
        " recognised in any spelling and five languages (as before)",
    )
    result.add_argument("--mirrored", action="store_true", help="photos count mirrored too")
    result.add_argument(
        "--components",
        type=positive(int),
        help=f"of a code that are kept (as before, or {priors.COMPONENTS})",
    )
    result.add_argument(
        "--parts",
        type=positive(int),
        help="Gaussians that codes of one category are spread as (as before, or"
        f" {PARTS} without categories or words, and 1 with some)",
    )
    result.add_argument(
        "--feature-weights",
        metavar="FILE",
        help=f"weights of {NETWORK}, which sees; without it they are downloaded",
    )
    result.add_argument("--device", default="auto", help="cpu, cuda … (the best there is)")
    return result


def share(text: str) -> float:
    """An argparse type: a number above 0 and up to 1."""
    value = positive(float)(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text} is more than 1")
    return value


class Session:
    """One phase of learning: it tells how far it is, and saves what was learnt now and then.

    Args:
        found: the checkpoint to begin with.
        lesson: what is learnt from; ``photos`` are its own.
        held_out: uint8 (n, C, S, S), and what is seen of them.
        eye: what sees photos and pictures.
        options: of the command.
    """

    def __init__(
        self,
        found: Checkpoint,
        lesson: Lesson,
        photos: Photos,
        held_out: tuple[Tensor, Tensor],
        eye: Eye,
        options: argparse.Namespace,
    ) -> None:
        self.found, self.lesson, self.photos = found, lesson, photos
        self.held_out, self.eye, self.options = held_out, eye, options
        self.shown = 0
        self.differences: list[Differences] = []
        self.told = self.saved = self.start = time.monotonic()

    def learn(self, generator: StyleGenerator, encoder: Encoder) -> None:
        """Learn as asked, and save."""
        options = self.options
        minutes = options.minutes or MINUTES[options.phase]
        how: dict[str, Any] = {"seed": options.seed, "on_step": self.on_step}
        with (
            tqdm(desc=self.doing, unit="photo", total=options.photos, disable=None) as self.bar,
            interruptions() as interrupted,
        ):
            how["stopping"] = interrupted
            if options.phase == "encoder":
                length = Length(minutes, options.photos)
                learn_encoder(generator, encoder, self.photos, self.eye, length, **how)
                self.save(generator, encoder)
                return
            generator, _ = self.finished(generator, encoder)
            judges = self.judges()
            self.start = time.monotonic()
            length = Length(minutes, options.photos)
            learnt = learn_together(
                generator,
                encoder,
                self.photos,
                *judges,
                length,
                on_average=self.on_average,
                **how,
            )
            self.save(*learnt)

    @property
    def doing(self) -> str:
        """What to say that it does."""
        alone = "Learning an encoder"
        return alone if self.options.phase == "encoder" else "Learning together"

    def judges(self) -> tuple[FeatureDistance, Critic]:
        """What tells pictures from photos."""
        lesson, options = self.lesson, self.options
        random = torch.Generator().manual_seed(options.seed)
        some = torch.zeros(len(lesson.images), dtype=torch.bool)
        some[torch.randperm(len(some), generator=random)[:MOST_COMPARED]] = True
        told = None
        if lesson.condition is not None:
            if lesson.classes:  # a rare category is not left out
                firsts = [(lesson.condition == at).nonzero()[0] for at in lesson.condition.unique()]
                some[torch.cat(firsts)] = True
            told = lesson.condition[some]
        how = {
            "mirrored": len(self.photos.seen) > 1,
            "seed": options.seed,
            "hardware": self.eye.hardware,
        }
        network, photos = self.eye.network, (lesson.images[some], told)
        distance = FeatureDistance(network, *photos, batch=COMPARED_BATCH, **how)
        critic = Critic(distance.deviations, told, seed=options.seed, hardware=self.eye.hardware)
        return distance, critic

    def on_step(self, count: int, differences: Differences) -> None:
        """Tell how far it is."""
        self.shown += count
        self.bar.update(count)
        self.differences.append(differences)
        if time.monotonic() - self.told > TOLD_EVERY:
            self.told = time.monotonic()
            pixels = torch.stack([each.pixels.detach() for each in self.differences]).mean()
            features = torch.stack([each.features.detach() for each in self.differences]).mean()
            self.bar.write(
                f"{(self.told - self.start) / 60:.0f} minutes, {self.shown:,} photos: they come"
                f" back with differences of {pixels:.3f} (pixels), {features:.3f} (features)"
            )
            self.differences.clear()

    def on_average(self, generator: StyleGenerator, encoder: Encoder) -> None:
        """Save what is learnt so far, if it is time to."""
        if time.monotonic() - self.saved > SAVED_EVERY:
            self.save(generator, encoder)
            self.saved = time.monotonic()

    def finished(
        self, generator: StyleGenerator, encoder: Encoder
    ) -> tuple[StyleGenerator, Encoder]:
        """Both with the prior that is asked for."""
        options = self.options
        known = generator.prior
        alone = self.lesson.condition is None
        form = {
            "components": options.components
            or (len(known.components) if known else priors.COMPONENTS),
            "parts": options.parts or (known.parts if known else PARTS if alone else 1),
        }
        return finished(generator, encoder, self.photos, seed=options.seed, **form)

    def save(self, generator: StyleGenerator, encoder: Encoder) -> None:
        """Write the checkpoint, with its encoder, and photos that come back."""
        generator, encoder = self.finished(generator, encoder)
        images, seen = self.held_out
        back, pixels, features = measured(generator, encoder, images, seen, self.eye)
        generator = generator.cpu()
        lesson, options, found = self.lesson, self.options, self.found
        earlier = found.card.get("encoded", {}).get("photos_shown", {})
        about = {
            "features": NETWORK,
            "photos": lesson.different,
            "held_out": len(images),
            "photos_shown": {
                **earlier,
                options.phase: earlier.get(options.phase, 0) + self.shown,
            },
            "seed": options.seed,
            "differences": {"pixels": round(pixels, 4), "features": round(features, 4)},
        }
        card = derived.card(found, encoded=about)
        card.pop("classes", None)
        if lesson.classes:
            card["classes"] = list(lesson.classes)
        judge = derived.discriminator(found)
        if told_others(found, lesson):
            judge = None
            card.pop("discriminator", None)
        with write_whole(options.out) as fresh:
            checkpoint.save(
                fresh,
                generator,
                judge,
                card,
                derived.preview(generator, lesson.words, lesson.texts),
                encoder=lesson.words,
            )
            checkpoint.save_weights(encoder, fresh / encoders.FILE, half=True)
            pairs(images, back).save(fresh / PAIRS, quality=90)
        self.bar.write(
            f"Photos that were held out come back with differences of {pixels:.3f} (pixels), "
            f"{features:.3f} (features)."
        )
        before = found.card.get("encoded", {}).get("differences", {})
        if features > SPOILT * before.get("features", features):
            self.bar.write(
                f"That is worse than before ({before['pixels']:.3f} and {before['features']:.3f}): "
                f"learning spoilt this generator. Keep {found.folder} instead, or learn for less "
                "time."
            )


def told_others(found: Checkpoint, lesson: Lesson) -> bool:
    """Whether the new generator is told other things than the one before."""
    if lesson.words:
        before = found.load_words()
        return before is None or lesson.words.terms != before.terms
    return lesson.classes != found.classes


def pairs(images: Tensor, back: Tensor) -> Image:
    """A sheet of photos uint8 (n, C, S, S), each beside what comes back, in -1..1."""
    both = torch.stack([images, to_uint8(back, (-1.0, 1.0))], 1)[:PAIRS_SHOWN].flatten(0, 1)
    return pictures.sheet(both, PREVIEW_COLUMNS, scale=1)
