"""Which photos an encoder learns from, what it is told of each, and which are held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from train.codes import lesson
from train.codes.lesson import chosen
from train.data.images import ImageSet, NativeSizes

NAMES = ("coat", "dress", "hat")


def photos(counts: tuple[int, ...]) -> ImageSet:
    """So many photos of each category, each of a colour of its own."""
    total = sum(counts)
    images = torch.arange(total, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4).clone()
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    names = tuple(f"{NAMES[label]}/{at}.png" for at, label in enumerate(labels.tolist()))
    known = (labels, NAMES[: len(counts)]) if len(counts) > 1 else (None, ())
    return ImageSet(images, *known, names, (), NativeSizes(4, 4, 4))


def ids(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def test_a_tenth_is_held_out_and_all_else_learnt_from(tmp_path: Path) -> None:
    found = chosen(photos((60,)), str(tmp_path), by_words=False, seed=3)
    assert len(found.held_out) == 6 and found.different == len(found.images) == 54
    assert set(ids(found.images)) | set(ids(found.held_out)) == set(range(60))
    assert found.condition is None and found.classes == ()


def test_rare_categories_are_shown_more_often(tmp_path: Path) -> None:
    data = photos((60, 20, 4))
    of = dict(zip(range(84), data.labels.tolist(), strict=True))
    found = chosen(data, str(tmp_path), by_words=False)
    counts = found.condition.bincount()
    assert counts[0] == found.condition.eq(0).sum() and counts[1] == counts[0]
    learnt = [sum(of[each] == label for each in set(ids(found.images))) for label in range(3)]
    assert counts[2] == lesson.MOST_REPEATED * learnt[2] < counts[0]
    assert found.different == sum(learnt)
    assert [of[each] for each in ids(found.images)] == found.condition.tolist()


def test_categories_keep_their_order(tmp_path: Path) -> None:
    data = photos((20, 20))
    of = dict(zip(range(40), [data.label_names[at] for at in data.labels], strict=True))
    found = chosen(data, str(tmp_path), by_words=False, classes=("dress", "coat"))
    assert found.classes == ("dress", "coat")
    told = [found.classes[at] for at in found.condition.tolist()]
    assert told == [of[each] for each in ids(found.images)]
    assert chosen(data, str(tmp_path), by_words=False, classes=("dress",)).classes == NAMES[:2]


@pytest.mark.parametrize("most", [10, 1000])
def test_there_are_not_more_photos_than_can_be_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(lesson, "MOST_PHOTOS", most)
    assert len(chosen(photos((60,)), str(tmp_path), by_words=False).images) == min(most, 54)
