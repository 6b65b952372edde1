"""A run's folder: made, opened, looked at, asked, renamed and deleted."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from train.recipes import Recipe
from train.runs.run import SETTINGS, Run, RunError

# --- creating and opening ----------------------------------------------------------------------


def test_a_run_opens_with_the_settings_it_was_made_with(
    run: Run, settings: dict[str, Any], tiny_recipe: Recipe
) -> None:
    assert {path.name for path in run.folder.iterdir()} == {SETTINGS, "samples"}
    again = Run.open(run.folder)
    created = again.settings.pop("created_at")
    assert abs(created - time.time()) < 60
    assert again.settings == json.loads(json.dumps(settings))
    assert again.recipe == run.recipe == tiny_recipe
    assert "Taschen – bags" in (run.folder / SETTINGS).read_text(encoding="utf-8")


def test_an_empty_or_new_folder_will_do(tmp_path: Path, settings: dict[str, Any]) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "some" / "where" / "new"):
        Run.create(folder, settings)
        assert (folder / SETTINGS).is_file()


def test_a_folder_in_use_is_refused_and_left_alone(
    run: Run, tmp_path: Path, settings: dict[str, Any]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ".hidden").write_text("precious")
    (tmp_path / "file").write_text("precious")
    before = (run.folder / SETTINGS).read_bytes()
    for folder in (run.folder, tmp_path / "mine", tmp_path / "file"):
        with pytest.raises(RunError, match=r"not empty.*--out.*--resume"):
            Run.create(folder, {**settings, "seed": 6})
    assert (run.folder / SETTINGS).read_bytes() == before
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [".hidden"]
    assert (tmp_path / "file").read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunError, match="can't be made"):
        Run.create(tmp_path / "file" / "run", settings)


@pytest.mark.parametrize("error", [OSError("disk full"), RunError("damaged"), KeyboardInterrupt()])
def test_what_a_run_begins_with_is_there_or_there_is_no_run(
    tmp_path: Path, settings: dict[str, Any], error: BaseException
) -> None:
    def fill(folder: Path) -> None:
        (folder / "start").mkdir()
        (folder / "start" / "half").touch()
        assert not (folder / SETTINGS).exists()
        raise error

    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else RunError):
            Run.create(tmp_path / name, settings, fill)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert not list((tmp_path / "empty").iterdir())


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "5", "{}", '{"recipe": null}', '{"recipe": {}}', b"\xff\xfe"],
    ids=repr,
)
def test_damaged_settings_are_refused(run: Run, text: str | bytes) -> None:
    path = run.folder / SETTINGS
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunError, match=r"settings\.json can't be used"):
        Run.open(run.folder)


@pytest.mark.parametrize("part", ["recipe", "data", "data_digest", "seed", "length", "card"])
def test_settings_that_lack_a_part_are_refused(
    run: Run, settings: dict[str, Any], part: str
) -> None:
    del settings[part]
    (run.folder / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(RunError, match=part):
        Run.open(run.folder)


def test_where_there_is_no_run_none_is_opened(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match=r"no run in .*settings\.json"):
            Run.open(folder)


# --- a power cut ---------------------------------------------------------------------------------


def test_settings_survive_a_power_cut_and_a_status_need_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "fsync", asked.append)
    run.save_status({"state": "training"})
    assert not asked
    run.change_settings(seed=6)
    assert asked
