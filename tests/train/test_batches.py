"""Batches of real images: their labels, and classes that come equally often."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from trainings import CPU

from train.devices.distributed import Processes
from train.engine.batches import Batches

RANGE = (0.0, 255.0)


def batches(labels: Tensor | None, *, balanced: bool, count: int = 60) -> Batches:
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 2, 2)
    return Batches(images, labels, size=10, seed=3, balanced=balanced, hardware=CPU)


def taken(some: Batches, count: int) -> tuple[Tensor, Tensor]:
    """The indices of the images of ``count`` batches, and their labels."""
    pairs = [some.take(slice(None), RANGE) for _ in range(count)]
    found = torch.cat([images[:, 0, 0, 0].round().long() for images, _ in pairs])
    return found, torch.cat([labels for _, labels in pairs])


def test_labels_stay_with_their_images() -> None:
    labels = torch.arange(60) % 7
    found, told = taken(batches(labels, balanced=False), 12)
    assert torch.equal(told, labels[found])
    assert torch.equal(found[:60].sort().values, torch.arange(60))  # each once in an epoch


def test_texts_stay_with_their_images_and_know_no_balance() -> None:
    texts = torch.rand(60, 5)
    found, told = taken(batches(texts, balanced=True), 12)
    assert torch.equal(told, texts[found])
    assert torch.equal(found[:60].sort().values, torch.arange(60))


def test_balanced_classes_come_equally_often() -> None:
    labels = torch.tensor([0] * 54 + [1] * 4 + [2] * 2)
    found, told = taken(batches(labels, balanced=True), 60)
    assert torch.equal(told, labels[found])
    counts = told.bincount(minlength=3) / 600
    assert (counts - 1 / 3).abs().max() < 0.06
    assert len(found.unique()) > 50  # the large class is still seen whole


def test_without_labels_balance_means_nothing() -> None:
    plain, asked = batches(None, balanced=False), batches(None, balanced=True)
    assert torch.equal(plain.take(slice(None), RANGE)[0], asked.take(slice(None), RANGE)[0])


def test_an_order_does_not_depend_on_what_was_taken_before() -> None:
    labels = torch.arange(60) % 3
    first, second = (batches(labels, balanced=True) for _ in range(2))
    taken(first, 6)
    second.epoch = 1
    assert torch.equal(taken(first, 6)[0], taken(second, 6)[0])


@given(
    count=st.integers(2, 40),
    size=st.integers(1, 12),
    steps=st.integers(0, 60),
    processes=st.integers(1, 4),
)
def test_every_epoch_shows_each_image_at_most_once_and_resumes_anywhere(
    count: int, size: int, steps: int, processes: int
) -> None:
    size = min(size * processes, count) // processes * processes or 1
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 2, 2)
    how = {"size": size, "seed": 3, "balanced": False, "hardware": CPU}
    some, resumed = Batches(images, None, **how), Batches(images, None, **how)
    seen: dict[int, list[int]] = {}
    for _ in range(steps):
        epoch = some.epoch
        taken = some.take(slice(None), RANGE)[0][:, 0, 0, 0].round().long().tolist()
        seen.setdefault(epoch, []).extend(taken)
    for epoch, shown in seen.items():
        assert len(shown) == len(set(shown)), epoch
        assert epoch == some.epoch or len(shown) == count // size * size
    # Of the next batch, processes take all rows, each its own.
    resumed.epoch, resumed.position = some.epoch, some.position
    place = resumed.epoch, resumed.position
    whole = some.take(slice(None), RANGE)[0]
    parts = []
    for rank in range(processes if size % processes == 0 else 1):
        resumed.epoch, resumed.position = place
        share = Processes(rank, processes if size % processes == 0 else 1).share(size)
        parts.append(resumed.take(share, RANGE)[0])
    assert torch.equal(torch.cat(parts), whole)
