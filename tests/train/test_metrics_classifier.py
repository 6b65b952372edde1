"""The judge of classes: what it learns, what it kept from itself, and what it can't be made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from measuring import shapes
from torch import Tensor

from train.metrics import Classifier, MetricsError, Store, classifier


def discs_and_bars(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images, and their classes: 0 for a disc, 1 for a bar."""
    return shapes(count, seed), torch.arange(count) % 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("measures")


@pytest.fixture(scope="module")
def judge(folder: Path) -> Iterator[Classifier]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifier, "LEAST_STEPS", 30)
        patch.setattr(classifier, "EPOCHS", 6)
        yield Classifier.of(*discs_and_bars(240, seed=1), Store(folder))


def test_it_tells_fresh_images_apart_and_knows_how_well(judge: Classifier) -> None:
    images, labels = discs_and_bars(100, seed=2)
    assert judge.accuracy > 0.9
    assert judge.share_right(images, labels) > 0.9
    assert judge.share_right(images, 1 - labels) < 0.1
    assert judge.share_right(images, torch.zeros_like(labels)) == pytest.approx(0.5, abs=0.05)
    larger = torch.nn.functional.interpolate(images, scale_factor=3, mode="nearest")
    assert judge.share_right(larger, labels) > 0.9


def test_the_same_images_are_not_learnt_twice(
    judge: Classifier, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "_train", None)
    again = Classifier.of(*discs_and_bars(240, seed=1), Store(folder))
    assert again.accuracy == judge.accuracy
    for mine, its in zip(
        again.network.state_dict().values(), judge.network.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, its)


def test_labels_that_say_nothing_are_judged_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "LEAST_STEPS", 20)
    monkeypatch.setattr(classifier, "EPOCHS", 2)
    labels = torch.randint(0, 2, (240,), generator=torch.Generator().manual_seed(0))
    random_state = torch.get_rng_state()
    judge = Classifier.of(shapes(240, seed=1), labels)
    assert judge.accuracy < 0.75
    assert torch.equal(torch.get_rng_state(), random_state)


def test_a_share_of_every_class_is_held_out() -> None:
    labels = torch.tensor([0] * 100 + [3] * 40 + [5] * 2 + [6])
    training, held_out = classifier._split(labels)
    assert sorted([*training.tolist(), *held_out.tolist()]) == list(range(143))
    assert labels[held_out].bincount().tolist() == [10, 0, 0, 4, 0, 1]
    many = torch.arange(100_000) % 10
    assert labels_held_out(many) == [600] * 10


def labels_held_out(labels: Tensor) -> list[int]:
    return labels[classifier._split(labels)[1]].bincount().tolist()


def test_what_it_cannot_learn_from_is_refused() -> None:
    images, labels = discs_and_bars(8, seed=1)
    for wrong in (labels[:7], labels.int(), labels - 1, labels[:, None]):
        with pytest.raises(MetricsError, match="labels of 8 images must be int64"):
            Classifier.of(images, wrong)
    for few in (torch.zeros_like(labels), torch.tensor([0] * 7 + [1])):
        with pytest.raises(MetricsError, match="two of them with two images each"):
            Classifier.of(images, few)
    with pytest.raises(MetricsError, match="real images must be uint8"):
        Classifier.of(images / 255, labels)
