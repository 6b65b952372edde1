"""Resumed after an end, a crash or Ctrl-C, a run equals one that was never interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import ON_CPU, last_line, log, results, resume
from PIL import Image

from studio import checkpoint
from studio.checkpoint import Checkpoint
from train.__main__ import main
from train.devices import hardware
from train.recipes import RECIPES, Recipe
from train.runs.interruption import interruptions
from train.runs.run import Run
from train.work.recorder import Recorder

ROOT = Path(__file__).resolve().parents[2]


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

    def crash(recorder: Recorder, training: Any) -> None:
        if training.step_count == 4:  # its line and its samples have been written
            raise Crash
        if training.step_count == 3:
            save(recorder, training)

    save = Recorder.save_state
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Recorder, "save_state", crash)
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


@pytest.mark.parametrize("zipped", [False, True])
def test_photos_that_moved_can_be_named(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    whole: dict[str, Any],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    zipped: bool,
) -> None:
    folder = tmp_path / "run"
    data = make_photos(tmp_path / "bags")
    assert train("run", "--epochs", 2, data=data) == 0
    if zipped:
        shutil.make_archive(str(tmp_path / "moved"), "zip", data)
        shutil.rmtree(data)
    else:
        data.rename(tmp_path / "moved")
    assert resume(folder, "--epochs", 3) == 1
    message = last_line(capsys.readouterr().err)
    assert f"no longer at {data}" in message and "--resume RUN --data PLACE" in message
    monkeypatch.chdir(tmp_path)
    moved = "moved.zip" if zipped else "moved"
    assert resume(folder, "--epochs", 3, "--data", moved) == 0
    assert results(folder) == whole
    assert Run.open(folder).settings.data == str(tmp_path / moved)
    assert resume(folder) == 0


def test_other_photos_are_not_taken_for_those_that_moved(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    photos: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    assert train("run", "--epochs", 1) == 0
    before = results(tmp_path / "run")
    others = make_photos(tmp_path / "others", seed=9)
    assert resume(tmp_path / "run", "--epochs", 2, "--data", others) == 1
    assert "no longer holds the images" in last_line(capsys.readouterr().err)
    assert Run.open(tmp_path / "run").settings.data == str(photos)
    assert resume(tmp_path / "run", "--data", tmp_path) == 1
    assert "would be taken for images" in last_line(capsys.readouterr().err)
    assert results(tmp_path / "run") == before


def test_captions_move_with_the_photos(
    train: Callable[..., int],
    make_colourist: Callable[..., Checkpoint],
    captioned: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    start = make_colourist(tmp_path / "start").folder
    assert train("run", "--start-from", start, "--epochs", 1, data=captioned) == 0
    moved = captioned.rename(tmp_path / "moved")
    again = [tmp_path / "run", "--epochs", 2, "--data", moved]
    assert resume(*again) == 0
    table = moved / "metadata.csv"
    table.write_text(table.read_text().replace("blue", "green"))
    assert resume(*again) == 1
    assert "no longer holds the images" in last_line(capsys.readouterr().err)


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
    assert Run.open(tmp_path / "run").settings.length["epochs"] == 1


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


# --- how it is worked on -----------------------------------------------------------------------


def precision_of(folder: Path) -> str:
    return checkpoint.read(folder / "checkpoint").card["training"]["precision"]


@pytest.mark.parametrize("began", ["fp32", "bf16", None])
def test_a_run_keeps_the_precision_it_began_with(
    train: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, began: str | None
) -> None:
    folder = tmp_path / "run"
    asked = ["--precision", began or "auto"]
    monkeypatch.setattr(hardware, "has_fast_bf16", lambda device: True)
    assert train("run", "--epochs", 1, *asked) == 0
    wanted = began or "bf16"
    assert precision_of(folder) == wanted
    # On another machine, where a new run would be computed otherwise.
    monkeypatch.setattr(hardware, "has_fast_bf16", lambda device: wanted == "fp32")
    assert main(["--resume", str(folder), "--epochs", "2", "--save-minutes", "2"]) == 0
    assert precision_of(folder) == wanted and not Run.open(folder).status().notes
    kept = {"precision": wanted, "save_minutes": 2.0}
    settings = Run.open(folder).settings
    assert settings.options == kept and settings.device == "cpu"


def test_another_precision_is_kept_from_then_on_and_noted(
    train: Callable[..., int], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert train("run", "--epochs", 1) == 0
    assert main(["--resume", str(folder), "--epochs", "2", "--precision", "bf16"]) == 0
    (note,) = Run.open(folder).status().notes
    assert "bf16 instead of fp32" in note
    assert main(["--resume", str(folder), "--epochs", "3"]) == 0
    assert precision_of(folder) == "bf16" and len(Run.open(folder).status().notes) == 1


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
    write = Recorder.add_line

    def interrupting(recorder: Recorder, name: str, training: Any, numbers: dict) -> dict:
        if training.step_count == 2:
            signal.raise_signal(kind)
        return write(recorder, name, training, numbers)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "add_line", interrupting)
        assert train("run", "--epochs", 3) == 130
    out = capsys.readouterr().out
    assert f"Stopped and saved. Go on with: python -m train --resume {tmp_path / 'run'}" in out
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step_count"] == 2
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert resume(tmp_path / "run") == 0
    assert results(tmp_path / "run") == whole


def test_a_second_ctrl_c_does_not_wait() -> None:
    with interruptions() as interrupted:
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
