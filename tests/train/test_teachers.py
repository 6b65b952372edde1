"""Every teacher: it teaches, repeats itself, goes on exactly, and several processes share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from trainings import CPU, differences, run, taken, through_a_file

from train.engine.training import Training
from train.recipes import TEACHERS, Recipe, from_dict, taught_by
from train.teachers import features, likeness, targets
from train.teachers.kinds import KINDS
from train.teachers.likeness import counted

ALL = [("game",), ("likeness",), ("game", "likeness")]


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller views of the pictures, along fewer directions."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)
    monkeypatch.setattr(targets, "TURNS", 2)


@pytest.fixture
def begin(tiny_recipe: Recipe, squares: Tensor, lite0: Path) -> Callable[..., Training]:
    """``begin(teachers, …)``: a training that is ready for its first step."""

    def begin(names: tuple[str, ...], seed: int = 5, folder: Path | None = None, **changes: Any):
        recipe = replace(taught_by(tiny_recipe, names), batch=8, **changes)
        training = Training(recipe, squares, CPU, seed, feature_weights=str(lite0))
        training.prepare(folder)
        return training

    return begin


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many photos each look at them took."""
    found: list[int] = []
    of_photos = likeness.FeatureDistance._of_photos

    def noted(self: Any, photos: Tensor, on_photos: Callable[[int], None]):
        found.append(len(photos))
        return of_photos(self, photos, on_photos)

    monkeypatch.setattr(likeness.FeatureDistance, "_of_photos", noted)
    return found


def test_recipes_know_the_teachers_there_are() -> None:
    assert set(KINDS) == set(TEACHERS)


@pytest.mark.parametrize("names", [{}, {"school": 1.0}])
def test_a_recipe_without_a_known_teacher_is_refused(tiny_recipe: Recipe, names: dict) -> None:
    with pytest.raises(ValueError, match="teachers are some of: game, likeness"):
        from_dict({**tiny_recipe.to_dict(), "teachers": names})


@pytest.mark.parametrize("names", ALL, ids=", ".join)
def test_it_goes_on_exactly_where_it_was(begin: Callable[..., Training], names) -> None:
    whole = run(begin(names), 7)
    first = run(begin(names), 4)
    state = through_a_file(first.state_dict())
    second = begin(names)
    second.load_state_dict(state)
    assert differences(first, second) == set()
    run(second, 3)
    assert differences(whole, second) == set()
    assert torch.equal(whole.average.samples(), second.average.samples())
    assert taken(whole) == taken(second)
    assert differences(whole, run(begin(names, seed=6), 7)) > {"generator", "teachers"}


@pytest.mark.parametrize("names", ALL, ids=", ".join)
def test_all_its_numbers_have_names(begin: Callable[..., Training], names) -> None:
    numbers = taken(run(begin(names), 2))
    assert list(numbers) == [each for name in names for each in KINDS[name].NUMBERS]
    assert all(torch.tensor(list(numbers.values())).isfinite())


def test_a_generator_comes_nearer_to_photos(begin: Callable[..., Training]) -> None:
    training = begin(("likeness",), learning_rate=5e-3, warm_up=5)
    far = [taken(run(training, 8))["feature_distance"] for _ in range(5)]
    assert far[-1] < 0.2 * far[0]


def test_photos_are_looked_at_once(
    begin: Callable[..., Training], looks: list[int], tmp_path: Path
) -> None:
    first = begin(("likeness",), folder=tmp_path)
    second = begin(("likeness",), folder=tmp_path)
    assert looks == [24]
    assert differences(run(first, 2), run(second, 2)) == set()
    begin(("likeness",), folder=tmp_path, flip=True)  # mirrored ones count too: other photos
    assert looks == [24, 48]
    (path, _) = sorted(tmp_path.glob("statistics-*.pt"), key=lambda each: each.stat().st_mtime)
    path.write_bytes(b"torn")
    begin(("likeness",), folder=tmp_path)
    assert looks == [24, 48, 24]


def test_how_loud_the_critic_is_does_not_matter(
    begin: Callable[..., Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, loud = begin(("likeness",)), begin(("likeness",))
    blame = loud.teachers["likeness"].critic.blame
    monkeypatch.setattr(loud.teachers["likeness"].critic, "blame", lambda *seen: 100 * blame(*seen))
    run(soft, 3), run(loud, 3)
    for name, weight in soft.generator.state_dict().items():
        torch.testing.assert_close(weight, loud.generator.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_the_rate_rises_and_falls_as_the_recipe_says(begin: Callable[..., Training]) -> None:
    training = begin(("game",), warm_up=4, fall=0.5, learning_rate=1.0)
    rates = []
    for done in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 0.99):
        training.step(done)
        rates.append(training.optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.05])


def test_a_discriminator_that_nobody_needs_is_kept(begin: Callable[..., Training]) -> None:
    before = run(begin(("game",)), 2)
    after = begin(("likeness",))
    assert after.discriminator is None
    after.start_from(before.generator.state_dict(), before.discriminator.state_dict())
    run(after, 2)
    for name, each in before.discriminator.state_dict().items():
        assert torch.equal(each, after.discriminator.state_dict()[name])


def test_runs_that_were_saved_before_there_were_teachers_go_on(
    begin: Callable[..., Training],
) -> None:
    first, second = run(begin(("game",)), 3), begin(("game",))
    state = through_a_file(first.state_dict())
    game = state.pop("teachers")["game"]
    state["optimiser_g"], state["optimiser_d"] = state.pop("optimiser"), game.pop("optimiser")
    del state["format"]
    second.load_state_dict({**state, **game})
    assert differences(run(first, 2), run(second, 2)) == set()


def test_a_state_of_later_is_refused(begin: Callable[..., Training]) -> None:
    training = begin(("game",))
    with pytest.raises(ValueError, match="later version"):
        training.load_state_dict({**training.state_dict(), "format": 99})


def test_rare_categories_count_as_much_as_the_others_or_nearly(monkeypatch) -> None:
    monkeypatch.setattr(likeness, "MOST_PHOTOS", 30)
    labels = torch.tensor([5] * 40 + [4] * 3 + [1] * 1 + [0] * 41)
    chosen = counted(labels, 85, balanced=True)
    # Of four categories at most seven photos each.
    assert labels[chosen].bincount()[[0, 1, 4, 5]].tolist() == [7, 4, 7, 7]
    assert len(chosen.unique()) == 18
    # Where all are rare, nothing is repeated but to make them equal.
    few = counted(labels[38:43], 5, balanced=True)
    assert labels[38:43][few].bincount()[[4, 5]].tolist() == [3, 3]
    for each in (
        counted(labels, 85, balanced=False),
        counted(torch.rand(85, 4), 85, balanced=True),
    ):
        assert len(each) == len(each.unique()) == 30
