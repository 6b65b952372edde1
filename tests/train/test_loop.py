"""The loop: it learns, repeats exactly, resumes exactly, and its numbers are what they say."""

from __future__ import annotations

import io
import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from train import loop
from train.hardware import Hardware
from train.loop import NUMBERS, Length, Training, fit
from train.losses import discriminator_bce, generator_bce
from train.recipes import Recipe

CPU = Hardware(torch.device("cpu"), bf16=False)


@pytest.fixture(scope="session")
def images() -> Tensor:
    """24 noisy squares of one strong colour, which a tiny generator can learn in moments."""
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 20, (24, 3, 16, 16), generator=random)
    return (noise + torch.tensor([220, 30, 60]).view(3, 1, 1)).to(torch.uint8)


@pytest.fixture
def start(tiny_recipe: Recipe, images: Tensor) -> Callable[..., Training]:
    """``start(seed=…, count=…, **changes)``: a new training of the tiny recipe."""

    def start(seed: int = 5, count: int = 24, hardware: Hardware = CPU, **changes: Any) -> Training:
        return Training(replace(tiny_recipe, **changes), images[:count], hardware, seed)

    return start


def run(training: Training, steps: int) -> Training:
    for _ in range(steps):
        training.step()
    return training


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """All leaves of nested dicts and lists, by path."""
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, each in items for k, v in flat(each, f"{name}/{key}").items()}
    return {name: value}


def differences(first: Training, second: Training) -> set[str]:
    """The parts of the state in which two trainings differ; ``seconds`` never count."""
    one, other = flat(first.state_dict()), flat(second.state_dict())
    assert one.keys() == other.keys()
    found = set()
    for name, value in one.items():
        match = torch.equal if isinstance(value, Tensor) else operator.eq
        if not match(value, other[name]):
            found.add(name.split("/")[1])
    return found - {"seconds"}


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def real_batches(training: Training) -> list[Tensor]:
    """A list that grows with each batch of real images that the discriminator sees."""
    seen: list[Tensor] = []
    calls = itertools.count()

    def note(_: nn.Module, inputs: tuple[Tensor]) -> None:
        if next(calls) % 3 == 0:  # real, drawn, and drawn again for the generator
            seen.append(inputs[0].detach().clone())

    training.discriminator.register_forward_pre_hook(note)
    return seen


# --- it repeats --------------------------------------------------------------------------------


def test_a_seed_decides_everything(start: Callable[..., Training]) -> None:
    first, again, other = (run(start(seed), 4) for seed in (5, 5, 6))
    assert differences(first, again) == set()
    assert torch.equal(first.samples(), again.samples())
    assert first.take_numbers() == again.take_numbers()
    changed = {"generator", "discriminator", "average", "optimiser_g", "optimiser_d", "sums"}
    assert differences(first, other) >= changed | {"random", "fixed_latents"}
    assert not torch.equal(first.samples(), other.samples())


def test_torchs_own_random_state_plays_no_part_after_the_start(
    start: Callable[..., Training],
) -> None:
    first, second = start(), start()
    run(first, 3)
    torch.manual_seed(12345)
    for _ in range(3):
        torch.rand(7)
        second.step()
    assert differences(first, second) == set()


@pytest.mark.parametrize("steps", [1, 4, 6], ids=["mid epoch", "mid second", "end of epoch"])
def test_resuming_is_bit_identical_to_going_on(start: Callable[..., Training], steps: int) -> None:
    whole = run(start(), 2 * steps)
    first = run(start(), steps)
    state = through_a_file(first.state_dict())
    second = start()
    second.load_state_dict(state)
    assert differences(first, second) == set()
    assert torch.equal(first.samples(), second.samples())
    run(second, steps)
    assert differences(whole, second) == set()
    assert torch.equal(whole.samples(), second.samples())
    assert whole.take_numbers() == second.take_numbers()
    assert (second.step_count, second.epoch) == (2 * steps, 2 * steps // 3)


def test_a_state_loads_over_a_training_that_went_elsewhere(
    start: Callable[..., Training],
) -> None:
    first = run(start(), 3)
    state = through_a_file(first.state_dict())
    other = run(start(), 11)
    other.load_state_dict(state)
    assert differences(run(first, 3), run(other, 3)) == set()


def test_looking_at_samples_changes_nothing(start: Callable[..., Training]) -> None:
    quiet, watched = run(start(), 4), start()
    for _ in range(4):
        watched.samples()
        watched.averaged_generator()
        watched.step()
    assert differences(quiet, watched) == set()
    assert watched.generator.training and watched.average.training


def test_a_state_of_another_network_does_not_load(start: Callable[..., Training]) -> None:
    state = through_a_file(start().state_dict())
    wider = {**start().recipe.generator, "widths": [16, 16]}
    with pytest.raises(RuntimeError, match="size mismatch"):
        start(generator=wider).load_state_dict(state)


# --- it learns ---------------------------------------------------------------------------------


def test_one_step_moves_both_networks_the_right_way(start: Callable[..., Training]) -> None:
    training, before = start(), start()
    seen = real_batches(training)
    random = torch.Generator().manual_seed(5)
    latents = torch.randn(8, 8, generator=random)
    training.step()
    with torch.no_grad():
        drawn, drawn_after = before.generator(latents), training.generator(latents)
        losses = [
            discriminator_bce(network(seen[0]), network(drawn)).item()
            for network in (before.discriminator, training.discriminator)
        ]
        fooled = [
            generator_bce(training.discriminator(images)).item() for images in (drawn, drawn_after)
        ]
    assert losses[1] < losses[0]
    assert fooled[1] < fooled[0]


def test_the_numbers_of_the_first_step_are_its_losses_and_scores(
    start: Callable[..., Training],
) -> None:
    training, before = start(), start()
    seen = real_batches(training)
    latents = torch.randn(8, 8, generator=torch.Generator().manual_seed(5))
    training.step()
    numbers = training.take_numbers()
    assert list(numbers) == list(NUMBERS) == ["loss_g", "loss_d", "real_score", "fake_score"]
    with torch.no_grad():
        real = before.discriminator(seen[0])
        fake = before.discriminator(before.generator(latents))
    assert numbers["loss_d"] == pytest.approx(discriminator_bce(real, fake).item(), rel=1e-5)
    assert numbers["real_score"] == pytest.approx(real.sigmoid().mean().item(), rel=1e-5)
    assert numbers["fake_score"] == pytest.approx(fake.sigmoid().mean().item(), rel=1e-5)


@pytest.mark.parametrize("seed", [5, 6])
def test_training_brings_the_samples_to_the_images(
    start: Callable[..., Training], images: Tensor, seed: int
) -> None:
    training = start(seed, learning_rate=3e-3)
    wanted = images.float().mean((0, 2, 3))

    def distance() -> float:
        return (training.samples().float().mean((0, 2, 3)) - wanted).abs().mean().item()

    before = distance()
    run(training, 15)
    early = training.take_numbers()
    run(training, 75)
    assert distance() < 0.6 * before
    # First the discriminator wins; then the generator makes it doubt.
    assert early["real_score"] > early["fake_score"] + 0.1
    training.take_numbers()
    run(training, 10)
    late = training.take_numbers()
    assert late["real_score"] - late["fake_score"] < early["real_score"] - early["fake_score"]
    assert late["loss_d"] > early["loss_d"]


def test_numbers_are_finite_means_and_scores_are_probabilities(
    start: Callable[..., Training],
) -> None:
    one_by_one, together = start(), run(start(), 5)
    each = [run(one_by_one, 1).take_numbers() for _ in range(5)]
    for numbers in each:
        assert all(math.isfinite(value) for value in numbers.values())
        assert 0 < numbers["real_score"] < 1 and 0 < numbers["fake_score"] < 1
        assert numbers["loss_g"] > 0 and numbers["loss_d"] > 0
    for name, value in together.take_numbers().items():
        mean = sum(numbers[name] for numbers in each) / 5
        assert value == pytest.approx(mean, rel=1e-5)
    assert together.take_numbers() == dict.fromkeys(NUMBERS, 0.0)


def test_bfloat16_trains_too_with_weights_in_float32(start: Callable[..., Training]) -> None:
    training = run(start(hardware=Hardware(torch.device("cpu"), bf16=True)), 3)
    assert all(p.dtype == torch.float32 for p in training.generator.parameters())
    assert all(p.isfinite().all() for p in training.generator.parameters())
    assert training.samples().shape == (6, 3, 16, 16)
    exact = run(start(), 3)
    mine, theirs = training.take_numbers(), exact.take_numbers()
    assert mine != theirs
    assert mine == pytest.approx(theirs, rel=0.05)


def test_dense_networks_train_too(tiny_recipe: Recipe) -> None:
    generator = {"kind": "mlp", "latent_dim": 6, "widths": [16]}
    recipe = replace(
        tiny_recipe, generator=generator, discriminator={"kind": "mlp", "widths": [16]}
    )
    images = torch.full((8, 1, 28, 28), 200, dtype=torch.uint8)
    training = run(Training(recipe, images, CPU, 1), 3)
    assert training.samples().shape == (6, 1, 28, 28)
    assert all(math.isfinite(value) for value in training.take_numbers().values())


# --- the images --------------------------------------------------------------------------------


def numbered(count: int) -> Tensor:
    """Images that are told apart by their brightness."""
    return (torch.arange(count) * 7).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 16, 16)


def shown(batches: list[Tensor]) -> list[list[int]]:
    return [((batch[:, 0, 0, 0] + 1) * 127.5 / 7).round().int().tolist() for batch in batches]


def joined(lists: list[list[int]]) -> list[int]:
    return list(itertools.chain(*lists))


def test_an_epoch_shows_every_image_once_in_a_new_order(tiny_recipe: Recipe) -> None:
    training = Training(tiny_recipe, numbered(24), CPU, 5)
    seen = real_batches(training)
    run(training, 9)
    epochs = [joined(shown(seen[start : start + 3])) for start in (0, 3, 6)]
    for order in epochs:
        assert sorted(order) == list(range(24))
        assert order != sorted(order)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert (training.steps_per_epoch, training.epoch, training.images_shown) == (3, 3, 72)


def test_the_order_depends_on_the_seed(tiny_recipe: Recipe) -> None:
    orders = []
    for seed in (5, 6):
        training = Training(tiny_recipe, numbered(24), CPU, seed)
        seen = real_batches(training)
        run(training, 3)
        orders.append(shown(seen))
    assert orders[0] != orders[1]


def test_images_left_over_at_an_epochs_end_get_their_turn_later(tiny_recipe: Recipe) -> None:
    training = Training(tiny_recipe, numbered(21), CPU, 5)
    seen = real_batches(training)
    run(training, 12)
    assert training.steps_per_epoch == 2
    epochs = [joined(shown(seen[start : start + 2])) for start in range(0, 12, 2)]
    assert all(len(set(order)) == 16 for order in epochs)
    assert set(joined(epochs)) == set(range(21))


@pytest.mark.parametrize("count", [2, 5, 8])
def test_a_batch_larger_than_the_images_is_all_of_them(tiny_recipe: Recipe, count: int) -> None:
    training = Training(tiny_recipe, numbered(count), CPU, 5)
    seen = real_batches(training)
    run(training, 2)
    assert (training.batch, training.steps_per_epoch, training.epoch) == (count, 1, 2)
    assert [sorted(each) for each in shown(seen)] == [list(range(count))] * 2
    assert training.images_shown == 2 * count
    assert all(math.isfinite(value) for value in training.take_numbers().values())


@pytest.mark.parametrize(("output", "low", "high"), [("tanh", -1.0, 1.0), ("sigmoid", 0.0, 1.0)])
def test_real_images_come_in_the_generators_range(
    tiny_recipe: Recipe, output: str, low: float, high: float
) -> None:
    black_and_white = torch.zeros(8, 3, 16, 16, dtype=torch.uint8)
    black_and_white[::2] = 255
    recipe = replace(tiny_recipe, generator={**tiny_recipe.generator, "output": output})
    training = Training(recipe, black_and_white, CPU, 5)
    seen = real_batches(training)
    training.step()
    assert (seen[0].min().item(), seen[0].max().item()) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 16, 16), (3, 16, 8)], ids=str)
def test_images_that_do_not_fit_are_refused(tiny_recipe: Recipe, shape: tuple) -> None:
    with pytest.raises(ValueError, match=r"trains on \(3, 16, 16\) images"):
        Training(tiny_recipe, torch.zeros(8, *shape, dtype=torch.uint8), CPU, 1)


# --- the average -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kimg", "rampup", "half_life"), [(0.016, 100.0, 16), (10.0, 3.0, 24), (0.004, 0.5, 4)]
)
def test_the_average_has_the_half_life_that_the_recipe_says(
    start: Callable[..., Training], kimg: float, rampup: float, half_life: float
) -> None:
    training = start(ema_kimg=kimg, ema_rampup=rampup)
    before = [p.clone() for p in training.average.parameters()]
    training.step()
    kept = 0.5 ** (8 / half_life)  # 8 images were shown
    for old, now, average in zip(
        before, training.generator.parameters(), training.average.parameters(), strict=True
    ):
        torch.testing.assert_close(average, kept * old + (1 - kept) * now.detach())
        assert not torch.equal(old, now)


def test_at_the_start_the_average_follows_closely_and_later_lags(
    start: Callable[..., Training],
) -> None:
    training = run(start(), 1)
    gap = [(a - b).abs().max().item() for a, b in pairs(training)]
    assert max(gap) < 1e-6  # a half-life of 0.4 images
    training = run(start(ema_rampup=50.0), 20)
    assert max((a - b).abs().max().item() for a, b in pairs(training)) > 1e-4


def pairs(training: Training) -> list[tuple[Tensor, Tensor]]:
    generators = training.average, training.generator
    return list(zip(*(network.parameters() for network in generators), strict=True))


def test_the_averaged_generator_has_the_averages_weights_and_its_own_statistics(
    start: Callable[..., Training],
) -> None:
    training = run(start(), 5)
    found = training.averaged_generator()
    assert not found.training
    for mine, average in zip(found.parameters(), training.average.parameters(), strict=True):
        assert torch.equal(mine, average)
    # In evaluation it draws nearly what the same weights draw with a large batch's statistics.
    latents = torch.randn(2048, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        still, moving = found(latents), training.average(latents)
        torch.testing.assert_close(still.mean(0), moving.mean(0), atol=0.02, rtol=0)
        torch.testing.assert_close(still.std(0), moving.std(0), atol=0.03, rtol=0)
    assert torch.equal(training.averaged_generator()(latents), still)


def test_samples_are_pictures_of_the_same_latents(start: Callable[..., Training]) -> None:
    training = start()
    before = training.samples()
    assert before.shape == (6, 3, 16, 16) and before.dtype == torch.uint8
    latents = training.fixed_latents.clone()
    run(training, 5)
    assert torch.equal(training.fixed_latents, latents)
    assert not torch.equal(training.samples(), before)
    with torch.no_grad():
        expected = training.averaged_generator()(latents)
    torch.testing.assert_close(training.samples() / 127.5 - 1, expected, atol=0.005, rtol=0)


# --- how long ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "steps", "seconds"),
    [
        ({}, 2 * 3, math.inf),
        ({"epochs": 7}, 7 * 3, math.inf),
        ({"kimg": 0.1}, 13, math.inf),  # 100 images in batches of 8
        ({"kimg": 0.008}, 1, math.inf),
        ({"minutes": 2.0}, None, 120),
        ({"epochs": 7, "minutes": 0.5}, 7 * 3, 30),
        ({"kimg": 0.1, "minutes": 0.5}, 13, 30),
        ({"epochs": None, "kimg": None, "minutes": None}, 2 * 3, math.inf),
    ],
)
def test_a_length_is_what_was_asked_for_or_the_recipes(
    start: Callable[..., Training], asked: dict, steps: int | None, seconds: float
) -> None:
    length = Length.of(start(), **asked)
    assert length.seconds == seconds
    assert length.steps == steps if steps is not None else length.steps > 10**15


def test_a_recipe_of_steps_is_that_many_steps_long(start: Callable[..., Training]) -> None:
    assert Length.of(start(epochs=None, steps=77)).steps == 77
    assert Length.of(start(epochs=None, steps=77), epochs=2).steps == 6


# --- fitting -----------------------------------------------------------------------------------


class Watch:
    """Notes what :func:`fit` tells."""

    def __init__(self, training: Training, stop_at: int | None = None) -> None:
        self.training, self.stop_at = training, stop_at
        self.steps: list[int] = []
        self.numbers: dict[int, dict[str, float]] = {}

    def fit(self, length: Length) -> bool:
        return fit(
            self.training,
            length,
            on_step=lambda: self.steps.append(self.training.step_count),
            on_numbers=lambda found: self.numbers.update({self.training.step_count: found}),
            stopping=lambda: self.training.step_count == self.stop_at,
        )


def test_fitting_takes_all_steps_and_tells_numbers_each_epoch(
    start: Callable[..., Training],
) -> None:
    watch = Watch(start())
    assert watch.fit(Length(8)) is True
    assert watch.steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(watch.numbers) == [3, 6]
    assert watch.training.seconds > 0
    assert watch.fit(Length(8)) is True
    assert watch.training.step_count == 8  # it was finished


def test_a_recipe_may_tell_numbers_every_few_steps(start: Callable[..., Training]) -> None:
    watch = Watch(start(log_steps=4))
    watch.fit(Length(9))
    assert list(watch.numbers) == [4, 8]


def test_stopping_comes_before_the_next_step_and_going_on_is_the_same(
    start: Callable[..., Training],
) -> None:
    whole, halves = Watch(start()), Watch(start(), stop_at=4)
    whole.fit(Length(9))
    assert halves.fit(Length(9)) is False
    assert halves.training.step_count == 4
    halves.stop_at = None
    assert halves.fit(Length(9)) is True
    assert halves.numbers == whole.numbers
    assert halves.steps == whole.steps
    assert differences(whole.training, halves.training) == set()


def test_time_runs_out_too_and_counts_over_resumes(
    start: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(100.0, 1.0)
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks))  # a second passes each look
    watch = Watch(start())
    assert watch.fit(Length(1000, seconds=5)) is True
    assert watch.training.step_count == 5
    assert watch.training.seconds == 5
    watch.training.load_state_dict(through_a_file(watch.training.state_dict()))
    assert watch.fit(Length(1000, seconds=7)) is True
    assert watch.training.step_count == 7
    assert watch.fit(Length(7, seconds=1000)) is True
    assert watch.training.step_count == 7
