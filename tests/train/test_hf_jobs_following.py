"""Following a job on rented hardware through all that may become of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hub_stand_in import TOKEN, StandIn
from rented_runs import (
    RENTED,
    Following,
    commit,
    follow,
    log_in,
    make_run,
    pack_here,
    status_of,
    until,
)

from train.recipes import Recipe
from train.rented import following, hub_results
from train.rented.following import Follower
from train.rented.hub import HubError
from train.rented.rental import Rented
from train.runs.run import Run
from train.runs.status import Status


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[StandIn]:
    """Jobs that wait for a machine until a test says otherwise."""
    pack_here(monkeypatch)
    api = log_in(monkeypatch, tmp_path / "hub")
    api.jobs_run = False
    return api


@pytest.fixture
def run(tmp_path: Path, photos: Path, tiny_recipe: Recipe) -> Run:
    return make_run(tmp_path / "run", photos, tiny_recipe, **RENTED)


def hand_over(api: type[StandIn], run: Run, **status: Any) -> None:
    """Put a status into the result repository, as the current job would."""
    commit(api, Rented.of(run).result, {"status.json": status_of(run, **status)})


def sent(api: type[StandIn], run: Run) -> tuple[Following, Path]:
    """A run that is followed, and its job."""
    watching = Following(run)
    (job,) = until(api.jobs)
    until(lambda: Rented.of(run).job)
    return watching, job


# --- while there is a job -----------------------------------------------------------------------


def test_a_job_that_breaks_off_is_told_of_with_its_last_words(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    (job / "log").write_text(f"one\ntwo {TOKEN}\nthree\n")
    (job / "stage").write_text("ERROR Job timeout")
    assert watching.result() == "failed"
    assert run.status().sentence == (
        "The rented machine stopped before the training was finished (Job timeout). Nothing was "
        "saved; resume to start anew."
    )
    assert watching.told[-4:-1] == ["one", "two …", "three"]


def test_what_was_saved_before_it_broke_off_is_here(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    commit(api, Rented.of(run).result, {"state.pt": b"learned", "status.json": status_of(run)})
    (job / "stage").write_text("COMPLETED")
    assert watching.result() == "failed"
    assert (run.folder / "state.pt").read_text() == "learned"
    assert run.status().sentence.endswith(
        "(it gave no reason). Resume to go on from the last save."
    )
    assert not Rented.of(run).is_open  # so resuming sends another job


def test_a_job_that_was_cancelled_elsewhere_is_stopped(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    api().cancel_job(job_id=job.name)
    assert watching.result() == "stopped"
    assert "was given back before the training was finished" in run.status().sentence


def test_a_job_that_is_no_longer_known_is_over(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    job.rename(job.with_name("elsewhere"))
    assert watching.result() == "failed"
    assert "(Hugging Face no longer knows the job)" in run.status().sentence


def test_losing_the_connection_while_it_trains_shows_and_goes_by(
    api: type[StandIn], run: Run
) -> None:
    watching, job = sent(api, run)
    (job / "stage").write_text("RUNNING")
    hand_over(api, run, sentence="Training.", step=7)
    until(lambda: run.status().step == 7)
    api.failures["inspect_job"] = ["offline"] * 3
    until(lambda: any(each.startswith("No connection") for each in watching.told))
    assert run.status().state == "training" and run.status().step == 7
    until(lambda: run.status().sentence == "Training.")
    (job / "stage").write_text("CANCELED")
    assert watching.result() == "stopped"


def test_a_token_that_ends_while_it_trains_says_where_the_job_is(
    api: type[StandIn], run: Run
) -> None:
    with pytest.raises(HubError):
        api.failures["inspect_job"] = [None, 401]
        follow(run)
    (job,) = api.jobs()
    assert run.status().sentence.endswith(
        f"The job itself may go on: https://stand-in.test/jobs/ada/{job.name}"
    )
    assert Rented.of(run).is_open  # so resuming follows it again


def test_a_second_stop_ends_a_job_that_does_not_listen(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.0)
    watching, job = sent(api, run)
    (job / "stage").write_text("RUNNING")
    until(lambda: following.GETTING_READY in watching.told)
    run.ask("stop")
    until(lambda: following.ASKED_TO_STOP in watching.told)
    assert (job / "stage").read_text() == "RUNNING"
    run.ask("stop")
    assert watching.result() == "stopped"
    assert (job / "stage").read_text() == "CANCELED"


def test_a_status_of_an_earlier_job_is_not_taken_for_this_one(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    (job / "stage").write_text("RUNNING")
    hand_over(api, run, state="finished", attempt="another")
    fetched = run.folder / hub_results.FETCHED
    until(fetched.exists)
    until(lambda: following.GETTING_READY in watching.told)
    assert watching.is_alive()
    (job / "stage").write_text("ERROR")
    assert watching.result() == "failed"


def test_what_ended_while_nobody_followed_is_gone_on_with(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    api.failures["inspect_job"] = [401]
    watching.join(30)  # it could not follow any longer
    (job / "stage").write_text("ERROR")
    watching = Following(run)
    until(lambda: len(api.jobs()) == 2)
    until(lambda: Rented.of(run).job == api.jobs()[1].name)
    run.ask("stop")
    assert watching.result() == "stopped"


def test_what_finished_while_nobody_followed_is_finished(api: type[StandIn], run: Run) -> None:
    watching, job = sent(api, run)
    api.failures["inspect_job"] = [401]
    watching.join(30)
    hand_over(api, run, state="finished", step=9)
    (job / "stage").write_text("COMPLETED")
    assert follow(run) == "finished"
    assert run.status().step == 9 and api.jobs() == [job]


# --- what changes meanwhile, there and here ------------------------------------------------------


@pytest.fixture
def followed(api: type[StandIn], run: Run) -> Follower:
    """A run with a job that may have handed something over."""
    Rented(user="ada", result="ada/result", attempt="first", job="1").save(run)
    api().create_repo("ada/result", private=True)
    return Follower(run)


@pytest.mark.parametrize(("told", "kept"), [("bf16", "bf16"), ("x", "auto"), ({}, "auto")])
def test_the_precision_found_there_is_kept_for_the_next_job(
    api: type[StandIn], followed: Follower, run: Run, told: Any, kept: str
) -> None:
    run.change_settings(options={"precision": "auto", "save_minutes": 2.0})
    hand_over(api, run, changed={"recipe": run.settings.recipe, "precision": told})
    followed.fetch(with_state=False)
    assert Run.open(run.folder).settings.options == {"precision": kept, "save_minutes": 2.0}


def test_a_rate_lowered_there_is_kept_for_the_next_job(
    api: type[StandIn], followed: Follower, run: Run
) -> None:
    recipe = {**run.settings.recipe, "learning_rate": 5e-4}
    changed = {"recipe": recipe, "rate_lowered": True, "data": "/etc", "seed": 9}
    hand_over(api, run, changed=changed)
    status = followed.fetch(with_state=False)
    assert status == Status("training", "T.")
    settings = Run.open(run.folder).settings
    assert settings.recipe["learning_rate"] == 5e-4 and settings.rate_lowered is True
    assert (settings.data, settings.seed) == (run.settings.data, 5)


@pytest.mark.parametrize(
    "changed",
    [None, 5, "x", {"recipe": None}, {"recipe": {}}, {"recipe": {"name": "x"}}, {"recipe": [1]}],
    ids=repr,
)
def test_a_recipe_that_is_none_changes_nothing(
    api: type[StandIn], followed: Follower, run: Run, changed: Any
) -> None:
    before = (run.folder / "settings.json").read_bytes()
    hand_over(api, run, changed=changed)
    followed.fetch(with_state=False)
    assert (run.folder / "settings.json").read_bytes() == before


def test_a_title_changed_here_meanwhile_stays(
    api: type[StandIn], followed: Follower, run: Run
) -> None:
    Run.open(run.folder).rename("Evening bags")
    card = b'{"title": "Old", "x": 1}'
    commit(api, "ada/result", {"status.json": status_of(run), "checkpoint/card.json": card})
    followed.fetch(with_state=False)
    found = json.loads((run.folder / "checkpoint" / "card.json").read_text())
    assert found == {"title": "Evening bags", "x": 1}
