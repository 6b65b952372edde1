"""A run on rented hardware from end to end, with jobs that run on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import results
from hub_stand_in import TOKEN, StandIn, site_code
from rented_runs import PACE, RENTED, Following, follow, jobs_in_threads, log_in, make_run, until

from train.recipes import Recipe
from train.rented.rental import Rented
from train.runs.finding import locked
from train.runs.run import HOME, Run
from train.work.worker import Options, work

FOLLOW = f"""
import sys
from train.rented import following
from train.rented import hub_jobs
from train.commands.follow import main
following.POLL_SECONDS, hub_jobs.UPLOAD_SECONDS = {PACE}, {PACE}
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[StandIn]:
    api = log_in(monkeypatch, tmp_path / "hub")
    yield api
    for job in api.jobs():
        api.kill(job)


def trained_here(folder: Path, photos: Path, recipe: Recipe, epochs: int) -> Run:
    run = make_run(folder, photos, replace(recipe, epochs=epochs))
    with locked(run):
        assert work(run, Options(device="cpu", precision="fp32")) == "finished"
    return run


def results_of(run: Run) -> dict:
    found = results(run.folder)
    del found["card"]["training"]["device"]
    return found


def test_it_learns_there_what_it_would_here_and_goes_on_in_another_job(
    api: type[StandIn],
    tmp_path: Path,
    photos: Path,
    tiny_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = trained_here(tmp_path / "here", photos, tiny_recipe, 2)
    run = make_run(tmp_path / "there", photos, tiny_recipe, **RENTED)
    told: list[str] = []
    assert follow(run, told) == "finished", told
    assert results_of(run) == results_of(here)
    status = run.status()
    assert (status.state, status.sentence, status.share) == ("finished", "Finished.", 1.0)
    assert status.images_shown == 32
    written = json.loads((run.folder / "status.json").read_text())
    assert "attempt" not in written and "changed" not in written
    assert Run.open(run.folder).settings.data_digest == here.settings.data_digest

    # A new job goes on from what the first one handed over, not from what is here.
    jobs_in_threads(monkeypatch, api)
    (run.folder / "state.pt").unlink()
    longer = Run.open(run.folder)
    longer.change_settings(recipe={**longer.settings.recipe, "epochs": 4})
    assert follow(longer) == "finished"
    assert results_of(run) == results_of(trained_here(tmp_path / "four", photos, tiny_recipe, 4))
    first, _ = api.jobs()
    assert json.loads((first / "sent.json").read_text())["timeout"] == 7200
    # The photos were sent once; what was asked of pip is what training needs.
    assert "Preparing the photos." in told
    assert "safetensors" in (first / "home" / "pip").read_text()
    no_trace_of_the_token(api, run)


def no_trace_of_the_token(api: type[StandIn], run: Run) -> None:
    for folder in (run.folder, api.root):
        for path in folder.rglob("*"):
            if path.is_file():
                assert TOKEN.encode() not in path.read_bytes(), path


def test_killing_whoever_follows_loses_nothing_and_stop_reaches_the_machine(
    api: type[StandIn], tmp_path: Path, photos: Path, tiny_recipe: Recipe
) -> None:
    endless = replace(tiny_recipe, epochs=None, steps=10**8, log_steps=200)
    run = make_run(tmp_path / "run", photos, endless, **RENTED)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(site_code(api.root))
    process = subprocess.Popen(
        [sys.executable, "-c", FOLLOW, str(run.folder)],
        cwd=HOME,
        env={"PYTHONPATH": str(site), "HF_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: run.frames() and run.status().step)
    finally:
        process.kill()
        process.wait()
    (job,) = api.jobs()
    assert run.state()[0] == "interrupted"
    assert not (job / "code").exists(), "the job ended with its follower"

    before = run.status().step
    following = Following(run)
    until(lambda: run.status().step > before and run.is_alive)
    frames = len(run.frames())
    run.ask("sample")
    run.ask("stop")
    assert following.result() == "stopped"
    assert api.jobs() == [job]
    assert run.status().sentence == "Stopped and saved. Resume to go on where it was."
    assert len(run.frames()) > frames
    assert run.status().saved_step == run.status().step
    for name in ("state.pt", "curves.jsonl", "log.jsonl", "checkpoint/generator.safetensors"):
        assert (run.folder / name).stat().st_size, name
    assert not Rented.of(run).is_open
    assert not list(run.folder.glob(".fetching*")) and not list(run.folder.glob(".sending*"))
