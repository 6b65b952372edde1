"""What the command line can't do: an exit status, a sentence, and nothing left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from command_line import last_line, results, resume
from safetensors.torch import save_file

from studio.checkpoint import DISCRIMINATOR, GENERATOR, Checkpoint
from train import commands
from train.__main__ import main
from train.recipes.modern import MODERN
from train.recipes.published import PUBLISHED
from train.runs.run import Run

pytestmark = pytest.mark.usefixtures("tiny")


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


@pytest.mark.parametrize("out", ["run", "deep/run", "../link/run", "."])
def test_an_out_among_the_images_is_refused_at_once(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    out: str,
) -> None:
    data = make_photos(tmp_path / "photos")
    (tmp_path / "link").symlink_to(data)
    before = sorted(data.rglob("*"))
    assert train(f"photos/{out}", data=data) == 1
    said = capsys.readouterr()
    assert "would be taken for images to learn from" in last_line(said.err)
    assert not said.out and sorted(data.rglob("*")) == before


def test_images_in_the_runs_folder_are_refused_at_once(
    train: Callable[..., int],
    make_photos: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    data = make_photos(tmp_path / "run" / "photos")
    assert train("run", data=data) == 1
    assert "can't be the run's folder as well" in last_line(capsys.readouterr().err)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["photos"]


@pytest.mark.parametrize("damage", ["cut", "changed", "judge cut", "judge of another", "words"])
def test_a_start_that_cannot_be_used_leaves_nothing_behind(
    train: Callable[..., int],
    make_colourist: Callable[..., Checkpoint],
    captioned: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    damage: str,
) -> None:
    start = make_colourist(tmp_path / "start").folder
    if damage == "words":
        (start / "words.json").write_text("{")
    elif damage == "judge of another":
        save_file({"mapping.layers.0.weight": torch.zeros(2)}, start / DISCRIMINATOR)
    elif damage == "changed":
        save_file({"layers.0.weight": torch.zeros(2)}, start / GENERATOR)
    else:
        path = start / (GENERATOR if damage == "cut" else DISCRIMINATOR)
        path.write_bytes(path.read_bytes()[:100])
    assert train("run", "--start-from", start, data=captioned) == 1
    assert last_line(capsys.readouterr().err).startswith("train: ")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()  # what was there before stays
    assert train("run", "--start-from", start, data=captioned) == 1
    assert not list((tmp_path / "run").iterdir())


def test_a_run_does_not_begin_without_the_weights_it_is_to_start_from(
    train: Callable[..., int],
    make_colourist: Callable[..., Checkpoint],
    captioned: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    start = make_colourist(tmp_path / "start").folder
    assert train("run", "--start-from", start, "--epochs", 1, data=captioned) == 0
    shutil.rmtree(tmp_path / "run" / "start")
    assert resume(tmp_path / "run", "--epochs", 2) == 0  # what was learnt is there
    (tmp_path / "run" / "state.pt").unlink()
    assert resume(tmp_path / "run") == 1
    message = last_line(capsys.readouterr().err)
    assert "is to start from start, but the copy of its weights" in message
    assert Run.open(tmp_path / "run").state()[0] == "failed"


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


def test_help_lists_every_command(capsys: pytest.CaptureFixture) -> None:
    files = {path.stem for path in Path(commands.__file__).parent.glob("[a-z]*.py")}
    assert files - {"beginning", "derived", "options"} == {*commands.COMMANDS, commands.DEFAULT}
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in commands.COMMANDS)
    assert all(about in out for about in commands.COMMANDS.values())
    assert max(map(len, commands.listed().splitlines())) <= 80


def test_help_shows_examples_and_every_recipe(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "python -m train --data photos/" in out
    assert all(f"\n  {recipe.name} " in out for recipe in (*PUBLISHED, *MODERN))


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
