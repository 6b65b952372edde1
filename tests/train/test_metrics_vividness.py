"""How many images are vivid, and of how many hues."""

from __future__ import annotations

import pytest
import torch

from train.metrics.vividness import vividness


def things(*colours: tuple[int, int, int]) -> torch.Tensor:
    """One square of each colour on white: uint8 (n, 3, 16, 16)."""
    images = torch.full((len(colours), 3, 16, 16), 255, dtype=torch.uint8)
    images[:, :, 4:12, 4:12] = torch.tensor(colours, dtype=torch.uint8)[:, :, None, None]
    return images


def test_the_vivid_are_counted_and_their_hues() -> None:
    red, green, blue, grey, brown = (
        (200, 20, 20),
        (20, 200, 20),
        (20, 20, 200),
        (90, 90, 90),
        (90, 70, 60),
    )
    assert vividness(things(grey, brown)) == (0, 0)
    assert vividness(things(red, red, grey, brown)) == (0.5, 1)
    found = vividness(things(red, green, blue, grey))
    assert found.vivid == 0.75 and found.hues == pytest.approx(3)
    uneven = vividness(things(red, red, red, blue))
    assert 1 < uneven.hues < 2


def test_the_ground_does_not_count() -> None:
    small = things((200, 20, 20))
    small[:, :, 4:12, 6:12] = 255
    assert vividness(small) == (1, 1)


def test_grey_images_have_no_colours() -> None:
    assert vividness(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)) is None
