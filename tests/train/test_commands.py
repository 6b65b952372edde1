"""``python -m train`` from end to end: start, stop, go on, evaluate; and what can't be done."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from studio import checkpoint
from studio.generators.base import to_uint8
from train.__main__ import main
from train.commands import evaluate, start_or_resume
from train.loop import NUMBERS, Length
from train.recipes import RECIPES, Recipe
from train.runs import Run

ROOT = Path(__file__).resolve().parents[2]
ON_CPU = ("--device", "cpu", "--precision", "fp32")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe) -> None:
    """The tiny recipe is one of the recipes: two epochs of two updates on the photos."""
    monkeypatch.setitem(RECIPES, "tiny", tiny_recipe)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]) -> Path:
    """Twenty photos, not to be written to."""
    return make_photos(tmp_path_factory.mktemp("data") / "bags")


@pytest.fixture
def train(photos: Path, tmp_path: Path) -> Callable[..., int]:
    """``train(name, *options)`` starts a run called ``name`` under ``tmp_path``."""

    def train(name: str, *options: Any, data: Path = photos) -> int:
        start = ["--data", data, "--recipe", "tiny", "--out", tmp_path / name]
        return main([str(each) for each in (*start, *ON_CPU, *options)])

    return train


def resume(folder: Path, *options: Any) -> int:
    return main(["--resume", str(folder), *ON_CPU, *map(str, options)])


def log(folder: Path) -> list[dict[str, Any]]:
    """The log without the seconds, the only part that time decides."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name != "seconds"} for line in lines]


def results(folder: Path) -> dict[str, Any]:
    """All of a run that must not depend on where it was interrupted."""
    pictures = sorted((folder / "samples").iterdir())
    weights = [folder / "checkpoint" / f"{n}.safetensors" for n in ("generator", "discriminator")]
    files = [*pictures, *weights, folder / "checkpoint" / "preview.jpg"]
    state = torch.load(folder / "state.pt", weights_only=True)
    state = {name: value for name, value in state.items() if name != "seconds"}
    found: dict[str, Any] = {path.name: path.read_bytes() for path in files}
    card = json.loads((folder / "checkpoint" / "card.json").read_text())
    for part in ("hours", "date"):
        del card["training"][part]
    return {**found, "card": card, "log": log(folder), "state": plain(state)}


def plain(value: Any) -> Any:
    """Nested tensors as nested lists, so that == compares every bit."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


# --- start -------------------------------------------------------------------------------------


def test_a_training_from_start_to_end(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train("run") == 0
    folder, out = tmp_path / "run", capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        *("settings.json", "log.jsonl", "samples", "state.pt", "checkpoint")
    }
    assert "20 images, prepared as 16x16." in out
    assert f"Done: 32 images shown. The checkpoint is {folder / 'checkpoint'}" in out
    number = r"\d+\.\d{4}"
    for epoch in (1, 2):
        assert re.search(
            rf"^Epoch \[{epoch}/2\], loss_g: {number}, loss_d: {number}, "
            rf"real_score: {number}, fake_score: {number}$",
            out,
            re.MULTILINE,
        )
    found = log(folder)
    assert [(line["step"], line["epoch"], line["images_shown"]) for line in found] == [
        (2, 1, 16),
        (4, 2, 32),
    ]
    assert all(np.isfinite([line[name] for name in NUMBERS]).all() for line in found)
    pictures = sorted(path.name for path in (folder / "samples").iterdir())
    assert pictures == ["generated-images-0001.png", "generated-images-0002.png"]
    card = checkpoint.read(folder / "checkpoint").card
    assert card["title"] == "Tiny things"
    assert card["data"] == {"name": "bags", "images": 20}
    assert card["training"]["images_shown"] == 32
    assert checkpoint.read(folder / "checkpoint").load_generator().image_size == 16


def test_a_seed_repeats_a_training_exactly(train: Callable[..., int], tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert train(name, "--seed", seed, "--epochs", 1) == 0
    first, again, other = (results(tmp_path / name) for name in "abc")
    assert first == again
    assert first["generator.safetensors"] != other["generator.safetensors"]
    assert first["card"]["training"]["seed"] == 7


def test_settings_given_are_kept_and_used(train: Callable[..., int], tmp_path: Path) -> None:
    given = ("--batch", 4, "--learning-rate", 0.25, "--seed", 0, "--kimg", 0.01)
    assert train("run", *given) == 0
    run = Run.open(tmp_path / "run")
    assert run.recipe == replace(RECIPES["tiny"], batch=4, learning_rate=0.25)
    assert run.settings["seed"] == 0
    assert run.settings["length"] == {"epochs": None, "kimg": 0.01, "minutes": None}
    card = checkpoint.read(tmp_path / "run" / "checkpoint").card["training"]
    assert (card["batch"], card["learning_rate"], card["seed"]) == (4, 0.25, 0)
    assert card["images_shown"] == 12  # three batches of four hold the ten


def test_a_length_in_minutes_ends(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train("run", "--minutes", 0.005) == 0
    out = capsys.readouterr().out
    assert "Done: " in out
    assert "Epoch [1], loss_g" in out or "Epoch [" not in out  # no total to state
    seconds = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["seconds"]
    assert 0.3 <= seconds < 20


def test_snapshots_are_kept_when_asked_for(train: Callable[..., int], tmp_path: Path) -> None:
    assert train("run", "--epochs", 5, "--snapshot-epochs", 2) == 0
    folder = tmp_path / "run" / "snapshots"
    assert sorted(path.name for path in folder.iterdir()) == ["0002", "0004"]
    shown = [
        checkpoint.read(folder / name).card["training"]["images_shown"] for name in ("0002", "0004")
    ]
    assert shown == [32, 64]


def test_the_state_is_saved_on_the_way(
    train: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = []
    save = Run.save_state
    monkeypatch.setattr(
        Run, "save_state", lambda run, t: saves.append(t.step_count) or save(run, t)
    )
    assert train("often", "--save-minutes", 1e-9) == 0
    assert saves == [1, 2, 3, 4, 4]
    saves.clear()
    assert train("seldom") == 0
    assert saves == [4]


def test_files_that_cannot_be_used_are_told(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    data = make_photos(tmp_path / "mixed")
    for index in range(12):
        (data / f"broken-{index:02d}.png").write_bytes(b"hello")
    assert train("run", "--epochs", 1, data=data) == 0
    out = capsys.readouterr().out
    assert "20 images" in out and "12 could not be used" in out
    assert out.count("broken-") == 10 and "and 2 more" in out


# --- cards -------------------------------------------------------------------------------------


def test_a_card_says_what_a_person_wrote(train: Callable[..., int], tmp_path: Path) -> None:
    written = {
        "title": "Täschchen",
        "description": "Small bags",
        "format": 99,
        "data": {"name": "My bags", "licence": "CC0", "images": 5},
    }
    (tmp_path / "card.json").write_text(json.dumps(written), encoding="utf-8")
    assert train("run", "--epochs", 1, "--card", tmp_path / "card.json") == 0
    card = checkpoint.read(tmp_path / "run" / "checkpoint").card
    assert (card["title"], card["description"]) == ("Täschchen", "Small bags")
    assert card["data"] == {"name": "My bags", "licence": "CC0", "images": 20}
    assert card["format"] == 1


@pytest.mark.parametrize("text", [None, "", "{", "[]", "5", '{"data": "bags"}', '{"data": []}'])
def test_a_card_that_is_none_is_refused_before_anything_is_made(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "mine.json").write_text(text)
    assert train("run", "--card", tmp_path / "mine.json") == 1
    assert re.fullmatch(
        r"train: \S*mine\.json can't be used as a card: .+\.", last_line(capsys.readouterr().err)
    )
    assert not (tmp_path / "run").exists()


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


# --- resume ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(
    photos: Path, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The results of three epochs without interruption."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", tiny_recipe)
        start = ["--data", str(photos), "--recipe", "tiny", "--out", str(folder)]
        assert main([*start, *ON_CPU, "--epochs", "3"]) == 0
    return results(folder)


@pytest.mark.parametrize(
    "first",
    [("--epochs", 2), ("--kimg", 0.02), ("--kimg", 0.001)],
    ids=["2 epochs", "3 steps", "1 step"],
)
def test_a_run_resumed_to_a_longer_length_equals_an_uninterrupted_one(
    train: Callable[..., int], tmp_path: Path, whole: dict[str, Any], first: tuple
) -> None:
    assert train("run", *first) == 0
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step_count"] < whole["state"]["step_count"] == 6
    assert resume(tmp_path / "run", "--epochs", 3) == 0
    assert results(tmp_path / "run") == whole
    assert resume(tmp_path / "run") == 0  # it keeps its longer length, and there is no more to do
    assert results(tmp_path / "run") == whole


def test_a_run_that_crashed_goes_on_from_its_last_save(
    train: Callable[..., int],
    tmp_path: Path,
    whole: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Crash(Exception):
        pass

    def crash(run: Run, training: Any) -> None:
        if training.step_count == 4:  # its line and its samples have been written
            raise Crash
        if training.step_count == 3:
            save(run, training)

    save = Run.save_state
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Run, "save_state", crash)
        train("run", "--epochs", 3, "--save-minutes", 1e-9)
    assert [line["step"] for line in log(tmp_path / "run")] == [2, 4]
    assert resume(tmp_path / "run") == 0
    assert results(tmp_path / "run") == whole


def test_a_run_that_saved_nothing_starts_over(
    train: Callable[..., int],
    tmp_path: Path,
    whole: dict[str, Any],
    capsys: pytest.CaptureFixture,
) -> None:
    assert train("run", "--epochs", 3) == 0
    (tmp_path / "run" / "state.pt").unlink()
    shutil.rmtree(tmp_path / "run" / "checkpoint")
    assert resume(tmp_path / "run") == 0
    assert "Nothing was saved yet; starting from the beginning." in capsys.readouterr().out
    assert results(tmp_path / "run") == whole


def test_data_given_relatively_is_found_from_elsewhere(
    train: Callable[..., int],
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(photos.parent)
    assert train("run", "--epochs", 1, data=Path("bags")) == 0
    monkeypatch.chdir(tmp_path)
    assert resume(Path("run"), "--epochs", 2) == 0
    assert len(log(tmp_path / "run")) == 2


@pytest.mark.parametrize("change", ["one more", "one less", "renamed", "painted"])
def test_changed_data_is_refused(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    change: str,
) -> None:
    data = make_photos(tmp_path / "bags")
    assert train("run", "--epochs", 1, data=data) == 0
    before = results(tmp_path / "run")
    if change == "one more":
        shutil.copy(data / "000.png", data / "zzz.png")
    elif change == "one less":
        (data / "019.png").unlink()
    elif change == "renamed":
        (data / "003.png").rename(data / "003b.png")
    else:
        Image.new("RGB", (16, 16), "red").save(data / "007.png")
    capsys.readouterr()
    assert resume(tmp_path / "run", "--epochs", 2) == 1
    message = last_line(capsys.readouterr().err)
    assert message.startswith("train: ") and "no longer holds the images" in message
    assert results(tmp_path / "run") == before
    assert Run.open(tmp_path / "run").settings["length"]["epochs"] == 1


@pytest.mark.parametrize(
    ("file", "message"),
    [("state.pt", "can't be resumed from"), ("settings.json", "can't be used")],
)
def test_a_damaged_run_is_a_sentence(
    train: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    file: str,
    message: str,
) -> None:
    assert train("run", "--epochs", 1) == 0
    path = tmp_path / "run" / file
    path.write_bytes(path.read_bytes()[:50])
    assert resume(tmp_path / "run", "--epochs", 2) == 1
    found = last_line(capsys.readouterr().err)
    assert found.startswith("train: ") and f"{file} {message}" in found


# --- Ctrl-C ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_saves_and_says_how_to_go_on(
    train: Callable[..., int],
    tmp_path: Path,
    whole: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    kind: signal.Signals,
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    write = Run.log

    def interrupting(run: Run, training: Any, numbers: dict) -> dict:
        if training.step_count == 2:
            signal.raise_signal(kind)
        return write(run, training, numbers)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "log", interrupting)
        assert train("run", "--epochs", 3) == 130
    out = capsys.readouterr().out
    assert f"Stopped and saved. Go on with: python -m train --resume {tmp_path / 'run'}" in out
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step_count"] == 2
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert resume(tmp_path / "run") == 0
    assert results(tmp_path / "run") == whole


def test_a_second_ctrl_c_does_not_wait() -> None:
    with start_or_resume.interruptions() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_at_a_shell(photos: Path, tmp_path: Path, tiny_recipe: Recipe) -> None:
    program = (
        "import json, sys, torch; torch.set_num_threads(1)\n"
        "from train import recipes\n"
        "from train.__main__ import main\n"
        "recipes.RECIPES['tiny'] = recipes.from_dict(json.loads(sys.argv.pop(1)))\n"
        "sys.exit(main())\n"
    )
    start = ["--data", photos, "--recipe", "tiny", "--out", tmp_path / "run", "--epochs", 10**6]
    command = [sys.executable, "-c", program, json.dumps(tiny_recipe.to_dict()), *start, *ON_CPU]
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "log.jsonl").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert f"Go on with: python -m train --resume {tmp_path / 'run'}" in out
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step_count"] >= 2
    assert checkpoint.read(tmp_path / "run" / "checkpoint").load_generator().image_size == 16
    epochs = state["step_count"] // 2 + 1
    assert resume(tmp_path / "run", "--epochs", epochs) == 0
    assert log(tmp_path / "run")[-1]["epoch"] == epochs


# --- what can't be done ------------------------------------------------------------------------


def test_an_out_that_is_not_empty_is_refused(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train("run", "--epochs", 1) == 0
    before = results(tmp_path / "run")
    assert train("run", "--epochs", 2) == 1
    assert "is not empty. Choose another --out" in last_line(capsys.readouterr().err)
    assert results(tmp_path / "run") == before


def test_images_that_are_not_there_leave_nothing_behind(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    few = make_photos(tmp_path / "few", 3)
    for data in (tmp_path / "nowhere", few):
        assert train("run", data=data) == 1
        message = last_line(capsys.readouterr().err)
        assert message.startswith("train: ") and str(data) in message
        assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there_is_a_sentence(
    train: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train("run", "--device", "toaster") == 1
    assert capsys.readouterr().err.startswith("train: There is no device 'toaster' here.")
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_cannot_be_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert resume(tmp_path) == 1
    assert capsys.readouterr().err.startswith(f"train: There is no run in {tmp_path}")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--recipe", "tiny"],
        ["--data", "x", "--resume", "y"],
        ["--data", "x"],
        ["--data", "x", "--recipe", "tiny"],
        ["--data", "x", "--out", "y"],
        ["--data", "x", "--recipe", "shoes", "--out", "y"],
        *(
            ["--data", "x", "--recipe", "tiny", "--out", "y", option, value]
            for option, values in {
                "--epochs": ("0", "-1", "1.5", "many", "nan"),
                "--batch": ("0", "-8", "x"),
                "--kimg": ("0", "-1", "nan", "inf", "x"),
                "--minutes": ("0", "nan", "inf"),
                "--learning-rate": ("0", "-1", "nan", "inf"),
                "--seed": ("-1", str(2**32), "1.5", "x"),
                "--precision": ("fp16",),
                "--save-minutes": ("0",),
                "--snapshot-epochs": ("0",),
            }.items()
            for value in values
        ),
        ["evaluate"],
        ["evaluate", "x"],
        ["evaluate", "x", "--data", "y", "--seed", "-1"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_status_2(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples_and_every_recipe(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "python -m train --data photos/" in out
    published = set(RECIPES) - {"tiny"}
    assert len(published) == 4 and all(f"\n  {name} " in out for name in published)


# --- lines of numbers --------------------------------------------------------------------------

LINE = {
    "step": 1000,
    "epoch": 10,
    **dict(zip(NUMBERS, (5.87591, 0.09079, 0.94031, 0.02559), strict=True)),
}


@pytest.mark.parametrize(
    ("log_steps", "length", "start"),
    [
        (None, Length(250), "Epoch [10/50]"),
        (None, Length(248), "Epoch [10/50]"),
        (None, Length(2**62, 60), "Epoch [10]"),
        (1000, Length(5000), "Step [1000/5000]"),
    ],
)
def test_a_line_of_numbers_reads_as_in_the_handbag_notebook(
    log_steps: int | None, length: Length, start: str
) -> None:
    training: Any = SimpleNamespace(recipe=SimpleNamespace(log_steps=log_steps), steps_per_epoch=5)
    expected = "loss_g: 5.8759, loss_d: 0.0908, real_score: 0.9403, fake_score: 0.0256"
    assert start_or_resume.describe(LINE, training, length) == f"{start}, {expected}"


def test_a_recipe_of_steps_logs_and_samples_by_steps(
    train: Callable[..., int],
    tmp_path: Path,
    tiny_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    by_steps = replace(tiny_recipe, epochs=None, steps=7, log_steps=3)
    monkeypatch.setitem(RECIPES, "tiny", by_steps)
    assert train("run") == 0
    assert [line["step"] for line in log(tmp_path / "run")] == [3, 6]
    out = capsys.readouterr().out
    assert "Step [3/7], loss_g" in out and "Step [6/7], loss_g" in out
    pictures = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert pictures == ["generated-images-0001.png", "generated-images-0002.png"]
    assert "Done: 56 images shown." in out


# --- evaluate ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature network's file with random weights: numbers without meaning, but repeatable."""
    path = tmp_path_factory.mktemp("weights") / "features.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(timm.create_model("mobilenetv2_100", num_classes=1001).state_dict(), path)
    return path


@pytest.fixture
def measure(
    photos: Path, weights: Path, capsys: pytest.CaptureFixture
) -> Callable[..., list[dict[str, Any]]]:
    """``measure(*folders, options=…)``: the lines that evaluating prints."""

    def measure(*folders: Path, options: tuple = ()) -> list[dict[str, Any]]:
        capsys.readouterr()
        arguments = ["--data", photos, "--feature-weights", weights, *options]
        assert main(["evaluate", *map(str, (*folders, *arguments))]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return measure


def test_evaluate_prints_a_line_for_each_checkpoint(
    checkpoints: Path, make_checkpoint: Any, measure: Callable, tmp_path: Path
) -> None:
    other = make_checkpoint(tmp_path / "other", seed=9).folder
    first, second = measure(checkpoints / "colour", other, options=("--samples", "12"))
    assert [line["checkpoint"] for line in (first, second)] == [
        str(checkpoints / "colour"),
        str(other),
    ]
    assert (first["samples"], first["real_images"], first["seed"]) == (12, 20, 0)
    assert first["features"] == "mobilenetv2_100"
    assert 0 < first["frechet"] != second["frechet"]
    assert first["floor"] == second["floor"]
    assert 0 <= first["precision"] <= 1 and 0 <= first["recall"] <= 1


def test_evaluate_repeats_and_writes_to_the_card_when_asked(
    make_checkpoint: Any, measure: Callable, tmp_path: Path
) -> None:
    folder = make_checkpoint(tmp_path / "bags", description="Überall").folder
    before = (folder / "card.json").read_bytes()
    (line,) = measure(folder)
    assert line["samples"] == 20
    assert (folder / "card.json").read_bytes() == before
    (again,) = measure(folder, options=("--write",))
    assert again == line
    found = checkpoint.read(folder)
    del line["checkpoint"]
    assert found.card["quality"] == line
    assert {k: v for k, v in found.card.items() if k != "quality"} == json.loads(before)
    assert found.load_generator().image_size == 16
    (other,) = measure(folder, options=("--seed", "1"))
    assert other["frechet"] != line["frechet"]


def test_pictures_to_measure_are_drawn_by_their_seed(
    make_generator: Any, tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "BATCH", 4)
    generator = make_generator(tiny_recipe.generator, 3)
    draw = evaluate.drawer(generator)
    latents = torch.randn(10, 8, generator=torch.Generator().manual_seed(6))
    with torch.inference_mode():
        expected = to_uint8(generator(latents), (-1, 1))
    found = draw(10, 6)
    assert found.dtype == torch.uint8 and found.shape == (10, 3, 16, 16)
    assert (found.int() - expected.int()).abs().max() <= 1  # batches may round otherwise
    assert torch.equal(draw(10, 6), found)
    assert not torch.equal(draw(10, 7), found)


def test_what_cannot_be_evaluated_is_a_sentence(
    checkpoints: Path,
    photos: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    (tmp_path / "junk.pt").write_bytes(b"hello")
    shutil.copytree(checkpoints / "colour", tmp_path / "broken")
    (tmp_path / "broken" / "generator.safetensors").write_bytes(b"hello")
    good = {"folder": checkpoints / "colour", "data": photos, "weights": weights, "samples": 8}
    for changes, message in (
        ({"folder": tmp_path}, "no checkpoint in"),
        ({"folder": tmp_path / "broken"}, "not the file its card describes"),
        ({"data": tmp_path / "nowhere"}, "nowhere"),
        ({"weights": tmp_path / "junk.pt"}, "junk.pt is not a readable file of weights"),
        ({"weights": tmp_path / "none.pt"}, "no file of feature weights"),
        ({"samples": 2}, "at least 4 images"),
    ):
        use = {**good, **changes}
        arguments = [use["folder"], "--data", use["data"], "--samples", use["samples"]]
        arguments += ["--feature-weights", use["weights"]]
        assert main(["evaluate", *map(str, arguments)]) == 1
        captured = capsys.readouterr()
        assert captured.err.startswith("train: ") and message in captured.err
        assert captured.out == ""


@pytest.mark.parametrize("option", [["--batch", "8"], ["--seed", "1"], ["--recipe", "tiny"]])
def test_resume_refuses_what_it_would_ignore(option: list[str], tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--resume", str(tmp_path), *option])
    assert stop.value.code == 2
    assert option[0] in capsys.readouterr().err


def test_a_batch_of_one_is_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--data", str(tmp_path), "--recipe", "tiny", "--out", "x", "--batch", "1"])
    assert stop.value.code == 2
    assert "2 or more" in capsys.readouterr().err
