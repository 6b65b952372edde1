"""Learning from photos what a small picture would look like at twice its size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from train.beginning.restoring import Restorer, learn_to_restore, worn


@pytest.fixture(scope="module")
def photos() -> Tensor:
    """Boxes of all colours on white, with sharp edges: uint8 (200, 3, 16, 16)."""
    random = torch.Generator().manual_seed(0)
    result = torch.full((200, 3, 16, 16), 255, dtype=torch.uint8)
    for photo in result:
        top, left = torch.randint(1, 8, (2,), generator=random).tolist()
        high, wide = torch.randint(4, 9, (2,), generator=random).tolist()
        colour = torch.randint(0, 200, (3, 1, 1), generator=random, dtype=torch.uint8)
        photo[:, top : top + high, left : left + wide] = colour
    return result


def halved(photos: Tensor) -> tuple[Tensor, Tensor]:
    """Photos in -1..1 at half their size, and as they are."""
    large = photos.float() / 127.5 - 1
    return F.interpolate(large, scale_factor=0.5, mode="bilinear", antialias=True), large


@pytest.mark.parametrize("channels", [1, 3])
def test_one_that_has_learnt_nothing_enlarges_bicubically(channels: int) -> None:
    small = torch.rand(2, channels, 6, 6) * 2 - 1
    expected = F.interpolate(small, scale_factor=2, mode="bicubic", align_corners=False)
    torch.testing.assert_close(Restorer(channels)(small), expected)


def test_photos_that_it_has_not_seen_come_out_nearer_than_bicubically(photos: Tensor) -> None:
    shown = []
    restorer = learn_to_restore(photos[:160], 3200, on_patches=shown.append)
    assert sum(shown) == 3200 and not any(each.requires_grad for each in restorer.parameters())
    small, large = halved(photos[160:])
    plain = F.l1_loss(F.interpolate(small, scale_factor=2, mode="bicubic"), large)
    assert F.l1_loss(restorer(small), large) < 0.8 * plain


def test_surfaces_lose_the_weave_of_drawn_ones() -> None:
    random = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 200, (64, 3, 1, 1), generator=random, dtype=torch.uint8)
    plain = colours.expand(-1, -1, 16, 16)
    restorer = learn_to_restore(plain, 2400)
    woven = worn(halved(plain)[0], torch.Generator().manual_seed(5))
    rough = F.interpolate(woven, scale_factor=2, mode="bicubic")
    smooth = restorer(woven)
    for dim in (2, 3):
        assert smooth.diff(dim=dim).abs().mean() < 0.75 * rough.diff(dim=dim).abs().mean()


def test_it_is_the_same_each_time_and_touches_no_other_random_numbers(photos: Tensor) -> None:
    before = torch.get_rng_state()
    first, again, other = (learn_to_restore(photos, 64, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    small, _ = halved(photos[:4])
    assert torch.equal(first(small), again(small))
    assert not torch.equal(first(small), other(small))


def test_a_white_background_stays_as_it_is(photos: Tensor) -> None:
    large = photos.float() / 127.5 - 1
    found = worn(large, torch.Generator().manual_seed(0))
    white = (large == 1).all(1, keepdim=True).expand_as(large)
    assert torch.equal(found[white], large[white])
    off = (found - large)[~white].abs()
    assert 0.005 < off.mean() < 0.1 and found.min() >= -1 and found.max() <= 1
