"""The whole measurement of a generator: it repeats, subsamples, and refuses what it can't use."""

from __future__ import annotations

import json

import pytest
from measuring import blurred, shapes
from torch import Tensor

from train import metrics
from train.metrics import FeatureNetwork, MetricsError, evaluate


def test_a_perfect_generator(features: FeatureNetwork, real: Tensor) -> None:
    real = real[:12]
    asked = []

    def generate(count: int, seed: int) -> Tensor:
        asked.append((count, seed))
        return real

    quality = evaluate(generate, real, features, seed=5)
    assert asked == [(12, 5)]
    assert (quality.samples, quality.real_images, quality.seed) == (12, 12, 5)
    assert (quality.precision, quality.recall) == (1.0, 1.0)
    assert quality.frechet < 1e-6 * quality.floor
    assert quality.features == "mobilenetv2_100"
    assert features.fingerprint in quality.protocol and "FID" not in quality.protocol


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
    monkeypatch.setattr(metrics, "MAX_IMAGES", 12)
    quality = evaluate(lambda count, seed: real[:count], real, features)
    assert (quality.samples, quality.real_images) == (12, 12)
    assert quality.frechet > 0  # a random twelve, not the first twelve


def test_measuring_refuses_too_few_or_unsuitable_images(
    features: FeatureNetwork, real: Tensor
) -> None:
    with pytest.raises(MetricsError, match="at least 4"):
        evaluate(lambda count, seed: real[:count], real[:3], features)
    with pytest.raises(MetricsError, match="at least 4"):
        evaluate(lambda count, seed: real[:count], real, features, samples=2)
    with pytest.raises(MetricsError, match="made 5 images where 8"):
        evaluate(lambda count, seed: real[:5], real, features, samples=8)
    with pytest.raises(MetricsError, match="generated images must be uint8"):
        evaluate(lambda count, seed: real[:count] / 255, real, features, samples=8)
    with pytest.raises(MetricsError, match="real images must be uint8"):
        evaluate(lambda count, seed: real[:count], real / 255, features)
