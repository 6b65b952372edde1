"""Learning an encoder onto a generator's styles, and both on together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from studio.generators import Generator
from train.codes import encoder as encoders
from train.codes import encoding
from train.codes.coming_back import Differences, measured
from train.codes.encoder import Encoder, Photos, described
from train.codes.encoding import Length, finished, learn_encoder, learn_together
from train.codes.unsaturating import UnsaturatingTanh, has_grey_ground
from train.devices.hardware import Hardware
from train.teachers import features, targets
from train.teachers.critic import Critic
from train.teachers.feature_distance import FeatureDistance, Look
from train.teachers.features import Eye, frozen_stages

STYLED = {"kind": "self-modulated", "latent_dim": 6, "style_dim": 10, "widths": [8, 8, 4]}
CPU = Hardware.choose("cpu", "fp32")


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller views, fewer directions, pictures and batches."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)
    monkeypatch.setattr(targets, "TURNS", 2)
    monkeypatch.setattr(encoding, "NORM_BATCHES", 2)


@pytest.fixture
def eye(lite0: Path) -> Eye:
    return Eye(frozen_stages(lite0, range(5)), CPU)


def squares(count: int, seed: int = 0) -> torch.Tensor:
    """Photos of one coloured square each, on white: uint8 (count, 3, 16, 16)."""
    random = torch.Generator().manual_seed(seed)
    images = torch.full((count, 3, 16, 16), 255, dtype=torch.uint8)
    colours = torch.randint(256, (count, 3, 1, 1), generator=random, dtype=torch.uint8)
    images[:, :, 4:12, 3:10] = colours
    return images


@pytest.fixture
def generator(make_generator: Callable[..., Generator]) -> Generator:
    return make_generator({**STYLED, "output": "tanh"}, 1)


def test_what_is_seen_of_a_photo_is_one_row_whatever_its_channels(eye: Eye) -> None:
    images = squares(5)
    rows = described(images, eye, lambda count: None)
    assert rows.shape[0] == 5 and rows.dtype == torch.float16
    torch.testing.assert_close(rows[:1], described(images[:1], eye, lambda count: None))
    assert described(images[:, :1], eye, lambda count: None).shape[0] == 5


def test_photos_are_shown_mirrored_with_what_is_seen_of_them_then(eye: Eye) -> None:
    images = squares(4)
    labels = torch.arange(4)
    looked: list[int] = []
    photos = Photos(images, labels, eye, mirrored=True, on_photos=looked.append)
    assert sum(looked) == 8 and photos.seen.shape[:2] == (2, 4)
    shown, seen, told = photos.take(40, torch.Generator().manual_seed(0))
    assert shown.shape == (40, 3, 16, 16) and shown.min() >= -1 and shown.max() <= 1
    turned = 0
    for picture, row, label in zip(shown, seen, told, strict=True):
        plain = (images[label].float() / 127.5 - 1 - picture).abs().max() < 1e-5
        turned += not plain
        assert torch.equal(row, photos.seen[int(not plain), label].float())
    assert 8 < turned < 32


def test_an_encoder_begins_where_the_generator_has_been_drawing(
    eye: Eye, generator: Generator
) -> None:
    photos = Photos(squares(8), None, eye, mirrored=False)
    encoder = encoders.begun(generator, photos, 0)
    styles = generator.map(torch.randn(5000, 6))
    codes = encoder.codes(photos)
    assert codes.shape == (8, 3, 10)
    far = (codes - styles.mean(0)) / styles.std(0).clamp(min=0.01)
    assert far.abs().max() < 1


def test_photos_come_back_better_the_longer_it_learns(eye: Eye, generator: Generator) -> None:
    photos = Photos(squares(40), None, eye, mirrored=True)
    held_out = squares(10, seed=5)
    seen = described(held_out, eye, lambda count: None)
    weights = {name: each.clone() for name, each in generator.state_dict().items()}
    encoder = encoders.begun(generator, photos, 0)
    before = measured(generator, encoder.eval(), held_out, seen, eye)
    length = Length(None, 60 * encoding.ENCODER_BATCH)
    steps: list[int] = []
    learn_encoder(
        generator, encoder, photos, eye, length, seed=0, on_step=lambda n, _: steps.append(n)
    )
    back, pixels, _ = measured(generator, encoder, held_out, seen, eye)
    assert back.shape == (10, 3, 16, 16) and len(steps) == 60
    assert pixels < 0.9 * before[1]
    assert all(torch.equal(each, weights[name]) for name, each in generator.state_dict().items())


def together(
    eye: Eye, generator: Generator, condition: torch.Tensor | None, shown: int = 72
) -> tuple[Generator, Encoder, Photos]:
    """Both after some photos of learning together, with their prior."""
    photos = Photos(squares(40), condition, eye, mirrored=True, classes=generator.classes)
    encoder = encoders.begun(generator, photos, 0)
    form = {"components": 4, "parts": 2}
    start, _ = finished(generator, encoder, photos, seed=0, **form)
    how = {"mirrored": True, "seed": 0, "hardware": CPU}
    size = encoding.COMPARED_BATCH
    distance = FeatureDistance(eye.network, photos.images, condition, batch=size, **how)
    critic = Critic(distance.deviations, condition, seed=0, hardware=CPU)
    learnt = learn_together(start, encoder, photos, distance, critic, Length(None, shown), seed=0)
    return *finished(*learnt, photos, seed=0, **form), photos


@pytest.mark.parametrize("told", ["nothing", "labels", "words"])
def test_learning_together_repeats_and_leaves_a_prior_of_the_codes(
    eye: Eye, make_generator: Callable[..., Generator], told: str
) -> None:
    condition = {
        "nothing": None,
        "labels": torch.arange(40) % 2,
        "words": torch.eye(4)[torch.arange(40) % 4] * (torch.arange(40) % 5 > 0)[:, None],
    }[told]
    more = {"nothing": {}, "labels": {"classes": 2}, "words": {"words": 4}}[told]
    old = make_generator({**STYLED, "output": "tanh", **more}, 1)
    first, encoder, photos = together(eye, old, condition)
    again, other, _ = together(eye, old, condition)
    for one, two in ((first, again), (encoder, other)):
        for name, each in one.state_dict().items():
            assert torch.equal(each, two.state_dict()[name]), name
    assert not any(each.requires_grad for each in first.parameters())
    assert first.prior.latent_dim == 5 and not first.training
    levels = [name for name in old.state_dict() if name.startswith("levels.0.refine.conv")]
    assert not torch.equal(first.state_dict()[levels[0]], old.state_dict()[levels[0]])
    codes = encoder.codes(photos).flatten(1)
    torch.testing.assert_close(first.prior.centre, codes.mean(0), atol=1e-4, rtol=1e-4)


def test_differences_grow_with_what_is_lost() -> None:
    random = torch.Generator().manual_seed(0)
    photo = torch.rand(2, 3, 16, 16, generator=random)
    maps = [torch.rand(2, 4, 8, 8, generator=random)]
    real = Look(photo, maps)
    assert Differences.between(real, real).loss == 0
    off = Differences.between(real, Look(photo + 0.3, maps))
    assert off.pixels == pytest.approx(0.4) and off.features == 0  # lightness alone, at four sizes
    red = Differences.between(real, Look(photo + torch.tensor([0.3, 0, 0]).view(3, 1, 1), maps))
    assert red.pixels > off.pixels
    grey = Look(photo[:, :1], maps)
    assert Differences.between(grey, Look(photo[:, :1] + 0.1, maps)).pixels == pytest.approx(0.4)
    other = Differences.between(real, Look(photo, [maps[0] + 0.1]))
    assert other.pixels == 0 and other.features > 0


def test_what_is_too_white_can_learn_to_be_grey() -> None:
    x = torch.tensor([6.0, -6.0, 0.5], requires_grad=True)
    y = UnsaturatingTanh()(x)
    torch.testing.assert_close(y, torch.tanh(x))
    y.backward(torch.tensor([1.0, 1.0, -1.0]))
    torch.testing.assert_close(x.grad[:2], torch.tensor([0.1, 0.1]), atol=1e-3, rtol=0)
    assert x.grad[2] == pytest.approx(-(1.1 - torch.tanh(x[2]).item() ** 2))
    images = squares(5)
    assert not has_grey_ground(images)
    assert has_grey_ground((images.float() * 240 / 255).to(torch.uint8))


def test_a_length_is_of_minutes_or_of_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(encoding.time, "monotonic", lambda: now[0])
    length = Length(2.0)
    assert length.done == 0 and length.rate(0) == pytest.approx(1 / 30)
    now[0] += 60
    assert length.done == 0.5 and length.rate(100) == 1
    now[0] += 54
    assert length.rate(100) == pytest.approx(0.05 / 0.3)
    now[0] += 60
    assert length.done > 1 and length.rate(100) == 0.05
    counted = Length(None, photos=100)
    counted.shown = 25
    assert counted.done == 0.25
