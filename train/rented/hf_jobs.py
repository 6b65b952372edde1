"""Training on rented hardware (Hugging Face Jobs): who may, on what, and how it is begun.

    train.rented.hub_jobs      a job: started, found, looked at, cancelled
    train.rented.sending       what is sent before: photos as small squares, program, settings
    train.rented.packing       the photos as small squares
    train.rented.remote_job    what the rented machine runs
    train.rented.hub_results   what it hands over, and how that comes into a run's folder here
    train.rented.following     the process here that sends, follows and tells

The run's folder here stays the one place to look at. Nothing here imports torch.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from train.rented import hub, hub_jobs
from train.rented.hub import HubError, UnreachableError, in_words
from train.rented.rental import FLAVOR, HOURS, Rented, wish
from train.runs.run import Run, RunError
from train.runs.settings import RENTED

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from train.work.worker import Options

PATIENCE = 3.0  # seconds that a page waits at most to hear whether it may offer this
KNOWN_FOR, UNKNOWN_FOR = 3600.0, 60.0  # seconds that an answer is good for
NOTHING: dict[str, Any] = {"available": False, "user": "", "flavors": []}
# Names and labels where the list can't be had; prices are only told when they are today's.
FLAVORS = {
    "t4-small": "Nvidia T4, 16 GB",
    "l4x1": "Nvidia L4, 24 GB",
    "a10g-small": "Nvidia A10G, 24 GB",
    "l40sx1": "Nvidia L40S, 48 GB",
    "a100-large": "Nvidia A100, 80 GB",
}

_answers: dict[str, tuple[float, dict[str, Any]]] = {}  # by token: good until, answer
_asking: dict[str, threading.Thread] = {}


def available(*, guarded: bool = False) -> dict[str, Any]:
    """Whether runs can be sent: {"available", "user", "flavors": [{"name", "label"}]}.

    Returns within about :data:`PATIENCE`; what takes longer is there at a later call. On a Space
    the token is its owner's, and so is the bill: it needs ``guarded``, which says that only those
    who know a password may train.
    """
    import huggingface_hub
    from huggingface_hub.constants import is_offline_mode

    token = huggingface_hub.get_token()
    on_someones_bill = "SPACE_ID" in os.environ and not guarded
    if not token or is_offline_mode() or on_someones_bill:
        return dict(NOTHING)
    until, answer = _answers.get(token, (0.0, NOTHING))
    if time.monotonic() >= until:
        thread = _asking.get(token)
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=_ask, args=(token,), daemon=True)
            _asking[token] = thread
            thread.start()
        thread.join(PATIENCE)
        answer = _answers.get(token, (0.0, NOTHING))[1]
    return dict(answer)


def _ask(token: str) -> None:
    try:
        api = hub.client()
        with in_words():
            user = str(api.whoami(token=token)["name"])
        answer = {"available": True, "user": user, "flavors": _flavors(api)}
        _answers[token] = (time.monotonic() + KNOWN_FOR, answer)
    except HubError:
        _answers[token] = (time.monotonic() + UNKNOWN_FOR, NOTHING)


def _flavors(api: HfApi) -> list[dict[str, str]]:
    """Machines with one GPU, cheapest first: a training uses one."""
    try:
        with in_words():
            found = [
                each
                for each in api.list_jobs_hardware()
                if each.accelerator and str(each.accelerator.quantity) == "1"
            ]
    except HubError:
        found = []
    if not found:
        return [{"name": name, "label": label} for name, label in FLAVORS.items()]
    found.sort(key=lambda each: each.unit_cost_usd)
    return [{"name": each.name, "label": _label(each)} for each in found]


def _label(machine: Any) -> str:
    gpu = machine.accelerator
    label = f"{gpu.manufacturer} {gpu.model}, {gpu.vram}"
    hourly = {"minute": 60, "hour": 1}.get(machine.unit_label)
    return f"{label}, ${machine.unit_cost_usd * hourly:.2f} an hour" if hourly else label


def is_sent(run: Run) -> bool:
    """Whether a run trains on rented hardware."""
    return bool(wish(run))


def choose(run: Run, flavor: str | None = None, hours: float | None = None) -> None:
    """Have a run train on rented hardware from now on.

    ``hours`` is how long a machine is rented at most. What is None stays as it was.

    Raises:
        HubError: nobody is logged in.
    """
    hub.token()
    before = wish(run)
    rent = {
        "flavor": flavor or before.get("flavor", FLAVOR),
        "hours": hours or before.get("hours", HOURS),
    }
    run.change_settings(where=RENTED, rent=rent)


def start(run: Run, flavor: str, hours: float = HOURS) -> None:
    """Send a run, and follow it in a process of its own; its status tells how it goes.

    Raises:
        UserError: nobody is logged in, or the run is being trained or followed already.
    """
    if run.is_alive:
        raise RunError(f"{run.title} is being trained already.")
    choose(run, flavor, hours)
    run.start_process(())


def cancel(run: Run) -> bool:
    """End the run's job at once; whether there was one that may have been running.

    Whoever follows it sees it end. Done before a run is deleted that nobody follows.

    Raises:
        HubError: Hugging Face can't be asked, or refuses.
    """
    rented = Rented.of(run)
    with at_once():
        api = hub.client()
        if not is_going(api, run, rented):
            return False
        hub_jobs.cancel(api, rented)
    return True


def delete_there(run: Run) -> list[str]:
    """Delete the run's two repositories; returns their names. What is here stays.

    Raises:
        UserError: a job may still need them, or Hugging Face can't be asked, or refuses.
    """
    rented = Rented.of(run)
    names = [name for name in (rented.data, rented.result) if name]
    with at_once():
        api = hub.client()
        if run.is_alive or is_going(api, run, rented):
            raise RunError(f"{run.title} is still being trained; cancel it first.")
        for name in names:
            kind = "dataset" if name == rented.data else "model"
            with in_words():
                api.delete_repo(name, repo_type=kind, missing_ok=True)
    Rented().save(run)
    return names


def is_going(api: HfApi, run: Run, rented: Rented) -> bool:
    """Whether the run's job waits or runs.

    Raises:
        HubError: Hugging Face can't be asked.
    """
    if not rented.is_open or not hub_jobs.find(api, run, rented):
        return False
    return hub_jobs.stage(api, rented)[0] not in hub_jobs.OVER


@contextmanager
def at_once() -> Iterator[None]:
    """What would be tried again later is not, here: somebody waits for the answer."""
    try:
        yield
    except UnreachableError as error:
        raise HubError(f"{error}; try again later.") from error


def check(asked: Options) -> None:
    """Raises RunError when somebody asked for what is not to be had on rented hardware."""
    if asked.device != "auto" or asked.snapshot_epochs or asked.feature_weights:
        raise RunError(
            "--device, --snapshot-epochs and --feature-weights are for trainings on this computer."
        )


def from_shell(run: Run, flavor: str | None, how: Options) -> int:
    """What ``python -m train … --on hf-jobs`` does: send, follow and tell; the exit status."""
    from train.rented.shell import follow

    choose(run, flavor)
    asked = {"precision": how.precision, "save_minutes": how.save_minutes}
    options = {**run.settings.options, **asked}
    run.change_settings(options=options, length=how.length or run.settings.length)
    return follow(run)
