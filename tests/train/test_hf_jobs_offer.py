"""Rented hardware as a page and a shell offer it; and the stand-in is like the client."""

from __future__ import annotations

import inspect
import json
import time
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from hub_stand_in import StandIn
from rented_runs import RENTED, Following, log_in, make_run, pack_here, until

from studio.errors import UserError
from train.commands import follow
from train.recipes import Recipe
from train.rented import hf_jobs
from train.rented.hub import HubError
from train.rented.rental import Rented
from train.runs.finding import locked
from train.runs.run import Run
from train.work.worker import Options

REAL = huggingface_hub.HfApi


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[StandIn]:
    pack_here(monkeypatch)
    monkeypatch.setattr(hf_jobs, "_answers", {})
    monkeypatch.setattr(hf_jobs, "_asking", {})
    api = log_in(monkeypatch, tmp_path / "hub")
    api.jobs_run = False
    return api


@pytest.fixture
def run(tmp_path: Path, photos: Path, tiny_recipe: Recipe) -> Run:
    return make_run(tmp_path / "run", photos, tiny_recipe, **RENTED)


# --- the stand-in -------------------------------------------------------------------------------

OUR_OWN = ("jobs", "kill", "files")
METHODS = [
    name
    for name, value in inspect.getmembers(StandIn, callable)
    if not name.startswith("_") and name not in OUR_OWN
]


@pytest.mark.parametrize("name", METHODS)
def test_the_stand_in_takes_only_what_the_client_takes(name: str) -> None:
    ours = inspect.signature(getattr(StandIn, name)).parameters
    theirs = inspect.signature(getattr(REAL, name)).parameters
    for each in ours.values():
        assert each.name in theirs, each
        assert (each.kind, each.default) == (theirs[each.name].kind, theirs[each.name].default)
    required = [n for n, p in theirs.items() if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    assert set(required) <= set(ours)


# --- for a page ---------------------------------------------------------------------------------


def test_a_page_hears_who_may_and_what_machines_cost(api: type[StandIn]) -> None:
    assert hf_jobs.available() == {
        "available": True,
        "user": "ada",
        "flavors": [
            {"name": "t4-small", "label": "Nvidia T4, 16 GB, $0.40 an hour"},
            {"name": "a10g-small", "label": "Nvidia A10G, 24 GB, $1.00 an hour"},
        ],
    }
    asked = list(api.calls)
    assert hf_jobs.available()["available"]
    assert api.calls == asked  # the answer is kept


def test_without_the_list_of_machines_those_known_are_offered_without_a_price(
    api: type[StandIn],
) -> None:
    api.failures["list_jobs_hardware"] = [500]
    flavors = hf_jobs.available()["flavors"]
    assert "a10g-small" in [each["name"] for each in flavors]
    assert not [each for each in flavors if "$" in each["label"]]
    assert set(hf_jobs.FLAVORS) <= {each.value for each in huggingface_hub.SpaceHardware}


@pytest.mark.parametrize("why", ["no token", "offline mode", "no connection", "401", "a Space"])
def test_where_it_cannot_be_it_is_not_offered(
    api: type[StandIn], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "no token":
        monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    if why == "offline mode":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    if why == "a Space":
        monkeypatch.setenv("SPACE_ID", "ada/studio")
    api.failures["whoami"] = {"no connection": ["offline"], "401": [401]}.get(why, [])
    assert hf_jobs.available() == {"available": False, "user": "", "flavors": []}


def test_behind_a_password_a_space_may_offer_it(
    api: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_ID", "ada/studio")
    assert hf_jobs.available(guarded=True)["available"]


def test_a_page_never_waits_long_and_hears_later(
    api: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hf_jobs, "PATIENCE", 0.05)
    whoami = api.whoami

    def slow(self: StandIn, **how: object) -> dict:
        time.sleep(0.5)
        return whoami(self)

    monkeypatch.setattr(api, "whoami", slow)
    begin = time.monotonic()
    assert not hf_jobs.available()["available"]
    assert time.monotonic() - begin < 0.4
    until(lambda: hf_jobs.available()["available"])
    assert api.calls.count("whoami") == 1  # though it was asked for again and again


def test_starting_writes_down_what_is_asked_for_and_starts_a_process(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Run] = []
    monkeypatch.setattr(Run, "start_process", lambda self, devices: started.append(self))
    run.change_settings(where="here", rent={})
    assert not hf_jobs.is_sent(run)
    hf_jobs.start(run, "t4-small")
    assert started == [run] and hf_jobs.is_sent(Run.open(run.folder))
    assert run.settings.rent == {"flavor": "t4-small", "hours": 12.0}
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(HubError, match="Log in"):
        hf_jobs.start(run, "t4-small")
    with locked(run), pytest.raises(UserError, match="is being trained already"):
        hf_jobs.start(run, "t4-small")


# --- for a shell --------------------------------------------------------------------------------


def test_ctrl_c_leaves_the_job_running_and_says_what_one_can_do(
    api: type[StandIn],
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(self: object, seconds: float, **how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train.rented.following.Follower.rest", interrupt)
    assert hf_jobs.from_shell(run, "t4-small", Options()) == 130
    (job,) = api.jobs()
    assert not (job / "stage").exists() and Rented.of(run).is_open
    assert json.loads((job / "sent.json").read_text())["flavor"] == "t4-small"
    said = capsys.readouterr().out
    assert f"https://stand-in.test/jobs/ada/{job.name}" in said
    assert f"python -m train follow {run.folder}\n" in said
    assert f"python -m train follow {run.folder} --cancel" in said


def test_ctrl_c_before_there_is_a_job_says_that_nothing_is_rented(
    api: type[StandIn], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.failures["create_repo"] = [KeyboardInterrupt()]
    assert follow.main([str(run.folder)]) == 130
    assert "Nothing is rented yet" in capsys.readouterr().out


def test_the_shell_says_how_it_ended(
    api: type[StandIn], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    following = Following(run)
    until(lambda: Rented.of(run).job)
    with pytest.raises(UserError, match="is being followed already"):
        follow.main([str(run.folder)])
    assert follow.main([str(run.folder), "--cancel"]) == 0
    assert following.result() == "stopped"
    assert follow.main([str(run.folder), "--cancel"]) == 0
    assert capsys.readouterr().out == "Cancelled.\nThere is no job to cancel.\n"


def test_what_a_shell_asked_for_is_kept_for_the_job(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.rented.shell.follow", lambda run: 0)
    how = Options(precision="bf16", save_minutes=2.0, length={"epochs": 7})
    assert hf_jobs.from_shell(run, None, how) == 0
    settings = Run.open(run.folder).settings
    assert settings.options == {"precision": "bf16", "save_minutes": 2.0}
    assert settings.length == {"epochs": 7} and settings.rent["flavor"] == "a10g-small"


@pytest.mark.parametrize(
    "how",
    [{"device": "cuda:1"}, {"snapshot_epochs": 2}, {"feature_weights": "lite0.pt"}],
    ids=lambda how: next(iter(how)),
)
def test_what_is_only_to_be_had_here_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="are for trainings on this computer"):
        hf_jobs.check(Options(**how))


def test_a_run_of_this_computer_has_nothing_to_follow(
    tmp_path: Path, photos: Path, tiny_recipe: Recipe
) -> None:
    run = make_run(tmp_path / "run", photos, tiny_recipe)
    with pytest.raises(UserError, match="trains on this computer"):
        follow.main([str(run.folder)])


def test_without_a_connection_cancelling_says_so_at_once(api: type[StandIn], run: Run) -> None:
    Rented(user="ada", attempt="first", job="1").save(run)
    api.failures["inspect_job"] = ["offline"]
    with pytest.raises(HubError, match=r"^No connection to Hugging Face; try again later\.$"):
        hf_jobs.cancel(run)


def test_both_repositories_can_be_deleted_once_nothing_needs_them(
    api: type[StandIn], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    api.failures["inspect_job"] = [401]
    Following(run).join(30)  # nobody follows, but the job may go on
    rented = Rented.of(run)
    with pytest.raises(UserError, match="still being trained; cancel it first"):
        follow.main([str(run.folder), "--delete-there"])
    assert hf_jobs.cancel(run)
    assert follow.main([str(run.folder), "--delete-there"]) == 0
    assert rented.data in capsys.readouterr().out
    for kind, name in (("dataset", rented.data), ("model", rented.result)):
        with pytest.raises(huggingface_hub.errors.RepositoryNotFoundError):
            api().repo_info(name, repo_type=kind)
    assert Rented.of(run) == Rented() and (run.folder / "settings.json").exists()
