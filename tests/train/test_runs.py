"""A run's folder: made, opened, looked at, asked, renamed and deleted."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from train.recipes import Recipe
from train.runs.run import SETTINGS, STATUS, Run, RunError
from train.runs.settings import Settings
from train.runs.status import FORMAT, Status

# --- creating and opening ----------------------------------------------------------------------


def test_a_run_opens_with_the_settings_it_was_made_with(
    run: Run, settings: dict[str, Any], tiny_recipe: Recipe
) -> None:
    assert {path.name for path in run.folder.iterdir()} == {SETTINGS, "samples"}
    again = Run.open(run.folder)
    assert abs(again.settings.created_at - time.time()) < 60
    written = again.settings.to_dict()
    assert {name: written[name] for name in settings} == json.loads(json.dumps(settings))
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


@pytest.mark.parametrize(
    ("part", "value"),
    [("recipe", []), ("data", None), ("length", 5), ("card", "x"), ("leave_out", "x")],
)
def test_settings_of_the_wrong_kind_are_refused(
    run: Run, settings: dict[str, Any], part: str, value: Any
) -> None:
    (run.folder / SETTINGS).write_text(json.dumps({**settings, part: value}))
    with pytest.raises(RunError, match=rf"its {part} is not of the right kind"):
        Run.open(run.folder)


def test_settings_from_before_they_had_a_format_are_read(
    run: Run, settings: dict[str, Any]
) -> None:
    (run.folder / SETTINGS).write_text(json.dumps({**settings, "live": True, "odd": [1]}))
    found = Run.open(run.folder)
    assert found.settings.live and found.settings.fit == "crop" and found.where == "here"
    found.change_settings(seed=6)
    written = json.loads((run.folder / SETTINGS).read_text())
    assert (written["format"], written["seed"], written["live"]) == (2, 6, True)
    assert written["odd"] == [1]  # nobody here knows what it means, and it stays
    assert Run.open(run.folder).settings == found.settings


@pytest.mark.parametrize("format", [3, 99])
def test_settings_of_a_later_version_are_refused_and_left_alone(
    run: Run, settings: dict[str, Any], format: int
) -> None:
    path = run.folder / SETTINGS
    path.write_text(json.dumps({**settings, "format": format}))
    before = path.read_bytes()
    with pytest.raises(RunError, match="was made by a later version of this program"):
        Run.open(run.folder)
    with pytest.raises(RunError, match="later version"):
        run.change_settings(seed=6)
    assert path.read_bytes() == before


def test_settings_that_nobody_knows_are_no_change(run: Run) -> None:
    before = (run.folder / SETTINGS).read_bytes()
    with pytest.raises(TypeError, match="sed"):
        run.change_settings(sed=6)
    assert (run.folder / SETTINGS).read_bytes() == before
    assert isinstance(run.settings, Settings)


def test_where_there_is_no_run_none_is_opened(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match=r"no run in .*settings\.json"):
            Run.open(folder)


# --- what a run says of itself -------------------------------------------------------------------


def test_a_status_comes_back_as_it_was_written(run: Run) -> None:
    assert run.status() == Status() and run.status().to_dict() == {}
    best = {"distance": 3.5, "images_shown": 40}
    said = Status("training", "T.", notes=("Ä.",), step=0, share=0.0, best=best, devices=())
    run.save_status(said)
    found = run.status()
    assert abs(found.updated_at - time.time()) < 60
    assert replace(found, updated_at=None) == said
    # What a page gets: lists, and nothing that nobody said.
    assert said.to_dict() == {
        **{"state": "training", "sentence": "T.", "notes": ["Ä."], "step": 0, "share": 0.0},
        **{"best": best, "devices": []},
    }
    run.change_status(state="stopped", health=None)
    found = run.status()
    assert replace(found, updated_at=None) == replace(said, state="stopped")
    assert found.to_dict()["health"] is None and "distance" not in found.to_dict()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "5", b"\xff\xfe", f'{{"format": {FORMAT + 1}, "step": 3}}']
)
def test_a_status_that_cannot_be_read_says_nothing(run: Run, text: str | bytes) -> None:
    path = run.folder / STATUS
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert run.status() == Status()


def test_of_a_status_from_before_or_elsewhere_counts_what_is_known(run: Run) -> None:
    said = {"state": "stopped", "step": "7", "share": None, "notes": ["A."], "odd": 1, "seconds": 2}
    (run.folder / STATUS).write_text(json.dumps(said))
    assert run.status() == Status("stopped", notes=("A.",), seconds=2)


# --- a power cut ---------------------------------------------------------------------------------


def test_settings_survive_a_power_cut_and_a_status_need_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "fsync", asked.append)
    run.save_status(Status("training"))
    assert not asked
    run.change_settings(seed=6)
    assert asked
