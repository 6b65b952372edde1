"""The whole measurement of a generator: it repeats, subsamples, and refuses what it can't use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from measuring import blurred, shapes
from torch import Tensor

from train.metrics import FeatureNetwork, MetricsError, Store, classifier, evaluate, reference
from train.metrics.evaluation import labels_like


def test_a_perfect_generator(features: FeatureNetwork, real: Tensor) -> None:
    real = real[:12]
    asked = []

    def generate(count: int, seed: int) -> Tensor:
        asked.append((count, seed))
        return real

    quality = evaluate(generate, real, features, seed=5)
    assert asked == [(12, 5)]
    assert (quality.samples, quality.real_images, quality.seed) == (12, 12, 5)
    assert (quality.precision, quality.recall, quality.coverage) == (1.0, 1.0, 1.0)
    assert quality.diversity == pytest.approx(1)
    assert quality.frechet < 1e-6 * quality.floor
    assert (quality.copies, quality.copies_among) == (1.0, 12)
    assert quality.class_accuracy is None and "class_accuracy" not in quality.to_dict()
    assert quality.features == "mobilenetv2_100"
    assert features.fingerprint in quality.protocol and "FID" not in quality.protocol


def test_an_honest_generator_measures_like_the_floors(features: FeatureNetwork) -> None:
    real = shapes(80, seed=1)
    quality = evaluate(lambda count, seed: shapes(count, seed=7), real, features)
    assert quality.frechet < 1.5 * quality.floor
    assert quality.copies <= quality.floors["copies"] + 0.05
    assert set(quality.floors) == {
        *("kernel", "kernel_deviation", "precision", "recall", "density", "coverage"),
        *("diversity", "copies", "vivid", "hues"),
    }
    worse = evaluate(lambda count, seed: blurred(shapes(count, seed=7), 3), real, features)
    assert worse.frechet > quality.frechet and worse.kernel > quality.kernel
    assert worse.recall < quality.recall and worse.floors == quality.floors
    plain, plainly_worse = quality.colour_and_edges, worse.colour_and_edges
    assert plain["frechet"] < 1.5 * plain["floors"]["frechet"] < plainly_worse["frechet"]
    assert plain["floors"] == plainly_worse["floors"] and quality.second is None


def test_a_second_network_measures_the_same_images(features: FeatureNetwork, real: Tensor) -> None:
    real = real[:16]

    def generate(count: int, seed: int) -> Tensor:
        return blurred(shapes(count, seed), 2.0)

    quality = evaluate(generate, real, features, second=features)
    assert quality.second is not None and quality.second["features"] == features.name
    for name in ("frechet", "kernel", "precision", "recall", "density", "coverage", "copies"):
        assert quality.second[name] == getattr(quality, name)
    assert quality.second["floors"]["frechet"] == quality.floor
    assert quality.second["floors"]["copies"] == quality.floors["copies"]
    assert features.protocol in quality.second["protocol"]


def test_the_measurement_repeats_and_its_seed_matters(
    features: FeatureNetwork, real: Tensor
) -> None:
    def generate(count: int, seed: int) -> Tensor:
        return blurred(shapes(count, seed), 2.0)

    first, again, other = (
        evaluate(generate, real[:16], features, samples=12, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first.frechet != other.frechet and first.floor != other.floor
    assert json.loads(json.dumps(first.to_dict())) == first.to_dict()
    assert first.to_dict()["samples"] == 12


def test_many_real_images_are_subsampled(
    features: FeatureNetwork, real: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "MAX_IMAGES", 12)
    monkeypatch.setattr(reference, "MAX_TRAINING", 20)
    monkeypatch.setattr("train.metrics.evaluation.MAX_IMAGES", 12)
    quality = evaluate(lambda count, seed: real[:count], real, features)
    assert (quality.samples, quality.real_images, quality.copies_among) == (12, 12, 20)
    assert quality.frechet > 0  # a random twelve, not the first twelve


def test_what_is_kept_of_real_images_gives_the_same_numbers(
    features: FeatureNetwork, real: Tensor, tmp_path: Path
) -> None:
    seen = []

    class Counting(FeatureNetwork):
        def embed(self, batch: Tensor) -> Tensor:
            seen.append(len(batch))
            return features.embed(batch)

    counting = Counting.__new__(Counting)
    counting.__dict__.update(features.__dict__)

    def measure(store: Store | None, seed: int = 0) -> tuple[dict, int]:
        seen.clear()
        quality = evaluate(
            lambda count, seed: shapes(count, seed), real[:16], counting, store=store, seed=seed
        )
        return quality.to_dict(), sum(seen)

    plain, store = measure(None), Store(tmp_path)
    assert plain[1] == 3 * 16  # generated, real, and real mirrored
    assert measure(store) == plain
    assert measure(store) == (plain[0], 16)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-10])
    assert measure(store) == plain
    assert measure(store, seed=1)[1] == 3 * 16


# --- classes -----------------------------------------------------------------------------------


def test_classes_are_asked_for_as_they_come_and_judged(
    features: FeatureNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "EPOCHS", 12)
    monkeypatch.setattr(classifier, "LEAST_STEPS", 40)
    real, labels = shapes(120, seed=1), torch.arange(120) % 2
    asked = []

    def generate(count: int, seed: int, wanted: Tensor) -> Tensor:
        asked.append(wanted)
        drawn = shapes(2 * count, seed=3)
        swapped = torch.where(torch.arange(count) % 4 == 0, 1 - wanted, wanted)  # a quarter wrong
        return drawn[2 * torch.arange(count) + swapped]

    quality = evaluate(generate, real, features, labels=labels, samples=40)
    assert asked[0].dtype == torch.int64 and asked[0].bincount().tolist() == [20, 20]
    assert quality.floors["class_accuracy"] > 0.9
    assert quality.class_accuracy == pytest.approx(0.75, abs=0.1)
    assert quality.to_dict()["class_accuracy"] == quality.class_accuracy


def test_labels_are_wanted_in_the_proportions_of_the_data() -> None:
    labels = torch.tensor([0] * 50 + [2] * 30 + [3] * 20)
    wanted = labels_like(labels, 10, seed=0)
    assert wanted.bincount().tolist() == [5, 0, 3, 2]
    assert wanted.tolist() != sorted(wanted.tolist())
    assert torch.equal(wanted, labels_like(labels, 10, seed=0))
    assert labels_like(labels, 7, seed=0).bincount().tolist() == [4, 0, 2, 1]  # 3.5, 2.1, 1.4
    assert len(labels_like(labels, 1, seed=0)) == 1


# --- what can't be measured --------------------------------------------------------------------


def test_measuring_refuses_too_few_or_unsuitable_images(
    features: FeatureNetwork, real: Tensor
) -> None:
    with pytest.raises(MetricsError, match="at least 8"):
        evaluate(lambda count, seed: real[:count], real[:7], features)
    with pytest.raises(MetricsError, match="at least 8"):
        evaluate(lambda count, seed: real[:count], real, features, samples=2)
    with pytest.raises(MetricsError, match="At most 100,000 images"):
        evaluate(lambda count, seed: real[:count], real, features, samples=10**9)
    with pytest.raises(MetricsError, match="made 5 images where 8"):
        evaluate(lambda count, seed: real[:5], real, features, samples=8)
    with pytest.raises(MetricsError, match="generated images must be uint8"):
        evaluate(lambda count, seed: real[:count] / 255, real, features, samples=8)
    with pytest.raises(MetricsError, match="real images must be uint8"):
        evaluate(lambda count, seed: real[:count], real / 255, features)
    with pytest.raises(MetricsError, match="labels of 40 images"):
        evaluate(lambda *_: real, real, features, labels=torch.zeros(3, dtype=torch.int64))
