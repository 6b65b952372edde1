"""Measuring a generator: its images and the real ones become features, and the features numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.metrics.checks import MetricsError, check_images, check_labels
from train.metrics.classifier import Classifier
from train.metrics.colour_edges import compare, statistics
from train.metrics.features import Features
from train.metrics.neighbours import WIDE_K, K
from train.metrics.quality import Quality
from train.metrics.reference import MAX_IMAGES, Reference, between, order_of
from train.metrics.store import Store
from train.metrics.vividness import vividness

LEAST = 2 * (K + 1)  # images, so that each half has neighbours
MOST = 100_000  # images to generate


def evaluate(
    generate: Callable[..., Tensor],
    real: Tensor,
    features: Features,
    *,
    labels: Tensor | None = None,
    second: Features | None = None,
    samples: int | None = None,
    seed: int = 0,
    psi: float = 1.0,
    store: Store | None = None,
    progress: bool = False,
) -> Quality:
    """Measure a generator against at most 5000 real images, a subset chosen by ``seed``.

    The floors are what two random halves of these real images get. They are pessimistic: each half
    has only half the images, and fewer images mean a larger distance. A good generator can get
    below the floor.

    Args:
        generate: ``generate(count, seed)`` returns uint8 (count, C, H, W); called once. With
            ``labels`` it is called ``generate(count, seed, wanted)``, and draws what the int64
            labels ``wanted`` (count,) ask for.
        real: uint8 (N, C, H, W) with N >= 8; those that the generator was trained on, or its
            copies can't be told.
        labels: int64 (N,), the classes of the real images, for a generator that takes a label. The
            wanted ones come in the same proportions.
        second: another network to measure the same pictures by, best one that shares nothing with
            the first.
        samples: how many images to generate; None for as many as real ones are used.
        seed: chooses the generated images, the subset and the halves.
        psi: the truncation that ``generate`` draws with, to be written down.
        store: where to keep what does not depend on the generator; None keeps nothing.

    Raises:
        MetricsError: there are too few images, or they are of another type or shape.
    """
    check_images(real, "The real images")
    samples = min(MAX_IMAGES, len(real)) if samples is None else samples
    if min(samples, len(real)) < LEAST:
        raise MetricsError(f"Measuring needs at least {LEAST} images of each kind.")
    if samples > MOST:
        raise MetricsError(f"At most {MOST:,} images can be generated to measure, not {samples:,}.")
    wanted = None
    if labels is not None:
        check_labels(labels, len(real))
        wanted = labels_like(labels, samples, seed)
    fake = generate(samples, seed) if wanted is None else generate(samples, seed, wanted)
    check_images(fake, "The generated images")
    if len(fake) != samples:
        raise MetricsError(f"The generator made {len(fake)} images where {samples} were asked for.")
    reference = Reference.of(real, features, seed=seed, store=store, progress=progress)
    found = features(fake, progress=progress)
    floors = {**reference.floors, "copies": reference.originals.floor}
    accuracy = None
    if labels is not None and wanted is not None:
        judge = Classifier.of(real, labels, store, progress=progress)
        accuracy, floors["class_accuracy"] = judge.share_right(fake, wanted), judge.accuracy
    colourful, real_colourful = vividness(fake), vividness(real)
    if real_colourful:
        floors.update(real_colourful._asdict())
    compared = real[torch.from_numpy(order_of(len(real), seed)[:MAX_IMAGES]).to(real.device)]
    return Quality(
        features=features.name,
        floor=floors.pop("frechet"),
        **between(reference.features, found, seed),
        samples=samples,
        real_images=len(reference.features),
        seed=seed,
        protocol=_protocol(features, samples, reference, psi),
        copies=reference.originals.share_of_copies(found),
        copies_among=len(reference.originals.features),
        class_accuracy=accuracy,
        vivid=colourful and colourful.vivid,
        hues=colourful and colourful.hues,
        psi=psi,
        floors=floors,
        colour_and_edges=compare(statistics(compared), statistics(fake), seed),
        second=(None if second is None else _by_second(second, real, fake, seed, store, progress)),
    )


def _by_second(
    features: Features, real: Tensor, fake: Tensor, seed: int, store: Store | None, progress: bool
) -> dict[str, Any]:
    """What a second network says of the same images: the distances, copies, and their floors."""
    reference = Reference.of(real, features, seed=seed, store=store, progress=progress)
    found = features(fake, progress=progress)
    return {
        "features": features.name,
        **between(reference.features, found, seed),
        "copies": reference.originals.share_of_copies(found),
        "floors": {**reference.floors, "copies": reference.originals.floor},
        "protocol": f"The same on {features.protocol}.",
    }


def labels_like(labels: Tensor, count: int, seed: int) -> Tensor:
    """``count`` labels in the proportions of ``labels``, to one, in random order: int64 (count,).

    What the rounding leaves goes to the classes with the largest remainders.
    """
    exact = labels.bincount().double().numpy() * count / len(labels)
    counts = np.floor(exact).astype(np.int64)
    most = np.argsort(counts - exact, kind="stable")
    counts[most[: count - counts.sum()]] += 1
    wanted = np.repeat(np.arange(len(counts)), counts)
    return torch.from_numpy(np.random.default_rng(seed).permutation(wanted))


def _protocol(features: Features, samples: int, reference: Reference, psi: float) -> str:
    frechet, kernel = features.distances
    count = len(reference.features)
    return (
        f"{frechet}, {kernel}, precision and recall (k={K}), density and coverage (k={WIDE_K}), "
        f"diversity and copies on {features.protocol} of {samples} generated and {count} real "
        f"images; floor between halves of {count // 2}"
        f"{'' if psi == 1 else f'; truncation {psi:g}'}."
    )
