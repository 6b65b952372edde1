"""Signals of pictures against photos: variety, twins, nearness and copies, on made sets."""

from __future__ import annotations

import pytest
import torch
from measuring import blurred, shapes
from torch import Tensor

from train.looking import signals as health_signals
from train.looking.signals import PictureSignals

PHOTOS = shapes(300, seed=0)
UNSEEN = shapes(64, seed=1)


def noisy(images: Tensor, amount: float = 8, seed: int = 0) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return (images + amount * noise).clamp(0, 255).byte()


def over_and_over(images: Tensor, modes: int, count: int = 64) -> Tensor:
    return noisy(images[torch.arange(count) % modes])


@pytest.fixture(scope="module")
def signals() -> PictureSignals:
    return PictureSignals(PHOTOS)


def test_unseen_pictures_of_the_kind_are_varied_and_no_copies(signals: PictureSignals) -> None:
    found = signals(UNSEEN)
    assert found["variety"] == pytest.approx(1, abs=0.1)
    assert found["nearness"] == pytest.approx(1, abs=0.25)
    assert found["copies"] < 0.1
    assert found["twins"] < 0.1


@pytest.mark.parametrize("modes", [1, 3, 10])
def test_pictures_over_and_over_are_twins(signals: PictureSignals, modes: int) -> None:
    found = signals(over_and_over(UNSEEN, modes))
    assert found["twins"] == 1
    assert found["copies"] < 0.35
    # With several, variety alone would not tell: it is 1 - 1/modes of what it should be.
    assert (found["variety"] > 0.5) == (modes > 1)


@pytest.mark.parametrize(
    "copy",
    [
        lambda images: images,
        noisy,
        lambda images: noisy(images).flip(3),
        lambda images: blurred(images, 0.6),
    ],
    ids=["exact", "noise", "mirrored", "blurred"],
)
def test_copies_are_found_however_they_are_changed(signals: PictureSignals, copy) -> None:
    found = signals(copy(PHOTOS[:64]))
    assert found["copies"] > 0.9
    assert found["nearness"] < 0.5
    assert found["variety"] == pytest.approx(1, abs=0.15)
    assert found["twins"] < 0.1


def test_a_few_copies_among_others_are_counted(signals: PictureSignals) -> None:
    mixed = torch.cat([noisy(PHOTOS[:16]), UNSEEN[:48]])
    without = signals(UNSEEN[:48])["copies"] * 48
    assert signals(mixed)["copies"] * 64 == pytest.approx(16 + without, abs=1)


def test_the_mean_photo_is_alike_but_neither_a_copy_nor_strange(signals: PictureSignals) -> None:
    mean = PHOTOS.float().mean(0, keepdim=True).expand(64, -1, -1, -1)
    found = signals(noisy(mean))
    assert found["variety"] < 0.1
    assert found["copies"] == 0
    assert found["nearness"] < 1.5


def test_noise_is_strange(signals: PictureSignals) -> None:
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, UNSEEN.shape, generator=random, dtype=torch.uint8)
    found = signals(noise)
    assert found["nearness"] > 1.8
    assert found["copies"] == 0


@pytest.mark.parametrize("count", [16, 30, 60])
def test_tiny_sets_are_measured_too(count: int) -> None:
    photos = shapes(count, seed=0)
    signals = PictureSignals(photos)
    found = signals(UNSEEN)
    assert 0.7 < found["variety"] < 1.4
    assert found["copies"] < 0.15
    # Drawing each photo about equally often is copying, not repeating.
    learnt = torch.randint(count, (64,), generator=torch.Generator().manual_seed(3))
    found = signals(noisy(photos[learnt]))
    assert found["copies"] > 0.9
    assert found["twins"] < 0.5
    assert signals(over_and_over(UNSEEN, 2))["twins"] > 0.5


def test_the_smallest_sets_give_finite_numbers() -> None:
    for count in (2, 3, 5):
        for drawn in (2, 3, 7):
            found = PictureSignals(shapes(count, seed=0))(shapes(drawn, seed=1))
            assert all(0 <= value < 100 for value in found.values())


def test_equal_photos_give_finite_numbers() -> None:
    found = PictureSignals(PHOTOS[:1].expand(20, -1, -1, -1))(UNSEEN)
    assert all(0 <= value < 1000 for value in found.values())


def test_grey_pictures_of_28_pixels() -> None:
    grey = shapes(200, seed=0)[:, :1, 2:30, 2:30]
    signals = PictureSignals(grey)
    assert signals(UNSEEN[:, :1, 2:30, 2:30])["copies"] < 0.1
    assert signals(noisy(grey[:64], 4))["copies"] > 0.7


def test_only_so_many_photos_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_signals, "POOL", 50)
    signals = PictureSignals(PHOTOS)
    copies = signals(PHOTOS)["copies"]
    assert 50 / 300 <= copies < 100 / 300  # the pool's own, and few of the others


def test_a_seed_decides_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_signals, "POOL", 50)
    first = PictureSignals(PHOTOS, seed=3)(UNSEEN)
    torch.manual_seed(9)
    assert PictureSignals(PHOTOS, seed=3)(UNSEEN) == first
    assert PictureSignals(PHOTOS, seed=4)(UNSEEN) != first


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PHOTOS.float(), "must be uint8"),
        (PHOTOS[0], "must be uint8"),
        (PHOTOS[:, :, :20], "must be uint8"),
        (PHOTOS[:1], "at least two"),
    ],
    ids=["float", "one", "not square", "too few"],
)
def test_what_is_no_set_of_pictures_is_refused(signals, images: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PictureSignals(images)
    with pytest.raises(ValueError, match=message):
        signals(images)


def test_pictures_of_another_shape_than_the_photos_are_refused(signals: PictureSignals) -> None:
    with pytest.raises(ValueError, match=r"must be 3x32x32, not \(1, 32, 32\)"):
        signals(UNSEEN[:, :1])
