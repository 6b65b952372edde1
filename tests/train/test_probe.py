"""How fast this machine trains: measured by real steps in a process of its own, and remembered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from styled_recipes import STYLED

from studio.checkpoint import Checkpoint
from train.__main__ import main
from train.commands import probe as command
from train.places import probe as probing
from train.places.probe import ASIDE, BUSY, FAILED, KNOWN, Measured, Probe, measure
from train.recipes import RECIPES, Recipe, for_classes


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    return Probe(tmp_path / "runs", "cpu", "a processor")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, probe: Probe) -> list[Recipe]:
    """What was measured, each with another speed, without a process."""
    found: list[Recipe] = []

    def instead(recipe: Recipe, key: str) -> Measured:
        found.append(recipe)
        probe._remember(key, 100.0 * len(found))
        return Measured(100.0 * len(found))

    monkeypatch.setattr(probe, "_measure", instead)
    return found


def test_real_steps_are_counted(tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    step = probing.Training.step

    def counting(training: probing.Training) -> None:
        steps.append(training.batch)
        step(training)

    monkeypatch.setattr(probing.Training, "step", counting)
    monkeypatch.setattr(probing, "WARM_SECONDS", 0.0)
    begin = time.perf_counter()
    found = measure(tiny_recipe, "cpu", 0.2)
    spent = time.perf_counter() - begin
    timed = 8 * (len(steps) - probing.WARM_STEPS)
    assert set(steps) == {8}
    assert timed / spent <= found["images_per_second"] <= timed / 0.2
    assert found["batch"] == 8 and found["device_name"].endswith(("core", "cores"))


def test_rare_penalties_count_as_rarely_as_they_come(
    tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def step(training: probing.Training) -> None:
        now[0] += 9.0 if training.step_count % training.recipe.penalty_every == 0 else 1.0
        training.step_count += 1

    monkeypatch.setattr(probing.Training, "step", step)
    monkeypatch.setattr(probing.time, "perf_counter", lambda: now[0])
    found = measure(replace(tiny_recipe, r1=0.5, penalty_every=16), "cpu", 40.0)
    assert found["images_per_second"] == pytest.approx(8 / (24 / 16))
    found = measure(replace(tiny_recipe, r1=0.5), "cpu", 40.0)
    assert found["images_per_second"] == pytest.approx(8 / 9)


def test_networks_that_are_told_categories_are_measured_with_some(tiny_recipe: Recipe) -> None:
    recipe = for_classes(replace(tiny_recipe, **STYLED), 3)
    assert measure(recipe, "cpu", 0.01)["images_per_second"] > 0


def test_what_was_measured_is_remembered_also_by_another_page(
    probe: Probe, counted: list[Recipe], tiny_recipe: Recipe
) -> None:
    assert probe.speed(tiny_recipe, 500, busy=False) == Measured(100.0)
    assert probe.speed(tiny_recipe, 700, busy=True) == Measured(100.0)
    again = Probe(probe.path.parent, "cpu", "a processor")
    assert again.speed(tiny_recipe, 500, busy=True) == Measured(100.0)
    assert len(counted) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 16},
        {"augment": "color"},
        {"freeze": 1},
        {"r1": 0.5},
        {"penalty_every": 16},
        {"loss": "relativistic"},
        {"style_mixing": 0.5},
        {"discriminator": {"kind": "dcgan", "widths": [16, 16], "end": 4, "channels": 3}},
    ],
    ids=str,
)
def test_what_changes_the_speed_is_measured_anew(
    probe: Probe, counted: list[Recipe], tiny_recipe: Recipe, change: dict
) -> None:
    probe.speed(tiny_recipe, 500, busy=False)
    assert probe.speed(replace(tiny_recipe, **change), 500, busy=False) == Measured(200.0)


def test_another_device_is_measured_anew(
    probe: Probe, counted: list[Recipe], tiny_recipe: Recipe
) -> None:
    probe.speed(tiny_recipe, 500, busy=False)
    other = Probe(probe.path.parent, "cuda:0", "a GPU")
    assert other.speed(tiny_recipe, 500, busy=True) == Measured(None, BUSY)


def test_few_photos_make_a_small_batch(
    probe: Probe, counted: list[Recipe], tiny_recipe: Recipe
) -> None:
    probe.speed(replace(tiny_recipe, batch=128), 60, busy=False)
    assert counted[0].batch == 60


def test_nothing_is_measured_while_something_trains(
    probe: Probe, counted: list[Recipe], tiny_recipe: Recipe
) -> None:
    assert probe.speed(tiny_recipe, 500, busy=True) == Measured(None, BUSY)
    assert counted == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"x": "fast"}'])
def test_a_damaged_memory_is_no_memory(
    probe: Probe, counted: list[Recipe], tiny_recipe: Recipe, text: str
) -> None:
    probe.path.parent.mkdir()
    probe.path.write_text(text)
    assert probe.speed(tiny_recipe, 500, busy=False) == Measured(100.0)
    assert list(json.loads((probe.path.parent / KNOWN).read_text()).values())[-1] == 100.0


def test_a_process_of_its_own_measures(tmp_path: Path, tiny_recipe: Recipe) -> None:
    probe = Probe(tmp_path, "cpu", "a processor", seconds=0.1)
    found = probe.speed(tiny_recipe, 500, busy=False)
    assert found.images_per_second > 0 and found.sentence == ""
    assert probe.speed(tiny_recipe, 500, busy=True) == found


def test_a_measurement_that_fails_is_not_repeated(
    probe: Probe, tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "HOME", tmp_path)  # where no train package is
    assert probe.speed(tiny_recipe, 500, busy=False) == Measured(None, FAILED)
    monkeypatch.setattr(probing.subprocess, "Popen", None)
    assert probe.speed(tiny_recipe, 500, busy=False) == Measured(None, FAILED)
    assert not probe.path.exists()


def test_a_measurement_makes_way_for_a_training(probe: Probe, tiny_recipe: Recipe) -> None:
    answers: list[Measured] = []
    visitor = threading.Thread(
        target=lambda: answers.append(probe.speed(tiny_recipe, 500, busy=False))
    )
    visitor.start()
    while not probe._process:
        time.sleep(0.01)
    probe.stand_aside()
    visitor.join(30)
    assert answers == [Measured(None, ASIDE)]
    probe.stand_aside()  # nothing is under way, and nothing happens


def test_the_command_prints_json(
    capsys: pytest.CaptureFixture, make_checkpoint: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    make_checkpoint(tmp_path / "colour", batch=8)
    start = ["--start-from", str(tmp_path / "colour"), "--augment", "color", "--device", "cpu"]
    assert main(["probe", *start, "--seconds", "0.01"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images_per_second"] > 0 and found["batch"] == 128


def test_the_command_keeps_the_augmentation_of_a_recipe(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", replace(tiny_recipe, augment="cutout"))
    measured: list[str] = []
    monkeypatch.setattr(command, "measure", lambda recipe, *_: measured.append(recipe.augment))
    for options in ([], ["--augment", "color"], ["--augment", ""]):
        assert main(["probe", "--recipe", "tiny", *options]) == 0
    assert measured == ["cutout", "color", ""]


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    assert main(["probe", "--start-from", str(tmp_path)]) == 1
    assert "There is no checkpoint in" in capsys.readouterr().err
    assert main(["probe", "--device", "nonsense"]) == 1
    assert "There is no device 'nonsense' here" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["probe", "--augment", "magic"])
    assert "magic" in capsys.readouterr().err
