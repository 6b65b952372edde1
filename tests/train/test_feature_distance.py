"""A distance of features that a generator descends: what raises it, and how it repeats."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from trainings import CPU

from train.devices.hardware import Hardware
from train.teachers import targets
from train.teachers.feature_distance import FeatureDistance
from train.teachers.targets import Target, measured, quantiles

BATCH = 32


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer sets of directions."""
    monkeypatch.setattr(targets, "TURNS", 4)


class Edges(nn.Module):
    """What sees, in place of a network trained on ImageNet: maps of two scales."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.register_buffer("filters", torch.randn(6, 3, 3, 3, generator=random))

    def forward(self, images: Tensor) -> list[Tensor]:
        fine = torch.conv2d(images, self.filters, stride=8).relu()
        return [fine, torch.max_pool2d(fine, 2)]


def photos(count: int, seed: int, *, kinds: tuple[int, ...] = (0, 1), channels: int = 3):
    """Noisy squares, dark on the left (0) or on the right (1), and which each is."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.tensor(kinds).repeat(count)[:count]
    pictures = torch.randint(120, 200, (count, channels, 16, 16), generator=random)
    pictures[labels == 0, :, :, :6] -= 110
    pictures[labels == 1, :, :, 10:] -= 110
    return pictures.to(torch.uint8), labels


def distance(
    labelled: bool = False, mirrored: bool = False, hardware: Hardware = CPU, **kinds: object
) -> FeatureDistance:
    real, labels = photos(64, 1, **kinds)
    return FeatureDistance(
        Edges(),
        real,
        labels if labelled else None,
        batch=BATCH,
        mirrored=mirrored,
        seed=3,
        hardware=hardware,
    )


def away(found: FeatureDistance, pictures: Tensor, labels: Tensor | None = None) -> float:
    """The mean of several looks, each along other directions, at these pictures only."""
    for each in found.targets:
        each.before.clear()
    scaled = pictures.float() / 127.5 - 1
    return sum(found(found.look(scaled), labels).item() for _ in range(4)) / 4


def test_quantiles_are_the_middles_of_equal_shares() -> None:
    values = torch.arange(12.0)[:, None]
    assert quantiles(values, 12).flatten().tolist() == values.flatten().tolist()
    assert quantiles(values, 3).flatten().tolist() == [1.5, 5.5, 9.5]
    few = quantiles(torch.tensor([[0.0], [1.0]]), 8)
    assert few.min() == 0 and few.max() == 1 and len(few) == 8


def test_it_grows_with_colour_blur_and_what_is_missing() -> None:
    found = distance()
    others, _ = photos(BATCH, 2)
    near = away(found, others)
    tinted = (others.int() + torch.tensor([40, 0, -40]).view(3, 1, 1)).clamp(0, 255)
    blurred = torch.nn.functional.avg_pool2d(others.float(), 5, 1, 2, count_include_pad=False)
    one_kind, _ = photos(BATCH, 2, kinds=(0,))
    assert away(found, tinted) > 4 * near and away(found, one_kind) > 3 * near
    assert away(found, blurred) > 1.3 * near


def test_a_fine_grid_is_seen_where_the_network_sees_none() -> None:
    smooth = torch.randint(60, 200, (64, 3, 1, 1), generator=torch.Generator().manual_seed(1))
    photos = smooth.expand(-1, -1, 32, 32).to(torch.uint8)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    grid = 12 * (1 - 2 * ((rows + columns) % 2))

    class Blind(nn.Module):
        def forward(self, images: Tensor) -> list[Tensor]:
            return [torch.nn.functional.avg_pool2d(images, 8)]

    found = FeatureDistance(
        Blind(), photos, None, batch=BATCH, mirrored=False, seed=3, hardware=CPU
    )
    plain, gridded = photos[:BATCH].int(), photos[:BATCH].int() + grid
    assert away(found, gridded) > 3 * away(found, plain)


def test_with_categories_each_is_to_show_its_own() -> None:
    found = distance(labelled=True)
    others, labels = photos(BATCH, 2)
    assert away(found, others, 1 - labels) > 2 * away(found, others, labels)


def test_mirrored_photos_count_where_they_may() -> None:
    others, _ = photos(BATCH, 2, kinds=(1,))
    only, both = (distance(mirrored=mirrored, kinds=(0,)) for mirrored in (False, True))
    assert away(both, others) < 0.7 * away(only, others)


def test_descending_it_brings_pictures_nearer() -> None:
    found = distance()
    pictures = torch.zeros(BATCH, 3, 16, 16, requires_grad=True)
    before = away(found, pictures.detach() * 127.5 + 127.5)
    optimiser = torch.optim.Adam([pictures], 0.05)
    for _ in range(40):
        optimiser.zero_grad()
        found(found.look(pictures)).backward()
        assert pictures.grad.isfinite().all()
        optimiser.step()
    assert away(found, pictures.detach() * 127.5 + 127.5) < 0.3 * before


@pytest.mark.parametrize(("remembered", "narrow_is_nearer"), [(7, False), (0, True)])
def test_pictures_that_differ_less_than_photos_are_farther(
    remembered: int, narrow_is_nearer: bool
) -> None:
    random = torch.Generator().manual_seed(3)
    photos = torch.randn(2000, 16, generator=random)
    known = measured(photos, None, kind="colour", points=24, remembered=remembered, seed=1)

    def far(spread: float) -> float:
        target = Target(known, CPU.device)
        batches = spread * torch.randn(80, 24, 16, generator=torch.Generator().manual_seed(2))
        return sum(target.distance(each, None, at % 4).item() for at, each in enumerate(batches))

    assert (far(0.95) < far(1.0)) == narrow_is_nearer


def test_it_repeats_itself_and_leaves_chance_alone() -> None:
    others, labels = photos(BATCH, 2)
    state = torch.get_rng_state()
    first, second = (away(distance(labelled=True), others, labels) for _ in range(2))
    assert first == second and torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("bf16", [False, True])
def test_grey_photos_and_low_precision_are_measured_too(bf16: bool) -> None:
    found = distance(channels=1, hardware=Hardware(torch.device("cpu"), bf16))
    others, _ = photos(BATCH, 2, channels=1)
    wrong, _ = photos(BATCH, 2, channels=1, kinds=(1,))
    assert 0 < away(found, others) < away(found, wrong)


def test_what_was_seen_of_photos_is_as_good_as_the_photos() -> None:
    looked = distance(labelled=True)
    real, labels = photos(64, 1)
    how = {"batch": BATCH, "mirrored": False, "seed": 3, "hardware": CPU}
    seen: list[int] = []
    told = FeatureDistance(
        Edges(), real, labels, **how, known=looked.statistics(), on_photos=seen.append
    )
    others, kinds = photos(BATCH, 2)
    assert away(looked, others, kinds) == away(told, others, kinds) and not seen


def test_it_goes_on_exactly_where_it_was() -> None:
    first, second = distance(), distance()
    batches = [photos(BATCH, seed)[0].float() / 127.5 - 1 for seed in range(6)]
    for each in batches[:3]:
        first(first.look(each))
    second.load_state_dict(first.state_dict())
    for each in batches[3:]:
        assert torch.equal(first(first.look(each)), second(second.look(each)))
