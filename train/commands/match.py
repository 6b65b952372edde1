"""``python -m train match NAME --data PATH --out DIR``: a generator brought nearer to photos."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from studio import checkpoint
from studio.checkpoint import Checkpoint, listed
from studio.errors import UserError
from studio.generators import Generator, build
from train import discriminators
from train.beginning.conditions import told_otherwise
from train.beginning.transfer import take_over
from train.commands import derived
from train.data.captions import load_captions
from train.data.held_out import without_held_out
from train.data.images import ImageSet, load_images, only
from train.data.reading import find
from train.devices.hardware import Hardware
from train.recipes import RECIPES
from train.runs.interruption import interruptions
from train.teachers.critic import Critic
from train.teachers.feature_distance import TURNS, FeatureDistance
from train.teachers.features import NETWORK, frozen_stages, weights_file
from train.teachers.matching import BATCH, matched
from train.work.recorder import PREVIEW_COLUMNS

PICTURES = 50_000
MOST_PHOTOS = 6_000
MOST_REPEATED = 4  # so often a photo of a rare category is learnt from, for one of a common one
DROPPED = 0.1  # of the texts, as in a training
STAGES = range(5)  # the finest too: it sees how surfaces are drawn
TOLD_EVERY = 2 * TURNS  # batches, all directions among them; some two minutes of one core


@dataclass(frozen=True)
class Lesson:
    """Photos uint8 (N, C, S, S) to learn from, and what the generator is told of each, if anything.

    ``different`` ones are among them. ``texts`` are captions of some, where it draws by words.
    """

    photos: Tensor
    condition: Tensor | None
    different: int
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """A checkpoint's networks, made for the photos, and what its card says of them then."""

    found: Checkpoint
    generator: Generator
    discriminator: nn.Module | None
    classes: tuple[str, ...]
    changes: dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Write the matched generator's checkpoint and print where it is."""
    options = parser().parse_args(arguments)
    found = derived.original(options)
    hardware = Hardware.choose(options.device)
    network = frozen_stages(weights_file(options.feature_weights), STAGES)
    old = found.load_generator()
    form = old.image_size, old.channels
    data = load_images(options.data, *form, fit=options.fit, progress=True)
    before = subject(found, data)
    lesson = chosen(*told(before, data, options), options.seed)
    mirrored = is_mirrored(found)
    photos = lesson.photos, lesson.condition
    how = {"batch": BATCH, "mirrored": mirrored, "seed": options.seed, "hardware": hardware}
    looks = len(lesson.photos) * (1 + mirrored)
    with tqdm(desc="Looking at photos", total=looks, disable=None) as bar:
        distance = FeatureDistance(network, *photos, **how, on_photos=bar.update)
    critic = Critic(distance.look, *photos, **how)
    try:
        teach = (distance, critic, lesson.condition, hardware, options)
        generator, drawn = learn(before.generator, *teach)
    except ArithmeticError as error:
        raise UserError(f"{found.title} can't be matched: {error}") from error
    about = {"photos": lesson.different, "pictures": drawn, "seed": options.seed}
    save(options.out, before, generator, about, lesson.texts)
    print(options.out)
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = derived.parser(
        "match",
        "Bring a trained generator nearer to photos: what a network trained on ImageNet sees in its"
        " pictures is to be as frequent as in the photos, and nowhere to give them away. For a"
        " generator that draws the right things, or things like them: photos that are sorted into"
        " other folders than its categories, or into none, give a generator of theirs. For 128"
        " pixels it takes half an hour to an hour and a half on one core; Ctrl-C saves what was"
        " learnt so far.",
        pictures=PICTURES,
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


def subject(found: Checkpoint, data: ImageSet) -> Subject:
    """What is to be matched: a generator by category begins with the photos' categories.

    So photos of something new will do, sorted into folders or not.
    """
    generator, judge = found.load_generator(), derived.discriminator(found)
    names = data.label_names
    if not found.classes or (names and set(names) <= set(found.classes)):
        return Subject(found, generator, judge, found.classes, {})
    result = build({**generator.config, "classes": len(names)})
    seen = judge.state_dict() if judge else {}
    weights, judged = told_otherwise(generator.state_dict(), seen, found.card, names, result)
    result.load_state_dict(weights)
    changes: dict[str, Any] = {"classes": list(names)}
    if judge:
        changes["discriminator"] = {**found.card["discriminator"], "classes": len(names)}
        judge = discriminators.build(changes["discriminator"]).eval()
        take_over(judge, judged)
    now = listed(names) if names else "without categories, as the photos are in no folders"
    tqdm.write(f"{found.title} draws {listed(found.classes)}; the new one will draw {now}.")
    return Subject(found, result.requires_grad_(False).eval(), judge, names, changes)


def told(
    before: Subject, data: ImageSet, options: argparse.Namespace
) -> tuple[ImageSet, Tensor | None]:
    """Images that have what the generator is told, and that: labels, texts as vectors, or None.

    Raises:
        DataError: it draws by words, and the images have no captions.
        UserError: images are to be held out, and it draws by no words.
    """
    found = before.found
    if not found.draws_by_words:
        if options.hold_out:
            raise UserError("--hold-out needs a generator that draws by words.")
        if not before.classes:
            return data, None
        labels = torch.tensor([before.classes.index(name) for name in data.label_names])
        return data, labels[data.labels]
    captions, kept = load_captions(find(options.data), data.names)
    data = replace(data if len(kept) == len(data) else only(data, kept), captions=captions)
    if options.hold_out:
        data, _ = without_held_out(data)
    return data, torch.from_numpy(found.load_words().vectors(data.captions.texts))


def chosen(data: ImageSet, condition: Tensor | None, seed: int) -> Lesson:
    """At most 6,000 random photos, of each category equally many, or nearly.

    Those of a rare category are there up to four times, so that it counts as a common one does.
    Of texts a tenth is left away: guidance needs to know what is drawn for none.
    """
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data), generator=random)
    if condition is None:
        order = order[:MOST_PHOTOS]
        return Lesson(data.images[order], None, len(order))
    if not condition.is_floating_point():
        labels = condition[order]
        share = max(1, MOST_PHOTOS // len(labels.unique()))
        of_each = [order[labels == label][:share] for label in labels.unique()]
        most = max(map(len, of_each))
        order = torch.cat([each.repeat(MOST_REPEATED)[:most] for each in of_each])
        return Lesson(data.images[order], condition[order], sum(map(len, of_each)))
    order = order[:MOST_PHOTOS]
    kept = torch.rand(len(order), generator=random) >= DROPPED
    texts = tuple(data.captions.texts[at] for at in order[:PREVIEW_COLUMNS])
    return Lesson(data.images[order], condition[order] * kept[:, None], len(order), texts)


def learn(
    before: Generator,
    distance: FeatureDistance,
    critic: Critic,
    condition: Tensor | None,
    hardware: Hardware,
    options: argparse.Namespace,
) -> tuple[Generator, int]:
    """The matched generator and how many pictures it drew to learn, until Ctrl-C at most."""
    drawn = 0
    distances: list[float] = []
    with (
        tqdm(desc="Matching them", total=options.pictures, unit="picture", disable=None) as bar,
        interruptions() as interrupted,
    ):

        def on_pictures(count: int, far: float) -> None:
            nonlocal drawn
            drawn += count
            bar.update(count)
            distances.append(far)
            if len(distances) == TOLD_EVERY:
                mean = sum(distances) / TOLD_EVERY
                bar.write(f"{drawn:,} of {options.pictures:,} pictures, distance {mean:.4f}")
                distances.clear()

        generator = matched(
            before,
            distance,
            critic,
            options.pictures,
            condition=condition,
            seed=options.seed,
            hardware=hardware,
            on_pictures=on_pictures,
            stopping=interrupted,
        )
    return generator, drawn


def is_mirrored(found: Checkpoint) -> bool:
    """Whether its recipe shows photos mirrored too."""
    recipe = RECIPES.get(str(found.card.get("recipe")))
    return bool(recipe and recipe.flip)


def save(
    out: Path, before: Subject, generator: Generator, about: dict[str, Any], texts: Sequence[str]
) -> None:
    """Write the checkpoint. A training can go on from it: its discriminator is that of before."""
    found = before.found
    earlier = found.card.get("matched", {}).get("pictures", 0)
    about = {"features": NETWORK, **about, "pictures": earlier + about["pictures"]}
    encoder = found.load_words() if found.draws_by_words else None
    checkpoint.save(
        out,
        generator,
        before.discriminator,
        derived.card(found, matched=about, **before.changes),
        derived.preview(generator, encoder, texts),
        encoder=encoder,
    )
