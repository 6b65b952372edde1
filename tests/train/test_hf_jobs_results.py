"""What comes back from rented hardware: everything, whole, and nothing else."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hub_stand_in import StandIn
from huggingface_hub import CommitOperationAdd
from image_files import fill
from rented_runs import commit, log_in

from studio.checkpoint import CARD, DISCRIMINATOR, ENCODER, HASHES, PREVIEW
from train.rented import hub_results
from train.rented.hub import HubError
from train.rented.hub_results import FETCHED, Inbox, Outbox

RESULT = "ada/result"
SETTINGS_THERE = {
    **{"recipe": {"batch": 4}, "data": "/secret/place", "data_digest": None},
    **{"seed": 5, "length": {}, "card": {}},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[StandIn]:
    api = log_in(monkeypatch, tmp_path / "hub")
    api().create_repo(RESULT, private=True)
    return api


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A run's folder on the rented machine."""
    files = {
        "status.json": b'{"state": "training", "sentence": "T.", "step": 3, "saved_step": 2}',
        "settings.json": json.dumps(SETTINGS_THERE).encode(),
        "log.jsonl": b'{"step": 1}\n',
        "samples/generated-images-00000001.png": b"one",
        "state.pt": b"learned",
        "checkpoint/card.json": b'{"title": "Bags"}',
        "checkpoint/generator.safetensors": b"weights",
        "checkpoint/directions.json": b"{}",
        "checkpoint/generator.onnx": b"for browsers",
        "output.txt": b"stays there",
        "requests/stop": b"",
        ".reserve": b"x",
    }
    return fill(tmp_path / "there", files)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def contents(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != FETCHED]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


# --- there and back -----------------------------------------------------------------------------


def test_results_come_back_as_they_were_written(
    api: type[StandIn], there: Path, here: Path
) -> None:
    assert Outbox(api(), RESULT, there, "first").push()
    status = Inbox(api(), RESULT, here).fetch(with_state=False)
    expected = contents(there)
    for stays in ("output.txt", "requests/stop", ".reserve", "settings.json"):
        del expected[stays]
    del expected["state.pt"], expected["status.json"]
    assert contents(here) == expected
    assert (status["step"], status["attempt"]) == (3, "first")
    assert status["changed"] == {"recipe": {"batch": 4}, "rate_lowered": False}
    Inbox(api(), RESULT, here).fetch(with_state=True)
    assert (here / "state.pt").read_bytes() == b"learned"


def test_only_what_changed_is_sent_and_fetched(api: type[StandIn], there: Path, here: Path) -> None:
    outbox, inbox = Outbox(api(), RESULT, there, ""), Inbox(api(), RESULT, here)
    outbox.push()
    inbox.fetch(with_state=True)
    assert not outbox.push()
    api.calls.clear()
    inbox.fetch(with_state=False)
    assert api.calls == ["repo_info"]
    fill(there, {"log.jsonl": b'{"step": 1}\n{"step": 2}\n'})
    assert outbox.push()
    api.fetched.clear()
    Inbox(api(), RESULT, here).fetch(with_state=False)  # as another process would
    assert sorted(api.fetched) == ["log.jsonl", "status.json"]
    assert (here / "log.jsonl").read_bytes() == (there / "log.jsonl").read_bytes()


def test_the_large_state_is_sent_less_often_and_then_counts_as_saved(
    api: type[StandIn], there: Path
) -> None:
    outbox = Outbox(api(), RESULT, there, "", state_seconds=1000)
    outbox.push()
    fill(there, {"state.pt": b"learned more", "status.json": b'{"saved_step": 9}'})
    assert outbox.push()
    files = api.files(RESULT)
    assert files["state.pt"] == b"learned"
    assert json.loads(files["status.json"])["saved_step"] == 2
    assert outbox.push(with_state=True)
    assert api.files(RESULT)["state.pt"] == b"learned more"
    fill(there, {"status.json": b'{"saved_step": 9, "step": 10}'})
    outbox.push()
    assert json.loads(api.files(RESULT)["status.json"])["saved_step"] == 9


def test_a_state_that_was_never_sent_does_not_count_as_saved(
    api: type[StandIn], there: Path
) -> None:
    outbox = Outbox(api(), RESULT, there, "", state_seconds=1000)
    outbox._state_at = time.monotonic()
    outbox.push()
    assert "state.pt" not in api.files(RESULT)
    assert json.loads(api.files(RESULT)["status.json"])["saved_step"] is None


def test_samples_of_steps_gone_back_from_vanish_here_too(
    api: type[StandIn], there: Path, here: Path
) -> None:
    fill(there, {"samples/generated-images-00000002.png": b"two"})
    outbox, inbox = Outbox(api(), RESULT, there, ""), Inbox(api(), RESULT, here)
    outbox.push()
    inbox.fetch(with_state=False)
    fill(here, {"samples/generated-images-00000009.png": b"not from there"})
    (there / "samples/generated-images-00000002.png").unlink()
    outbox.push()
    inbox.fetch(with_state=False)
    assert sorted(os.listdir(here / "samples")) == [
        "generated-images-00000001.png",
        "generated-images-00000009.png",
    ]


def test_a_new_checkpoint_replaces_the_old_one_as_a_whole(
    api: type[StandIn], there: Path, here: Path
) -> None:
    outbox, inbox = Outbox(api(), RESULT, there, ""), Inbox(api(), RESULT, here)
    outbox.push()
    inbox.fetch(with_state=False)
    for name in ("directions.json", "generator.onnx"):  # those were of other weights
        (there / "checkpoint" / name).unlink()
    fill(there, {"checkpoint/generator.safetensors": b"better weights"})
    outbox.push()
    inbox.fetch(with_state=False)
    assert sorted(os.listdir(here / "checkpoint")) == ["card.json", "generator.safetensors"]
    assert (here / "checkpoint/generator.safetensors").read_bytes() == b"better weights"


def test_a_checkpoint_that_is_just_being_replaced_is_not_taken_for_gone(
    api: type[StandIn], there: Path
) -> None:
    outbox = Outbox(api(), RESULT, there, "")
    outbox.push()
    (there / "checkpoint").rename(there / ".checkpoint-old")
    fill(there, {"log.jsonl": b""})
    outbox.push()
    assert "checkpoint/generator.safetensors" in api.files(RESULT)


def test_the_end_is_told_of_last_and_with_everything(api: type[StandIn], there: Path) -> None:
    outbox = Outbox(api(), RESULT, there, "", state_seconds=1000)
    outbox.push()
    ended = b'{"state": "stopped", "sentence": "Stopped.", "saved_step": 9}'
    fill(there, {"state.pt": b"learned all", "status.json": ended})
    outbox.push()
    early = json.loads(api.files(RESULT)["status.json"])
    assert (early["state"], early["saved_step"]) == ("finishing", 2)
    outbox.push(last=True)
    files = api.files(RESULT)
    status = json.loads(files["status.json"])
    assert (status["state"], status["saved_step"]) == ("stopped", 9)
    assert files["state.pt"] == b"learned all"


def test_a_push_that_failed_is_made_up_for_by_the_next(api: type[StandIn], there: Path) -> None:
    outbox = Outbox(api(), RESULT, there, "")
    api.failures["create_commit"] = ["offline"]
    with pytest.raises(HubError):
        outbox.push()
    assert outbox.push()
    assert {"state.pt", "log.jsonl", "status.json"} <= set(api.files(RESULT))


def test_what_a_kill_left_behind_goes_away(api: type[StandIn], there: Path, here: Path) -> None:
    fill(here, {".fetching-abc/state.pt": b"half"})
    Outbox(api(), RESULT, there, "").push()
    Inbox(api(), RESULT, here).fetch(with_state=False)
    assert not list(here.glob(".fetching*"))


# --- what is not taken --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../escape.txt",
        "samples/../../escape.txt",
        "samples/generated-images-00000001.png/../../x",
        "/etc/passwd",
        "checkpoint/../settings.json",
        "settings.json",
        "rented.json",
        "output.txt",
        "lock",
        "requests/stop",
        "state.pt\n",
        "checkpoint/model.pkl",
        "samples/generated-images-1.png",
        "best/sub/card.json",
        "STATE.PT",
    ],
)
def test_no_other_name_is_ever_fetched(
    api: type[StandIn], here: Path, tmp_path: Path, name: str
) -> None:
    add = CommitOperationAdd("placeholder", b"evil")
    add.path_in_repo = name  # which the client itself would not send
    api().create_commit(RESULT, [add], commit_message="Step 1")
    before = contents(tmp_path / "hub" / "models")
    Inbox(api(), RESULT, here).fetch(with_state=True)
    assert contents(here) == {}
    assert api.fetched == []
    assert contents(tmp_path / "hub" / "models") == before


def test_a_file_too_large_to_be_one_is_refused(
    api: type[StandIn], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(api, RESULT, {"status.json": b" " * (hub_results.MB + 1)})
    with pytest.raises(HubError, match=r"status\.json of an impossible size"):
        Inbox(api(), RESULT, here).fetch(with_state=False)
    commit(api, RESULT, {"status.json": b"{}", "log.jsonl": b"{}"})
    monkeypatch.setattr(hub_results, "MOST_FILES", 1)
    with pytest.raises(HubError, match="more than a training ever writes"):
        Inbox(api(), RESULT, here).fetch(with_state=False)
    assert contents(here) == {}


def test_a_file_that_arrives_otherwise_than_listed_is_refused(
    api: type[StandIn], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(api, RESULT, {"log.jsonl": b"short"})

    def download(self: StandIn, repo_id: str, **how: Any) -> None:
        Path(how["local_dir"], "log.jsonl").write_bytes(b"something much longer")

    monkeypatch.setattr(api, "snapshot_download", download)
    with pytest.raises(HubError, match=r"log\.jsonl did not arrive as"):
        Inbox(api(), RESULT, here).fetch(with_state=False)
    assert contents(here) == {}


@pytest.mark.parametrize(
    "status",
    [b"", b"[]", b"{", b"null", b"\xff", b'{"state": "evil", "sentence": "x"}', b'{"state": 1}',
     b'{"state": "finished"}', b'{"state": "finished", "sentence": ["x"]}'],
    ids=repr,
)  # fmt: skip
def test_a_status_that_is_none_counts_for_nothing(
    api: type[StandIn], here: Path, status: bytes
) -> None:
    commit(api, RESULT, {"status.json": status})
    assert Inbox(api(), RESULT, here).fetch(with_state=False) == {}


@pytest.mark.parametrize("part", [*HASHES, ENCODER, DISCRIMINATOR, CARD, PREVIEW])
def test_every_part_of_a_checkpoint_is_handed_over(part: str) -> None:
    for folder in hub_results.FOLDERS:
        assert hub_results.limit(f"{folder}/{part}")
