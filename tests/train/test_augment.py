"""Differentiable augmentation: what it changes, how much, and that it repeats."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from train.teachers.augment import adapted, augment, default_policy, parse

ALL = "color,translation,cutout"


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 6, channels: int = 3, size: int = 16, seed: int = 1) -> Tensor:
    """Pictures in [-1, 1] without a single 0, so that what is covered can be told."""
    images = torch.rand(count, channels, size, size, generator=random(seed)) * 2 - 1
    return torch.where(images.abs() < 0.01, 0.5, images)


# --- policies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("  ", ()),
        ("cutout", ("cutout",)),
        (ALL, ("color", "translation", "cutout")),
        ("cutout, color", ("cutout", "color")),
    ],
)
def test_a_policy_is_a_list_of_names(text: str, names: tuple[str, ...]) -> None:
    assert parse(text) == names


@pytest.mark.parametrize("text", ["colour", "color,", "color,blur", ","])
def test_an_unknown_name_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(ValueError, match=r"Choose from: color, translation, cutout\.$"):
        parse(text)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse("color,color")


def test_few_photos_are_augmented_and_many_are_not() -> None:
    assert parse(default_policy(16)) == parse(default_policy(49_999)) == parse(ALL)
    assert parse(default_policy(50_000)) == ()


# --- what comes out ----------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["color", "translation", "cutout", ALL])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [9, 28, 32])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_type_and_layout_stay(policy: str, channels: int, size: int, dtype) -> None:
    images = pictures(3, channels, size).to(dtype)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = augment(images.contiguous(memory_format=layout), parse(policy), random())
        assert (found.shape, found.dtype) == (images.shape, dtype)
        assert found.is_contiguous(memory_format=layout)
        assert found.isfinite().all()
        assert not found.equal(images)


def test_the_smallest_pictures_go_through() -> None:
    for size in (1, 2, 5):
        assert augment(pictures(3, size=size), parse(ALL), random()).isfinite().all()


def test_the_layout_changes_no_number() -> None:
    images = pictures()
    found = augment(images.contiguous(memory_format=torch.channels_last), parse(ALL), random())
    torch.testing.assert_close(found, augment(images, parse(ALL), random()))


def test_no_policy_changes_nothing_and_draws_nothing() -> None:
    images, generator = pictures(), random()
    assert augment(images, (), generator) is images
    assert generator.get_state().equal(random().get_state())


def test_the_change_is_the_same_for_the_eye_in_any_value_range() -> None:
    images = pictures()
    found = augment((images + 1) / 2, parse(ALL), random(), value_range=(0.0, 1.0))
    torch.testing.assert_close(found * 2 - 1, augment(images, parse(ALL), random()))


# --- gradients ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["color", "translation", "cutout", ALL])
def test_gradients_are_right_the_second_ones_too(policy: str) -> None:
    images = pictures(2, 3, 4).double().requires_grad_()

    def change(images: Tensor) -> Tensor:
        return augment(images, parse(policy), random())

    assert torch.autograd.gradcheck(change, images)
    assert torch.autograd.gradgradcheck(lambda images: change(images).square(), images)


# --- randomness --------------------------------------------------------------------------------


def test_the_generators_state_decides_everything() -> None:
    generator = random()
    augment(pictures(), parse(ALL), generator)
    state = generator.get_state()
    then = augment(pictures(), parse(ALL), generator)
    again = random(99)
    again.set_state(state)
    torch.manual_seed(123)
    assert augment(pictures(), parse(ALL), again).equal(then)
    assert not augment(pictures(), parse(ALL), again).equal(then)


def test_pictures_of_a_batch_are_changed_differently() -> None:
    same = pictures(1).expand(8, -1, -1, -1)
    for policy in ("color", "translation", "cutout"):
        found = augment(same, parse(policy), random())
        assert len({tuple(image.flatten().tolist()) for image in found}) >= 7


@pytest.mark.parametrize("processes", [2, 3])
def test_shares_together_do_what_one_process_does(processes: int) -> None:
    images, whole = pictures(6), random()
    expected = augment(images, parse(ALL), whole)
    size = 6 // processes
    for rank in range(processes):
        mine, generator = slice(rank * size, (rank + 1) * size), random()
        found = augment(images[mine], parse(ALL), generator, share=mine, total=6)
        torch.testing.assert_close(found, expected[mine], rtol=0, atol=0)
        assert generator.get_state().equal(whole.get_state())


def test_a_share_of_another_size_than_the_images_is_refused() -> None:
    with pytest.raises(ValueError, match="share of 6 pictures has 2, not 3"):
        augment(pictures(3), parse(ALL), random(), share=slice(0, 2), total=6)


# --- the published strengths -------------------------------------------------------------------


def test_colour_is_brightness_saturation_and_contrast_one_after_the_other() -> None:
    images = pictures(5)
    draws = torch.rand(5, 10, generator=random())[:, :3, None, None, None]
    expected = images + draws[:, 0] - 0.5
    mean = expected.mean(1, keepdim=True)
    expected = (expected - mean) * (draws[:, 1] * 2) + mean
    mean = expected.mean((1, 2, 3), keepdim=True)
    expected = (expected - mean) * (draws[:, 2] + 0.5) + mean
    torch.testing.assert_close(augment(images, ("color",), random()), expected)


def test_only_brightness_moves_the_mean_and_by_a_quarter_of_the_range_at_most() -> None:
    images = pictures(500, size=4)
    found = augment(images, ("color",), random())
    moved = (found - images).mean((1, 2, 3))
    expected = torch.rand(500, 10, generator=random())[:, 0] - 0.5
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=1e-4)
    assert -0.5 <= moved.min() < -0.45 and 0.45 < moved.max() <= 0.5


def test_grey_pictures_have_no_saturation() -> None:
    grey = pictures(4, channels=1)
    three = augment(grey.expand(-1, 3, -1, -1), ("color",), random())
    torch.testing.assert_close(augment(grey, ("color",), random()), three[:, :1])


@pytest.mark.parametrize("size", [8, 28, 33])
def test_translation_moves_by_every_step_up_to_an_eighth_and_shows_grey(size: int) -> None:
    images = pictures(400, channels=1, size=size)
    found = augment(images, ("translation",), random())
    steps = set()
    for before, after in zip(images[:, 0], found[:, 0], strict=True):
        seen = after.nonzero()
        top, left = seen.amin(0).tolist()
        bottom, right = (seen.amax(0) + 1).tolist()
        height, width = bottom - top, right - left
        down = top if top else bottom - size
        across = left if left else right - size
        steps |= {down, across}
        kept = before[max(-down, 0) :, max(-across, 0) :][:height, :width]
        assert after[top:bottom, left:right].equal(kept)
        assert (height, width) == (size - abs(down), size - abs(across))
    assert steps == set(range(-(size // 8), size // 8 + 1))


@pytest.mark.parametrize("size", [6, 28, 33])
def test_cutout_covers_half_a_side_at_most_anywhere_with_grey(size: int) -> None:
    images = pictures(400, size=size)
    found = augment(images, ("cutout",), random())
    covered = found == 0
    assert (found == images)[~covered].all()
    rows, columns = covered.any(1).any(2), covered.any(1).any(1)
    # A square: every covered row is covered in the same columns, in all channels.
    assert covered.equal((rows[:, :, None] & columns[:, None, :])[:, None].expand_as(covered))
    assert rows.sum(1).max() == columns.sum(1).max() == size // 2
    assert rows.sum(1).min() >= size // 4
    assert rows.any(0).all() and columns.any(0).all()


# --- how often ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["color", "translation", "cutout"])
def test_a_change_happens_to_its_share_of_the_pictures(policy: str) -> None:
    images = pictures(400, 3, 16)
    found = augment(images, parse(policy), random(), probability=0.3)
    changed = (found != images).flatten(1).any(1)
    assert 0.2 < changed.float().mean() < 0.4
    always = augment(images, parse(policy), random())
    assert torch.equal(found[changed], always[changed])  # and then it is the same change


def test_changes_happen_independently_of_each_other() -> None:
    images = pictures(400, 3, 16)
    moved, cut = (
        (augment(images, parse(ALL), random(), probability=p) != images).flatten(1).any(1).float()
        for p in (0.0, 0.5)
    )
    assert moved.sum() == 0
    assert 0.8 < cut.mean() < 0.95  # 1 - 0.5**3


def test_the_probability_follows_the_images_shown_and_stays_one() -> None:
    assert adapted(0.5, 500, more=True) == pytest.approx(0.51)
    assert adapted(0.5, 500, more=False) == pytest.approx(0.49)
    assert adapted(0.995, 500, more=True) == 1
    assert adapted(0.005, 500, more=False) == 0
