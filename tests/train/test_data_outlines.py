"""Choosing photos of cut-out things whose outlines are clean."""

from __future__ import annotations

import torch

from train.data.outlines import cleanest, outline_faults

SIZE = 64


def thing(width: int, height: int) -> torch.Tensor:
    """A dark rectangle in the middle of white, (3, SIZE, SIZE)."""
    picture = torch.full((3, SIZE, SIZE), 255, dtype=torch.uint8)
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    picture[:, top : top + height, left : left + width] = 60
    return picture


def torn(picture: torch.Tensor, seed: int) -> torch.Tensor:
    """The same with ragged sides and a bite."""
    random = torch.Generator().manual_seed(seed)
    result = picture.clone()
    rows = torch.randperm(SIZE, generator=random)[:20]
    result[:, rows, 14:20] = 60
    result[:, 20:34, 40:44] = 255
    return result


def test_each_fault_is_measured() -> None:
    clean = thing(32, 32)
    shreds = clean.clone()
    shreds[:, 30:32, 4:16] = 60
    hole = clean.clone()
    hole[:, 30:32, 30:32] = 255
    lopsided = clean.clone()
    lopsided[:, 16:32, 48:60] = 60
    faults = outline_faults(torch.stack([clean, shreds, hole, lopsided]))
    assert faults[0].tolist() == [0, 0, 1, 0]
    assert faults[1, 0] > 0.02 and faults[1, 2] > 1.1
    assert faults[2, 1] > 0.003 and faults[2, 0] == 0
    assert faults[3, 3] > 0.1 and faults[3, 0] == 0


def test_a_thing_is_as_symmetric_wherever_it_lies() -> None:
    aside = thing(20, 30).roll(9, 2)
    assert outline_faults(aside[None])[0, 3] == 0


def test_the_cleanest_of_each_category_are_taken_in_order() -> None:
    shirts = [thing(30 + 2 * at, 30) for at in range(4)]
    skirts = [thing(20, 40 + 2 * at) for at in range(4)]
    images = [*shirts, *skirts]
    for at in (0, 3, 5, 6):
        images[at] = torn(images[at], at)
    labels = torch.tensor([0] * 4 + [1] * 4)
    assert cleanest(torch.stack(images), labels, 0.5).tolist() == [1, 2, 4, 7]
    assert len(cleanest(torch.stack(images), labels, 1.0)) == 8


def test_without_categories_all_are_compared_and_one_is_always_left() -> None:
    images = torch.stack([torn(thing(32, 32), at) for at in range(3)] + [thing(32, 32)])
    assert cleanest(images, None, 0.25).tolist() == [3]
    assert len(cleanest(images, None, 0.01)) == 1


def test_an_empty_picture_breaks_nothing() -> None:
    white = torch.full((2, 3, SIZE, SIZE), 255, dtype=torch.uint8)
    assert outline_faults(white).isfinite().all()
