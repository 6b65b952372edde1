"""A photo comes back from its code: what teaches the codec of a coded generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from coded_trainings import RECIPE, SIZE, begun, pictures
from torch import Tensor
from trainings import differences, same, taken, through_a_file

from train.engine.training import Training
from train.teachers import features
from train.teachers.codes import CodesError
from train.teachers.pairs import View, feature_difference, pixel_difference
from train.teachers.reconstruction import spread


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frozen network sees smaller pictures."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)


@pytest.fixture
def begin(lite0: Path) -> Callable[..., Training]:
    """``begin(**changes)``: a training by reconstruction that is ready for its first step."""

    def begin(seed: int = 5, start: Training | None = None, how: Any = (), **changes: Any):
        return begun(replace(RECIPE, **changes), lite0, seed=seed, start=start, **dict(how))

    return begin


def run(training: Training, steps: int, total: int = 20) -> Training:
    """So many steps of a training of ``total`` in all."""
    for _ in range(steps):
        training.step(training.step_count / total)
    return training


def test_what_comes_back_comes_nearer(begin: Callable[..., Training]) -> None:
    training = begin(learning_rate=5e-3)
    found = [taken(run(training, 8, total=1000)) for _ in range(4)]
    assert found[-1]["pixels"] < 0.7 * found[0]["pixels"]
    assert found[-1]["features"] < found[0]["features"]
    assert 0 < found[-1]["meaning"] < found[0]["meaning"]


def test_it_goes_on_exactly_where_it_was(begin: Callable[..., Training]) -> None:
    whole = run(begin(), 20)  # encoder and decoder, with the critic, and without the encoder
    for stop in (5, 9, 14):
        first = run(begin(), stop)
        second = begin()
        second.load_state_dict(through_a_file(first.state_dict()))
        assert differences(first, second) == set()
        run(second, 20 - stop)
        assert differences(whole, second) == set()
        assert torch.equal(whole.watched(), second.watched())
    assert differences(whole, run(begin(seed=6), 20)) > {"generator", "encoders", "teachers"}


def test_averaged_weights_have_averaged_statistics(begin: Callable[..., Training]) -> None:
    training = run(begin(ema_kimg=1.0, ema_rampup=10.0), 2, total=1000)
    encoder = training.encoders.photo
    for name in ("mean", "variance"):
        before = getattr(encoder.average.norm, name).clone()
        weights = encoder.average.last.bias.detach().clone()
        run(training, 1, total=1000)
        found, newest = getattr(encoder.average.norm, name), getattr(encoder.network.norm, name)
        followed = (found - before) / (newest - before)
        share = (encoder.average.last.bias - weights) / (encoder.network.last.bias - weights)
        torch.testing.assert_close(followed, share.mean().expand(14), atol=0.05, rtol=0.05)
        assert share.mean() < 0.7


def test_codes_are_to_keep_their_spread() -> None:
    codes = torch.randn(40, 3, 8, 8)
    codes = (codes - codes.mean((0, 2, 3), True)) / codes.var((0, 2, 3), False, True).sqrt()
    assert spread(codes) == pytest.approx(0, abs=1e-6)
    wide = (2 * codes).requires_grad_()
    loss = spread(wide)
    assert loss.item() == pytest.approx(9, rel=1e-3)
    loss.backward()
    # As the variance's own derivative has it: towards the mean, by how far each is from it.
    torch.testing.assert_close(
        wide.grad, 2 * 3 / 3 * 2 * wide.detach() / 2560, rtol=1e-3, atol=1e-6
    )


def test_first_both_learn_and_then_the_decoder_alone(begin: Callable[..., Training]) -> None:
    training = begin()
    encoder = training.encoders.photo
    moments = []
    for _ in range(20):
        before = [p.clone() for p in encoder.average.parameters()]
        drawn = [p.clone() for p in training.generator.decoder.parameters()]
        run(training, 1)
        encodes = any(map(torch.equal, before, encoder.average.parameters()))
        draws = all(map(torch.equal, drawn, training.generator.decoder.parameters()))
        moments.append((not encodes, not draws, taken(training)["critic_loss"] > 0))
    assert moments[:9] == [(True, True, False)] * 9
    assert moments[9:10] == [(True, True, True)]
    assert moments[10:] == [(False, True, True)] * 10


def test_what_it_does_not_teach_stays(begin: Callable[..., Training]) -> None:
    before, after = begin(), run(begin(), 3)
    for part in ("flow", "synthesis"):
        assert same(getattr(before.generator, part), getattr(after.generator, part))
    assert not same(before.generator.decoder, after.generator.decoder)
    assert not same(before.average.network.decoder, after.average.network.decoder)


def test_the_encoder_may_stay_from_the_beginning(begin: Callable[..., Training]) -> None:
    with pytest.raises(CodesError, match="needs a codec to begin from"):
        begin(encoder_share=0.0)
    codec = run(begin(), 4)
    training = begin(start=codec, encoder_share=0.0)
    assert same(training.generator.decoder, codec.average.network.decoder)
    run(training, 4)
    assert same(training.encoders.averages(), codec.encoders.averages())
    assert not same(training.generator.decoder, codec.average.network.decoder)


def test_a_person_watches_photos_that_are_not_learnt_from(
    begin: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = torch.arange(24) % 8 == 3
    training = begin(how={"aside": aside})
    taught = []
    take_rows = training.batches.take_rows
    monkeypatch.setattr(
        training.batches, "take_rows", lambda: taught.append(take_rows()) or taught[-1]
    )
    run(training, 6)
    seen = torch.cat([rows for rows, _ in taught])
    assert not aside[seen].any() and len(seen.unique()) == 21
    watched = training.watched()
    assert watched.shape == (6, 3, SIZE, SIZE) and watched.dtype == torch.uint8
    assert torch.equal(watched[::2], pictures()[aside])  # each beside what comes back
    assert taken(training)["features_aside"] > 0


def test_an_enlarged_photo_does_not_teach_the_finest(begin: Callable[..., Training]) -> None:
    photos = torch.rand(1, 3, 16, 16)
    apart = torch.zeros_like(photos)
    apart[:, :, ::2, ::2], apart[:, :, 1::2, 1::2] = 0.5, 0.5
    apart[:, :, 1::2, ::2], apart[:, :, ::2, 1::2] = -0.5, -0.5  # nothing but the finest
    sharp, blurred = (
        pixel_difference(photos + apart, photos, torch.tensor([is_sharp]))
        for is_sharp in (True, False)
    )
    assert sharp > 0.1 and blurred < 1e-5
    run(begin(how={"sharp": torch.arange(24) % 2 == 0}), 2)


def test_views_of_a_picture_and_its_photo_are_alike() -> None:
    random = torch.Generator().manual_seed(0)
    photos = torch.rand(3, 3, 64, 64)
    sharp = torch.tensor([True, False, True])
    sizes = set()
    for _ in range(40):
        view = View(64, random)
        seen = view(photos, sharp)
        assert torch.equal(seen, view(photos.clone(), sharp))
        sizes.add((view.whole, seen.shape[-1]))
        if not view.whole:
            assert torch.equal(seen[1], torch.nn.functional.avg_pool2d(photos, 2)[1])
    assert sizes == {(False, 32), (True, 32), (True, 34), (True, 36)}


def test_features_count_by_how_much_they_differ_among_photos() -> None:
    photos = torch.randn(40, 2, 5, 5) * torch.tensor([10.0, 0.5]).view(1, 2, 1, 1)
    moved = [photos + torch.tensor(move).view(1, 2, 1, 1) for move in ([1.0, 0], [0, 1.0])]
    wide, narrow = (feature_difference([each], [photos]).item() for each in moved)
    assert narrow > 10 * wide
    assert feature_difference([photos], [photos]) == 0


def test_another_generator_is_refused(begin: Callable[..., Training], tiny_recipe) -> None:
    recipe = replace(tiny_recipe, teachers={"reconstruction": 1.0})
    with pytest.raises(ValueError, match="coded generator"):
        Training(recipe, torch.zeros(8, 3, 16, 16, dtype=torch.uint8), begin().hardware, 1)


def test_an_encoder_of_another_size_is_refused(begin: Callable[..., Training]) -> None:
    with pytest.raises(ValueError, match=r"codes of 2 px of photos of 32 px, not of 4 px"):
        begin(encoders={"photo": {"widths": [8, 8, 8, 8]}})


def test_grey_photos_come_back_too(lite0: Path) -> None:
    grey: Tensor = pictures()[:, :1].contiguous()
    recipe = replace(RECIPE, generator={**RECIPE.generator, "channels": 1})
    training = run(begun(recipe, lite0, images=grey), 12)
    assert training.watched().shape == (48, 1, SIZE, SIZE)
