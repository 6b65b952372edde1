"""What goes wrong with rented hardware: one clear sentence each, and nothing is lost."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from hub_stand_in import TOKEN, StandIn
from rented_runs import (
    RENTED,
    Following,
    follow,
    jobs_in_threads,
    log_in,
    make_run,
    pack_here,
    until,
)

from train.recipes import Recipe
from train.rented import hub_results
from train.rented.hub import HubError, UnreachableError, explain
from train.rented.remote_job import OUT_OF_TIME, Job
from train.rented.rental import Rented
from train.runs.run import Run


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


def sent(api: type[StandIn], run: Run) -> tuple[Following, Path]:
    """A run that is followed, and its job."""
    watching = Following(run)
    (job,) = until(api.jobs)
    until(lambda: Rented.of(run).job)
    return watching, job


# --- before there is a job ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "sentence"),
    [
        ("*", 401, "Hugging Face does not accept the token. Log in again with `hf auth login`."),
        ("run_job", 402, "no credit left for rented machines. Add some under Billing"),
        ("create_repo", 403, "needs to be allowed to write repositories and to run jobs."),
        ("run_job", 400, "Hugging Face refuses this: run_job answered 400."),
    ],
)
def test_a_refusal_is_one_sentence_and_nothing_runs(
    api: type[StandIn], run: Run, method: str, status: int, sentence: str
) -> None:
    api.failures[method] = [status]
    with pytest.raises(HubError) as raised:
        follow(run)
    said = run.status()
    assert said.state == "failed" and said.sentence == str(raised.value)
    assert sentence in said.sentence and TOKEN not in said.sentence
    assert not Rented.of(run).is_open and api.jobs() == []


def test_after_a_refusal_the_photos_are_not_sent_again(api: type[StandIn], run: Run) -> None:
    api.failures["run_job"] = [402]
    with pytest.raises(HubError):
        follow(run)
    run = Run.open(run.folder)
    run.change_settings(data="gone")
    watching, _ = sent(api, run)
    run.ask("stop")
    assert watching.result() == "stopped"


def test_an_unknown_machine_is_told_of_with_those_there_are(api: type[StandIn], run: Run) -> None:
    run.change_settings(rent={"flavor": "warp-drive"})
    with pytest.raises(HubError, match=r"no machine called 'warp-drive'\. There are: cpu-basic, "):
        follow(run)
    assert not (api.root / "datasets").exists()


def test_without_a_token_nothing_is_sent(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(HubError, match="Log in with `hf auth login`, or set HF_TOKEN"):
        follow(run)


def test_without_a_connection_it_is_tried_until_there_is_one(api: type[StandIn], run: Run) -> None:
    api.failures["list_jobs_hardware"] = ["offline", 503]
    api.failures["create_commit"] = [429, "offline"]
    watching, _ = sent(api, run)
    until(lambda: "Waiting for a rented machine (a10g-small)." in watching.told)
    said = [each for each in watching.told if "trying again" in each]
    assert said == [
        "No connection to Hugging Face; trying again in 0 seconds.",
        "Hugging Face is out of order at the moment (503); trying again in 0 seconds.",
        "Hugging Face asks for a pause at the moment (429); trying again in 0 seconds.",
        "No connection to Hugging Face; trying again in 0 seconds.",
    ]
    run.ask("stop")
    assert watching.result() == "stopped"


def test_without_a_connection_one_can_give_up(api: type[StandIn], run: Run) -> None:
    api.failures["*"] = ["offline"] * 10**6
    watching = Following(run)
    until(lambda: run.status().sentence.startswith("No connection"))
    run.ask("stop")
    assert watching.result() == "stopped"
    assert run.status().sentence == "Stopped before it was sent."


def test_a_job_that_was_started_though_nobody_heard_so_is_not_started_twice(
    api: type[StandIn], run: Run
) -> None:
    api.failures["run_job's answer"] = ["offline"]
    watching, job = sent(api, run)
    until(lambda: "Waiting for a rented machine (a10g-small)." in watching.told)
    assert api.jobs() == [job] and Rented.of(run).job == job.name
    run.ask("stop")
    assert watching.result() == "stopped"


# --- over there ---------------------------------------------------------------------------------


def test_a_training_that_fails_there_says_why_here(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.jobs_run = True
    jobs_in_threads(monkeypatch, api)
    monkeypatch.setattr("train.rented.sending.prepare_photos", lambda run, path, step: path.touch())
    assert follow(run) == "failed"
    assert run.status().sentence.startswith("The zip ")
    assert "is broken or incomplete" in run.status().sentence


def test_the_machine_is_given_back_in_time_and_says_so(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe
) -> None:
    api.jobs_run = True
    jobs_in_threads(monkeypatch, api)
    endless = {**run.settings.recipe, "epochs": None, "steps": 10**8}
    run.change_settings(rent={**run.settings.rent, "hours": 2 / 3600}, recipe=endless)
    assert follow(run) == "stopped"
    assert run.status().sentence == OUT_OF_TIME.format(2 / 3600)
    assert (run.folder / "state.pt").exists() and not Rented.of(run).is_open


def test_training_ends_well_before_the_machine_is_taken_away() -> None:
    for hours, rest in ((12, 600), (0.1, 180)):
        job = Job("d", "r", "a", hours * 3600, 60, 600)
        assert job.seconds - job.training_seconds == rest


def test_a_hand_over_that_fails_for_a_while_is_made_up_for(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.jobs_run = True
    jobs_in_threads(monkeypatch, api)
    push = hub_results.Outbox.push
    refused = iter([True] * 3)

    def sometimes(self: hub_results.Outbox, **how: bool) -> bool:
        if next(refused, False):
            raise UnreachableError("No connection")
        return push(self, **how)

    monkeypatch.setattr(hub_results.Outbox, "push", sometimes)
    assert follow(run) == "finished"
    assert (run.folder / "checkpoint" / "generator.safetensors").exists()


# --- words --------------------------------------------------------------------------------------


def test_whatever_the_client_raises_becomes_a_sentence() -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    lost = LocalEntryNotFoundError("not here")
    lost.__cause__ = TimeoutError()
    assert isinstance(explain(lost), UnreachableError)
    assert isinstance(explain(ConnectionResetError()), UnreachableError)
    assert isinstance(explain(RuntimeError("CAS service error\nlong")), UnreachableError)
    assert "CAS service error)" in str(explain(RuntimeError("CAS service error\nlong")))
    assert "HF_HUB_OFFLINE" in str(explain(OfflineModeIsEnabled("offline")))
    assert "no room left" in str(explain(OSError(errno.ENOSPC, "full")))
    for error in (OSError(errno.ENOSPC, "full"), OSError("odd"), ValueError("odd")):
        assert not isinstance(explain(error), UnreachableError)
        assert str(explain(error)).endswith(".")
