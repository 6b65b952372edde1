"""Verdicts on pictures made to be good, repeated, copied or strange, with real signals."""

from __future__ import annotations

import pytest
import torch
from measuring import shapes
from torch import Tensor

from train.looking.health import HealthCheck

PHOTOS = shapes(200, seed=0)
DRAWN = shapes(64, seed=1)


def noisy(images: Tensor, amount: float = 8) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + amount * noise).clamp(0, 255).byte()


def numbers(shown: int = 50_000, distance: float | None = None) -> dict[str, float | None]:
    return {"images_shown": shown, "distance": distance}


@pytest.fixture(scope="module")
def check() -> HealthCheck:
    return HealthCheck(PHOTOS)


def test_good_pictures_are_learning(check: HealthCheck) -> None:
    found = check.examine(DRAWN, numbers())
    assert found.verdict == "learning"
    assert found.sentence.startswith("Pictures are as varied as your photos, and ")


@pytest.mark.parametrize("modes", [1, 3, 10])
@pytest.mark.parametrize("pictures", [DRAWN, PHOTOS], ids=["own", "of the photos"])
def test_the_same_pictures_over_and_over_are_collapsing(check, pictures, modes) -> None:
    found = check.examine(noisy(pictures[torch.arange(64) % modes]), numbers())
    assert (found.verdict, found.title) == ("collapsing", "It repeats itself.")


def test_photos_with_noise_are_copying(check: HealthCheck) -> None:
    found = check.examine(noisy(PHOTOS[:64]).flip(3), numbers())
    assert (found.verdict, found.title) == ("copying", "It copies your photos.")
    assert found.sentence.startswith("64 of 64 pictures are nearly one of your 200 photos.")


def test_noise_is_not_collapsing_though_it_is_all_alike(check: HealthCheck) -> None:
    noise = torch.randint(0, 256, DRAWN.shape, dtype=torch.uint8)
    assert check.examine(noise, numbers(2000)).verdict == "starting"
    found = check.examine(noise, numbers())
    assert (found.verdict, found.sentence) == (
        "learning",
        "The pictures do not look like your photos yet.",
    )


@pytest.mark.parametrize("count", [16, 30, 60])
def test_tiny_sets_of_photos_are_judged_alike(count: int) -> None:
    photos = shapes(count, seed=0)
    check = HealthCheck(photos)
    assert check.examine(DRAWN, numbers()).verdict == "learning"
    copied = noisy(photos[torch.arange(64) % count])
    assert check.examine(copied, numbers()).verdict == "copying"
    repeated = noisy(DRAWN[torch.arange(64) % 2])
    assert check.examine(repeated, numbers()).verdict == "collapsing"


def test_grey_pictures_are_judged_alike() -> None:
    grey, drawn = (images[:, :1, 2:30, 2:30] for images in (PHOTOS, DRAWN))
    check = HealthCheck(grey)
    assert check.examine(drawn, numbers()).verdict == "learning"
    assert check.examine(noisy(grey[:64], 4), numbers()).verdict == "copying"


def test_a_look_can_be_repeated() -> None:
    first, again = (HealthCheck(PHOTOS, seed=2).examine(DRAWN, numbers(1, 2.0)) for _ in range(2))
    assert first == again


def test_what_is_no_set_of_pictures_is_refused(check: HealthCheck) -> None:
    with pytest.raises(ValueError, match="samples must be uint8"):
        check.examine(DRAWN.float(), numbers())
    with pytest.raises(ValueError, match="photos must be uint8"):
        HealthCheck(PHOTOS.float())
