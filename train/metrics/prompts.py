"""Whether a generator draws what the words ask for, also what no image of its training showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.data.captions import Captions
from train.data.held_out import colours_and_types, hold_out
from train.metrics.classifier import Classifier
from train.metrics.colours import LEAST as COMMON
from train.metrics.colours import NamedColours, dominant
from train.metrics.distances import frechet_distance
from train.metrics.diversity import mean_distance
from train.metrics.features import Features
from train.metrics.store import Store

PROMPTS = 1_000
LEAST = 20  # images of a type in the training, to be judged
REPEATED, SAMPLES_EACH = 50, 10  # prompts that are drawn several times, and how often

Draw = Callable[[Sequence[str], int], Tensor]


@dataclass(frozen=True)
class Heeded:
    """How well words of one kind are heeded; ``real_…`` is what real images of them get.

    Attributes:
        prompts: how many were drawn, once each.
        type_accuracy, colour_accuracy: shares of pictures that a judge of real images calls by the
            type and the colour asked for.
        distance: the Fréchet distance from real images of these words; ``floor`` that of the
            training's images of the same number, in the features named in the protocol.
        diversity: mean distance between pictures of one prompt, over that between real images of
            one colour and type.
    """

    prompts: int
    type_accuracy: float
    real_type_accuracy: float
    colour_accuracy: float
    real_colour_accuracy: float
    distance: float
    diversity: float


def evaluate_prompts(
    draw: Draw,
    images: Tensor,
    captions: Captions,
    features: Features,
    *,
    prompts: int = PROMPTS,
    seed: int = 0,
    store: Store | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure on images that :func:`train.data.held_out.hold_out` keeps from the training.

    "seen" are words of held-out images whose colour and type the training showed together,
    "unseen" those that it never did. The judges learn from the training's images.

    Args:
        draw: ``draw(texts, seed)`` returns a picture of each text, uint8 (n, C, H, W).
        images: all real images, uint8 (N, C, H, W), and their captions, in the same order.

    Returns:
        {"seen": {…}, "unseen": {…}, "protocol": a sentence}, see :class:`Heeded`.

    Raises:
        DataError: the captions tell no colours and types.
        MetricsError: there are too few images.
    """
    colours, types = map(np.array, colours_and_types(captions))
    aside = hold_out(captions)
    held = np.zeros(len(images), bool)
    held[list(aside.images)] = True
    combinations = set(aside.combinations)
    unseen = np.array([pair in combinations for pair in zip(colours, types, strict=True)])
    judged = _judged(types, held, LEAST) & _judged(colours, held, COMMON)

    learnt = np.flatnonzero(~held & judged)
    labels, names = _labels(types, learnt)
    judge = Classifier.of(images[learnt], labels[learnt], store, progress=progress)
    seen_colours = dominant(images[learnt])
    namer = NamedColours.of(seen_colours, colours[learnt].tolist())
    real_distance = _distance_within(images, features, colours, types, learnt)

    def heeded(among: np.ndarray, seed: int) -> dict[str, Any]:
        random = np.random.Generator(np.random.PCG64(seed))
        chosen = random.choice(among, prompts, replace=len(among) < prompts)
        asked = [prompt(captions.texts[at]) for at in chosen]
        drawn = draw(asked, seed)
        again = random.choice(among, min(REPEATED, len(among)), replace=False)
        spreads = []
        for at in again:
            several = draw([prompt(captions.texts[at])] * SAMPLES_EACH, seed + 1 + int(at))
            spreads.append(mean_distance(features(several, progress=False)))
        result = Heeded(
            prompts=prompts,
            type_accuracy=judge.share_right(drawn, labels[chosen]),
            real_type_accuracy=judge.share_right(images[among], labels[among]),
            colour_accuracy=namer.share_right(drawn, colours[chosen].tolist()),
            real_colour_accuracy=namer.share_right(images[among], colours[among].tolist()),
            distance=frechet_distance(features(images[among]), features(drawn)),
            diversity=float(np.mean(spreads)) / real_distance,
        )
        return {name: round(value, 4) for name, value in asdict(result).items()}

    return {
        "seen": heeded(np.flatnonzero(held & judged & ~unseen), seed),
        "unseen": heeded(np.flatnonzero(held & judged & unseen), seed + 1),
        "protocol": (
            f"{prompts} prompts each, words of held-out images; types by a classifier of "
            f"{len(names)} types and colours by CIELAB distributions of {len(namer.names)} names, "
            f"both learnt from {len(learnt)} images of the training; diversity of "
            f"{SAMPLES_EACH} pictures of each of {REPEATED} prompts."
        ),
    }


def prompt(caption: str) -> str:
    """What a person would type of a caption: its first sentence."""
    return caption.split(". ")[0]


def _judged(values: np.ndarray, held: np.ndarray, least: int) -> np.ndarray:
    """Which images have a value that enough images of the training have."""
    counted = Counter(values[~held].tolist())
    return np.array([bool(value) and counted[value] >= least for value in values.tolist()])


def _labels(types: np.ndarray, learnt: np.ndarray) -> tuple[Tensor, list[str]]:
    """Each image's type as int64 (N,), -1 where it is not judged, and the types' names."""
    names = sorted(set(types[learnt].tolist()))
    index = {name: at for at, name in enumerate(names)}
    return torch.tensor([index.get(each, -1) for each in types.tolist()]), names


def _distance_within(
    images: Tensor, features: Features, colours: np.ndarray, types: np.ndarray, among: np.ndarray
) -> float:
    """The mean distance between real images of one colour and type."""
    pairs = Counter(zip(colours[among].tolist(), types[among].tolist(), strict=True))
    common = [pair for pair, count in pairs.most_common(REPEATED) if count >= SAMPLES_EACH]
    found = []
    for colour, kind in common:
        own = among[(colours[among] == colour) & (types[among] == kind)][:SAMPLES_EACH]
        found.append(mean_distance(features(images[own], progress=False)))
    return float(np.mean(found)) if found else float("nan")
