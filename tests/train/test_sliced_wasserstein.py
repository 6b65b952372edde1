"""The sliced Wasserstein distance: it grows with what is wrong, and repeats."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from measuring import blurred, shapes
from torch import Tensor

from train.looking import sliced_wasserstein
from train.looking.sliced_wasserstein import SlicedWasserstein


@pytest.fixture(scope="module", autouse=True)
def fewer_patches() -> Iterator[None]:
    """An eighth of the patches tells these sets apart as well, in an eighth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sliced_wasserstein, "PATCHES", 4096)
        yield


@pytest.fixture(scope="module")
def real() -> Tensor:
    return shapes(128, seed=0)


@pytest.fixture(scope="module")
def distance(real: Tensor) -> SlicedWasserstein:
    return SlicedWasserstein(real)


def noisy(images: Tensor, amount: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + amount * noise).clamp(0, 255).byte()


def repeated(images: Tensor, modes: int) -> Tensor:
    return images[torch.arange(len(images)) % modes]


def faded(images: Tensor, amount: float) -> Tensor:
    grey = images.float().mean(1, keepdim=True)
    return torch.lerp(images.float(), grey.expand_as(images), amount).byte()


@pytest.mark.parametrize(
    ("spoil", "steps"),
    [
        (blurred, (0.6, 1.2, 2.4)),
        (noisy, (8, 32, 128)),
        (repeated, (20, 3, 1)),
        (faded, (0.2, 0.5, 1.0)),
    ],
    ids=["blur", "noise", "collapse", "missing colours"],
)
def test_it_grows_with_what_is_wrong(real: Tensor, distance, spoil, steps) -> None:
    found = [distance(spoil(real, step)) for step in steps]
    assert distance(real) < found[0] < found[1] < found[2]


def test_equal_sets_are_near_zero_and_others_of_the_kind_near_the_floor(real: Tensor) -> None:
    distance = SlicedWasserstein(real)
    floor = distance.floor
    assert 0 < floor < 100
    assert distance(real) < 0.75 * floor  # the patches are not of the same images
    assert distance(shapes(128, seed=5)) < 2 * floor
    assert distance(torch.full_like(real, 255)) > 5 * floor


def test_the_same_images_in_the_same_order_are_at_zero() -> None:
    real = shapes(2, seed=0)
    distance = SlicedWasserstein(real)
    assert min(distance(real), distance(real.flip(0))) == 0


def test_a_seed_decides_everything(real: Tensor, distance: SlicedWasserstein) -> None:
    fake = shapes(40, seed=3)
    torch.manual_seed(77)
    again = SlicedWasserstein(real)
    assert again(fake) == distance(fake) == distance(fake)
    assert again.floor == distance.floor
    assert SlicedWasserstein(real, seed=1)(fake) != distance(fake)


def test_it_leaves_the_random_state_alone(real: Tensor) -> None:
    state = torch.get_rng_state()
    assert SlicedWasserstein(real)(real) >= 0
    assert torch.get_rng_state().equal(state)


def test_autocast_around_it_changes_nothing(real: Tensor, distance: SlicedWasserstein) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert SlicedWasserstein(real)(real[:40]) == distance(real[:40])


@pytest.mark.parametrize("counts", [(2, 1), (3, 2), (16, 300), (700, 5)])
def test_any_counts_will_do(counts: tuple[int, int]) -> None:
    distance = SlicedWasserstein(shapes(counts[0], seed=0), images=600)
    assert 0 < distance(shapes(counts[1], seed=1)) < 2000
    assert (distance.floor > 0) == (counts[0] >= 4)


@pytest.mark.parametrize("size", [5, 16, 28, 33, 48])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_and_grey_will_do(size: int, channels: int) -> None:
    images = torch.nn.functional.interpolate(shapes(40, seed=0)[:, :channels], size)
    distance = SlicedWasserstein(images)
    assert distance(images) < distance(noisy(images, 64))


def test_flat_photos_are_no_reason_to_divide_by_zero() -> None:
    white = torch.full((8, 3, 28, 28), 255, dtype=torch.uint8)
    distance = SlicedWasserstein(white)
    assert distance(white) == distance.floor == 0
    assert 0 < distance(white - 1) < float("inf")


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(8, 3, 32, 32),
        torch.zeros(8, 3, 32, 28, dtype=torch.uint8),
        torch.zeros(3, 32, 32, dtype=torch.uint8),
        torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
    ],
    ids=["float", "not square", "one image without a batch", "too few"],
)
def test_what_is_no_set_of_images_is_refused(images: Tensor) -> None:
    with pytest.raises(ValueError, match=r"uint8|at least two"):
        SlicedWasserstein(images)


@pytest.mark.parametrize("shape", [(4, 1, 32, 32), (4, 3, 16, 16), (0, 3, 32, 32)])
def test_pictures_of_another_shape_are_refused(distance: SlicedWasserstein, shape) -> None:
    with pytest.raises(ValueError, match="images of 3x32x32"):
        distance(torch.zeros(shape, dtype=torch.uint8))
