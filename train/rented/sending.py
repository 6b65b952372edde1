"""Sending a run to rented hardware: two private repositories, the photos, the program, a job."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from train.rented import hub, hub_jobs
from train.rented.hub import HubError, UnreachableError, in_words
from train.rented.hub_results import Outbox
from train.rented.rental import Rented, repository_name, wish
from train.runs.run import HOME, REQUESTS, SETTINGS, START, STATE, Run, RunError
from train.runs.settings import HERE, Settings

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

# What train.rented.hub_jobs.IMAGE holds already.
IN_IMAGE = {"torch", "torchvision"}
# What a page or a test needs besides, or who reads photos that are not squares yet.
NOT_NEEDED = {
    *("gradio", "pillow-heif", "spaces"),
    *("pytest", "pytest-xdist", "playwright", "packaging", "hypothesis"),
}
SOURCE, PHOTOS, REQUIREMENTS = "source", "photos.zip", "requirements.txt"
DOWNLOAD = (
    "import os; from huggingface_hub import HfApi; "
    f"HfApi().snapshot_download(os.environ['{hub_jobs.DATA}'], repo_type='dataset', local_dir='.')"
)
SENT_OPTIONS = ("precision", "save_minutes")

Step = Callable[[str], None]
"""Told in a sentence what is done next; it raises to give up."""


def command() -> list[str]:
    """What the job runs: one line, as the service has been seen to join several."""
    # Quoted with ' for the shell: no requirement has one.
    needs = " ".join(f"'{each}'" for each in requirements())
    return [
        "bash",
        "-c",
        f'cd "$(mktemp -d)" && python -m pip install --quiet {needs} && '
        f'python -c "{DOWNLOAD}" && cd {SOURCE} && exec python -m train.rented.remote_job',
    ]


def requirements() -> list[str]:
    """What training needs, as requirements.txt has it, and the image doesn't hold."""
    file = HOME / REQUIREMENTS
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else installed()
    found = [line.split("#")[0].strip() for line in lines]
    names = [re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in found]
    unwanted = IN_IMAGE | NOT_NEEDED | {""}
    return [line for line, name in zip(found, names, strict=True) if name not in unwanted]


def installed() -> list[str]:
    """What an installed package says that it needs, where no clone is there to read it in."""
    return [each for each in metadata.requires("atelier") or () if "extra ==" not in each]


def send(api: HfApi, run: Run, rented: Rented, step: Step) -> None:
    """Bring a run's data to Hugging Face if it isn't there, and start a job; safe to repeat.

    Raises:
        HubError: Hugging Face won't; :class:`train.rented.hub.UnreachableError` if it may later.
        UserError: the photos can't be used.
    """
    flavor = wish(run)["flavor"]
    hub.token()
    check_flavor(api, flavor)
    if not rented.result:
        with in_words():
            rented.user = str(api.whoami()["name"])
        rented.result = f"{rented.user}/{repository_name(run)}"
        rented.data = rented.result + "-data"
    make_repositories(api, rented)
    rented.save(run)
    # What was learned here, or was handed over and deleted there.
    if (run.folder / STATE).exists() and STATE not in files(api, rented.result, "model"):
        step("Sending what was learned so far.")
        Outbox(api, rented.result, run.folder, "").push(last=True)
    upload(api, run, rented, step)
    step(f"Asking for a rented machine ({flavor}).")
    rented.attempt, rented.job, rented.url = token_hex(8), "", ""
    rented.save(run)
    try:
        hub_jobs.submit(api, run, rented, command())
    except UnreachableError:
        raise  # it may have been started all the same
    except HubError:
        rented.ended = rented.attempt
        rented.save(run)
        raise


def check_flavor(api: HfApi, flavor: str) -> None:
    """Raises HubError when there is no such machine to be rented."""
    with in_words():
        names = [each.name for each in api.list_jobs_hardware()]
    if names and flavor not in names:
        raise HubError(
            f"Hugging Face has no machine called {flavor!r}. There are: {', '.join(names)}."
        )


def make_repositories(api: HfApi, rented: Rented) -> None:
    """Make the two private repositories, or see that they still are private.

    Raises:
        HubError: one of them can be seen by everybody.
    """
    for name, kind in ((rented.data, "dataset"), (rented.result, "model")):
        with in_words():
            api.create_repo(name, repo_type=kind, private=True, exist_ok=True)
            if not api.repo_info(name, repo_type=kind).private:
                raise HubError(
                    f"{name} can be seen by everybody, so nothing is sent there. Make it private, "
                    "then resume."
                )


def upload(api: HfApi, run: Run, rented: Rented, step: Step) -> None:
    """Commit photos, program and settings to the data repository, and drop what was asked."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    for left in run.folder.glob(".sending-*"):  # by a kill
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".sending-", dir=run.folder) as place, in_words():
        adds: list[CommitOperationAdd] = []
        there = files(api, rented.data, "dataset")
        packed = str(run.settings.data_digest)
        if rented.packed != packed or PHOTOS not in there:
            step("Preparing the photos.")
            photos = Path(place, PHOTOS)
            prepare_photos(run, photos, step)
            packed = str(Run.open(run.folder).settings.data_digest)
            step(f"Sending the photos ({photos.stat().st_size / 2**20:,.1f} MB).")
            adds.append(CommitOperationAdd(PHOTOS, str(photos)))
        settings = json.dumps(settings_to_send(Run.open(run.folder)).to_dict(), indent=2).encode()
        adds.append(CommitOperationAdd(SETTINGS, settings))
        adds += [CommitOperationAdd(name, str(path)) for name, path in program()]
        if (run.folder / START).is_dir():
            for path in sorted((run.folder / START).iterdir()):
                adds.append(CommitOperationAdd(f"{START}/{path.name}", str(path)))
        sent = {each.path_in_repo for each in adds}
        gone = [n for n in there if n.startswith((f"{SOURCE}/", f"{REQUESTS}/")) and n not in sent]
        api.create_commit(
            rented.data,
            [*adds, *(CommitOperationDelete(name) for name in gone)],
            commit_message="What the training needs",
            repo_type="dataset",
        )
    rented.packed = packed
    rented.save(run)


def files(api: HfApi, repository: str, kind: str) -> set[str]:
    """The names of all files in a repository."""
    with in_words():
        tree = api.list_repo_tree(repository, recursive=True, repo_type=kind)
        return {each.path for each in tree if hasattr(each, "blob_id")}


def prepare_photos(run: Run, path: Path, step: Step) -> None:
    """Have :mod:`train.rented.packing` write the photos to ``path``.

    Raises:
        RunError: they can't be used.
    """
    places = str(run.folder.absolute()), str(path.absolute())
    arguments = [sys.executable, "-m", "train.rented.packing", *places]
    with subprocess.Popen(
        arguments,
        cwd=HOME,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for this process alone
    ) as process:
        try:
            while process.poll() is None:
                step("Preparing the photos.")
                time.sleep(0.2)
        except BaseException:
            process.kill()
            raise
        said = (process.stdout.read() if process.stdout else "").strip()
    if process.returncode:
        raise RunError(said.splitlines()[-1] if said else "The photos could not be prepared.")


def settings_to_send(run: Run) -> Settings:
    """A run's settings without what is this computer's business."""
    options = run.settings.options
    return replace(
        run.settings,
        options={name: value for name, value in options.items() if name in SENT_OPTIONS},
        device="auto",
        where=HERE,
        rent={},
        # The photos are squares by now, and what was to be left out is.
        data=PHOTOS,
        fit="crop",
        leave_out=(),
        # That they arrive as they were sent is seen to by the service, which compares their hash.
        data_digest=None,
    )


def program() -> Iterator[tuple[str, Path]]:
    """The files of this project that training needs, with their names over there."""
    if (HOME / REQUIREMENTS).is_file():
        yield f"{SOURCE}/{REQUIREMENTS}", HOME / REQUIREMENTS
    for package in ("studio", "train"):
        for path in sorted((HOME / package).rglob("*.py")):
            name = path.relative_to(HOME).as_posix()
            if not name.startswith("studio/ui/"):
                yield f"{SOURCE}/{name}", path
