"""Photos in folders, from the page to a generator that is told categories; and photos without."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from service_parts import ONE_CPU
from styled_recipes import STYLED

from studio import checkpoint
from studio.checkpoint import DISCRIMINATOR, Checkpoint
from train.__main__ import main
from train.page import plan
from train.page.service import Service
from train.recipes import RECIPES, Recipe
from train.runs.run import Run

pytestmark = pytest.mark.usefixtures("quick_export")
CONFIG = {**STYLED["generator"], "classes": 3}
JUDGE = {**STYLED["discriminator"], "classes": 3}
SHORT = {"kimg": 0.1, "precision": "fp32", "device": "auto"}


@pytest.fixture(autouse=True)
def styled(monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe) -> None:
    """A recipe more, "styled", that is told categories.

    What is measured while they train may be rough here.
    """
    monkeypatch.setattr("train.looking.sliced_wasserstein.PATCHES", 512)
    monkeypatch.setattr("train.work.live.PICTURES", 32)
    monkeypatch.setattr("train.work.live.EXAMINED", 32)
    monkeypatch.setitem(RECIPES, "styled", replace(tiny_recipe, name="styled", **STYLED))


@pytest.fixture(scope="module")
def wardrobe(tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]) -> Path:
    """Two folders of photos in one, not to be written to."""
    root = tmp_path_factory.mktemp("sent") / "Wardrobe"
    make_photos(root / "Coats", 12, seed=1)
    make_photos(root / "Dresses", 10, seed=2)
    return root


def send_folder(service: Service, folder: Path) -> str:
    """Send a folder as a browser does, each file under its path with the folder's name."""
    data = service.new_upload()["data"]
    received = []
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        copy = service.root / f"received-{number}"
        shutil.copyfile(path, copy)
        received.append((copy, path.relative_to(folder.parent).as_posix()))
    assert service.add_files(data, received)["refused"] == []
    return data


def send_zip(service: Service, folder: Path) -> str:
    data = service.new_upload()["data"]
    packed = shutil.make_archive(str(service.root / "received"), "zip", folder.parent, folder.name)
    service.add_files(data, [(Path(packed), "Wardrobe.zip")])
    return data


def trained(service: Service, wish: dict) -> Run:
    """A run as wished, trained to its end by the command that the page starts."""
    run = service.root / service.start({"length": "quick", **wish})["id"]
    assert main(["queue", str(run), "cpu"]) == 0
    return Run.open(run)


@pytest.mark.parametrize("send", [send_folder, send_zip])
def test_folders_are_the_categories_of_the_generator(
    service: Service, wardrobe: Path, send: Callable[[Service, Path], str]
) -> None:
    data = send(service, wardrobe)
    found = service.check(data, "styled", "", "auto")
    assert found["categories"] == [["Coats", 12], ["Dresses", 10]]
    texts = [each["text"] for each in found["sentences"]]
    assert any(text.startswith("2 categories found: Coats (12) and Dresses") for text in texts)
    run = trained(service, {"data": data, "advanced": {"recipe": "styled", **SHORT}})
    made = checkpoint.read(run.folder / "checkpoint")
    assert made.classes == ("Coats", "Dresses")
    assert made.load_generator().classes == 2
    assert run.recipe.discriminator["classes"] == 2
    assert service.watch(run.id, -1)["run"]["state"] == "finished"


def test_a_recipe_that_is_told_nothing_says_so(service: Service, wardrobe: Path) -> None:
    found = service.check(send_folder(service, wardrobe), "", "colour", "auto")
    assert any("learnt together, as one" in each["text"] for each in found["sentences"])


def test_photos_without_folders_train_the_same_recipe(service: Service, data: str) -> None:
    assert service.check(data, "styled", "", "auto")["categories"] == []
    run = trained(service, {"data": data, "advanced": {"recipe": "styled", **SHORT}})
    made = checkpoint.read(run.folder / "checkpoint")
    assert made.classes == () and made.load_generator().classes == 0


@pytest.mark.parametrize("recipe", ["", "styled", "handbags-dcgan"])
def test_other_categories_can_start_from_a_generator_with_some(
    tmp_path: Path,
    wardrobe: Path,
    data: str,
    begun: list,
    make_checkpoint: Callable[..., Checkpoint],
    recipe: str,
) -> None:
    made = make_checkpoint(
        tmp_path / "checkpoints" / "three", CONFIG, discriminator=JUDGE, recipe="styled"
    )
    made.folder.joinpath(DISCRIMINATOR).unlink()
    service = Service(tmp_path / "runs", tmp_path / "checkpoints", machine=ONE_CPU)
    (offered,) = service.home()["starts"]
    assert offered["name"] == "three" and offered["conditional"]
    picked = {"recipe": recipe} if recipe else {}
    wish = {"start_from": "three", "advanced": {**SHORT, **picked, "batch": 8}}
    for photos, classes in ((send_folder(service, wardrobe), 2), (data, 0)):
        run = trained(service, {**wish, "data": photos})
        assert run.recipe.generator["classes"] == run.recipe.discriminator["classes"] == classes


def test_networks_of_before_are_not_told_categories(service: Service, wardrobe: Path) -> None:
    data = send_folder(service, wardrobe)
    advanced = {"recipe": "styled", **SHORT, "batch": 8}
    run = trained(service, {"data": data, "start_from": "colour", "advanced": advanced})
    assert run.recipe.generator["kind"] == "dcgan" and not run.recipe.conditional


# --- defaults ------------------------------------------------------------------------------------


def test_what_a_recipe_says_is_the_default(
    service: Service, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe
) -> None:
    own = replace(tiny_recipe, name="own", augment="cutout", freeze=1, augment_target=0.6)
    monkeypatch.setitem(RECIPES, "own", own)
    for images in (100, 100_000):
        values = service.defaults("own", "", images)
        assert (values["augment"], values["freeze"]) == ("cutout", 1)
    assert service.defaults("own", "colour", 100)["freeze"] == plan.EARLY_LAYERS
    chosen = plan.make_plan({"recipe": "own"}, None, 100_000, "good", ONE_CPU).recipe
    assert chosen == own
    changed = plan.make_plan({"recipe": "own", "augment": ""}, None, 100, "good", ONE_CPU).recipe
    assert changed == replace(own, augment="")


@pytest.mark.parametrize(("own", "trained_on"), [(2e-3, 5e-4), (2e-4, 2e-4)])
def test_a_trained_generator_learns_more_slowly(
    tmp_path: Path,
    make_checkpoint: Callable[..., Checkpoint],
    monkeypatch: pytest.MonkeyPatch,
    own: float,
    trained_on: float,
) -> None:
    monkeypatch.setitem(RECIPES, "styled", replace(RECIPES["styled"], learning_rate=own))
    seen = make_checkpoint(tmp_path / "seen", CONFIG, discriminator=JUDGE, recipe="styled")
    assert plan.defaults("styled", None, 100)["learning_rate"] == own
    assert plan.defaults("styled", seen, 100)["learning_rate"] == trained_on
    assert plan.make_plan({}, seen, 100, "good", ONE_CPU).recipe.learning_rate == trained_on


def test_layers_that_have_seen_nothing_are_not_frozen(
    tmp_path: Path, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    seen = make_checkpoint(tmp_path / "seen", CONFIG, discriminator=JUDGE, recipe="styled")
    assert plan.defaults("", seen, 100)["freeze"] == plan.EARLY_LAYERS
    (seen.folder / DISCRIMINATOR).unlink()
    assert plan.defaults("", seen, 100)["freeze"] == 0
