"""What is sent to rented hardware: two private repositories, small squares, a program, a job."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub_stand_in import TOKEN, StandIn
from image_files import encode, fill, idx_bytes, random_image
from rented_runs import RENTED, Following, follow, log_in, make_run, pack_here, until

from studio.errors import UserError
from train.recipes import RECIPES, Recipe
from train.rented import packing, sending
from train.rented.following import GivenUpError
from train.rented.hub import HubError
from train.rented.rental import Rented, repository_name
from train.runs.run import HOME, Run, RunError
from train.runs.settings import Settings
from train.work.dataset import digest, load


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[StandIn]:
    """Jobs that wait for a machine for ever."""
    pack_here(monkeypatch)
    api = log_in(monkeypatch, tmp_path / "hub")
    api.jobs_run = False
    return api


@pytest.fixture
def run(tmp_path: Path, photos: Path, tiny_recipe: Recipe) -> Run:
    return make_run(tmp_path / "My Bags", photos, tiny_recipe, leave_out=["003.png"], **RENTED)


def settings_on(photos: Path, recipe: str) -> Settings:
    return Settings(RECIPES[recipe].to_dict(), str(photos), None, seed=0, length={}, card={})


def test_two_private_repositories_hold_small_squares_and_nothing_of_this_machine(
    api: type[StandIn], run: Run, tmp_path: Path, photos: Path
) -> None:
    following = Following(run)
    until(lambda: "Waiting for a rented machine (a10g-small)." in following.told)
    run.ask("stop")  # nothing trains yet, so the job itself is ended
    assert following.result() == "stopped"
    (job,) = api.jobs()
    assert (job / "stage").read_text() == "CANCELED"
    rented = Rented.of(run)
    assert rented.data == f"ada/{repository_name(run)}-data"
    files = api.files(rented.data, "dataset")
    assert {"photos.zip", "settings.json", "source/train/work/worker.py"} <= set(files)
    assert not [each for each in files if "/ui/" in each or "tests" in each]
    for path, content in files.items():
        assert str(tmp_path).encode() not in content, path
        assert str(photos).encode() not in content, path
    settings = json.loads(files["settings.json"])
    assert settings["leave_out"] == [] and settings["card"]["data"]["images"] == 19
    for kind, name in (("dataset", rented.data), ("model", rented.result)):
        assert api().repo_info(name, repo_type=kind).private is True


def test_the_job_gets_the_token_as_a_secret_and_nowhere_else(
    api: type[StandIn], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict = {}

    def run_job(self: StandIn, **said: object) -> None:
        sent.update(said)
        self._answer(402, "run_job")

    monkeypatch.setattr(api, "run_job", run_job)
    with pytest.raises(HubError):
        follow(run)
    assert sent.pop("secrets") == {"HF_TOKEN": TOKEN}
    assert TOKEN not in str(sent)
    assert sent["flavor"] == "a10g-small" and sent["timeout"] == 7200
    assert "\n" not in sent["command"][-1]


def test_folders_are_categories_there_too(
    tmp_path: Path, photos: Path, tiny_recipe: Recipe
) -> None:
    content = [path.read_bytes() for path in sorted(photos.iterdir())]
    names = [f"sent/{'abc'[n % 3]}/{n:03d}.png" for n in range(len(content))]
    folder = fill(tmp_path / "photos", dict(zip(names, content, strict=True)))
    run = make_run(tmp_path / "run", folder, replace(tiny_recipe, conditional=True), **RENTED)
    packing.pack(run, tmp_path / "photos.zip")
    here = load(run.settings, quiet=True)
    there = load(replace(run.settings, data=str(tmp_path / "photos.zip")), quiet=True)
    assert there.label_names == here.label_names == ("a", "b", "c")
    assert there.labels.tolist() == here.labels.tolist()


def test_captions_go_along(tmp_path: Path, photos: Path, tiny_recipe: Recipe) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "captioned"))
    names = sorted(path.name for path in photos.iterdir())
    colours = ("blue", "red")
    rows = [f'{name},"a red, round bag",{colours[n % 2]}' for n, name in enumerate(names)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text,colour", *rows[:-1]]))
    worded = {**tiny_recipe.generator, "words": 256}
    run = make_run(tmp_path / "run", folder, replace(tiny_recipe, generator=worded), **RENTED)
    packing.pack(run, tmp_path / "photos.zip")
    here = load(run.settings, quiet=True)
    there = load(replace(run.settings, data=str(tmp_path / "photos.zip")), quiet=True)
    assert len(here) == len(names) - 1 and digest(there) == digest(here)
    assert there.captions.texts == here.captions.texts
    assert there.captions.values() == here.captions.values() == ["blue", "red"]


def test_categories_in_a_file_of_their_own_are_not_lost_in_silence(
    tmp_path: Path, tiny_recipe: Recipe
) -> None:
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20, dtype=np.uint8) % 2
    names = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    files = {name: idx_bytes(each) for name, each in zip(names, (images, labels), strict=True)}
    folder = fill(tmp_path / "idx", files)
    recipe = replace(tiny_recipe, conditional=True)
    run = make_run(tmp_path / "run", folder, recipe, **RENTED)
    with pytest.raises(RunError, match="The categories of"):
        packing.pack(run, tmp_path / "photos.zip")
    plain = make_run(tmp_path / "plain", folder, tiny_recipe, **RENTED)
    packing.pack(plain, tmp_path / "photos.zip")
    assert (tmp_path / "photos.zip").exists()


def test_the_program_that_is_sent_needs_only_what_is_installed_there() -> None:
    # How packages are imported where that is not what they are called.
    modules = {"pillow": "PIL", "scikit-learn": "sklearn"}
    names = [each.partition(">")[0] for each in sending.requirements()]
    there = {modules.get(name, name) for name in names} | sending.IN_IMAGE | {"studio", "train"}
    there |= OPTIONAL
    for name, path in sending.program():
        if path.suffix == ".py":
            missing = imported(path) - there - sys.stdlib_module_names
            assert not missing, name


# Imported only where they are found: one is a Space's, one reads photos, which are squares by then,
# and one measures what was trained.
OPTIONAL = {"spaces", "pillow_heif", "torch_fidelity"}


def imported(path: Path) -> set[str]:
    """The packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_whoever_follows_weighs_little() -> None:
    code = "import sys, train.commands.follow; print('torch' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=HOME, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


def test_what_is_installed_there_is_what_training_needs() -> None:
    names = {each.partition(">")[0] for each in sending.requirements()}
    assert {"numpy", "pillow", "safetensors", "huggingface_hub", "psutil", "timm"} <= names
    assert not names & {"torch", "torchvision", "gradio", "pytest", "playwright"}
    assert not [each for each in sending.requirements() if "'" in each]


@pytest.mark.parametrize("name", ["handbags-dcgan", "fashion-mnist-mlp"])
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_small_squares_train_the_same_as_the_photos(tmp_path: Path, name: str, fit: str) -> None:
    sizes = [(90, 70), (20, 31), (64, 64), (300, 40)]
    files = {
        f"all/{'ab'[n % 2]}/Tasche {n}é.jpg": encode(random_image(n, *sizes[n % 4]), "JPEG")
        for n in range(20)
    }
    source = fill(tmp_path / "photos", files)
    settings = settings_on(source, name)
    left_out = ("all/a/Tasche 4é.jpg",)
    data = load(replace(settings, fit=fit, leave_out=left_out), quiet=True)
    packing.write(data, tmp_path / "photos.zip")
    again = load(replace(settings, data=str(tmp_path / "photos.zip")), quiet=True)
    assert len(again) == 19 and not again.skipped
    assert digest(again) == digest(data)
    assert (again.images == data.images).all()
    assert again.names == data.names and again.label_names == data.label_names


def test_photos_that_changed_since_are_not_sent(run: Run, tmp_path: Path) -> None:
    run.change_settings(data_digest="0" * 64)
    with pytest.raises(RunError, match="no longer holds the images"):
        packing.pack(run, tmp_path / "photos.zip")


def test_photos_that_cannot_be_used_are_told_of_in_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run.change_settings(data=str(tmp_path / "nowhere"))
    monkeypatch.setattr(sys, "argv", ["packing", str(run.folder), str(tmp_path / "photos.zip")])
    assert packing.main() == 1
    said = capsys.readouterr().out
    assert said.startswith("There is no file or folder at") and said.count("\n") == 1

    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho Reading\necho '{said.strip()}'\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(UserError) as raised:
        sending.prepare_photos(run, tmp_path / "photos.zip", lambda sentence: None)
    assert str(raised.value) == said.strip()


def test_preparing_the_photos_can_be_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    begin = time.monotonic()

    def give_up(sentence: str) -> None:
        raise GivenUpError

    with pytest.raises(GivenUpError):
        sending.prepare_photos(run, tmp_path / "photos.zip", give_up)
    assert time.monotonic() - begin < 30


def test_a_repository_that_everybody_can_see_gets_no_photos(api: type[StandIn], run: Run) -> None:
    name = f"ada/{repository_name(run)}-data"
    api().create_repo(name, repo_type="dataset", private=False)
    with pytest.raises(HubError, match=r"can be seen by everybody.*Make it private"):
        follow(run)
    assert api.files(name, "dataset") == {}
    assert run.status().state == "failed"


def test_runs_of_the_same_name_get_repositories_of_their_own(
    tmp_path: Path, photos: Path, tiny_recipe: Recipe
) -> None:
    runs = [make_run(tmp_path / n / "My  Bags!", photos, tiny_recipe, **RENTED) for n in "ab"]
    names = {repository_name(each) for each in runs}
    assert len(names) == 2
    assert all(name.startswith("atelier-my-bags-") for name in names)
    long = make_run(tmp_path / ("ü" + "x" * 200), photos, tiny_recipe)
    assert len(repository_name(long)) < 90


def test_a_run_that_was_begun_here_goes_on_there(
    api: type[StandIn], run: Run, make_file: Callable[..., None]
) -> None:
    make_file(run.folder / "state.pt", b"what it learned")
    make_file(run.folder / "log.jsonl", b'{"step": 1}\n')
    following = Following(run)
    until(api.jobs)
    run.ask("stop")
    following.result()
    files = api.files(Rented.of(run).result)
    assert files["state.pt"] == b"what it learned" and "log.jsonl" in files


def test_what_was_deleted_there_is_sent_again(
    api: type[StandIn], run: Run, make_file: Callable[..., None]
) -> None:
    following = Following(run)
    before = until(lambda: Rented.of(run).job)
    run.ask("stop")
    following.result()
    rented = Rented.of(run)
    make_file(run.folder / "state.pt", b"what it learned")
    api().delete_repo(rented.data, repo_type="dataset")
    api().delete_repo(rented.result)
    following = Following(run)
    until(lambda: Rented.of(run).job not in ("", before))
    run.ask("stop")
    assert following.result() == "stopped"
    assert "photos.zip" in api.files(rented.data, "dataset")
    assert api.files(rented.result)["state.pt"] == b"what it learned"


@pytest.fixture
def make_file() -> Callable[..., None]:
    def make(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return make


def test_the_zip_of_photos_is_the_same_each_time(tmp_path: Path, photos: Path) -> None:
    data = load(settings_on(photos, "handbags-dcgan"), quiet=True)
    for name in ("one.zip", "two.zip"):
        packing.write(data, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert zipfile.ZipFile(tmp_path / "one.zip").testzip() is None
