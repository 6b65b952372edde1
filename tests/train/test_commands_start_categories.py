"""``python -m train`` on photos in folders: a conditional recipe is told them as categories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import ON_CPU, resume
from styled_recipes import STYLED

from studio import checkpoint
from studio.checkpoint import Checkpoint
from train.__main__ import main
from train.recipes import RECIPES, Recipe
from train.runs.run import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe) -> Callable[..., Run]:
    """``run(photos, *options)``: a run of the tiny recipe with a style-based generator."""
    monkeypatch.setitem(RECIPES, "styled", replace(tiny_recipe, name="styled", **STYLED))

    def run(photos: Path, *options: str) -> Run:
        folder = tmp_path / "run"
        start = ["--data", str(photos), "--recipe", "styled", "--out", str(folder), *ON_CPU]
        assert main([*start, *options]) == 0
        return Run.open(folder)

    return run


@pytest.fixture
def wardrobe(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    for seed, kind in enumerate(("Coats", "Dresses", "Skirts")):
        make_photos(tmp_path / "wardrobe" / kind, 8, seed=seed)
    return tmp_path / "wardrobe"


def test_folders_are_categories_also_when_it_goes_on(
    run: Callable[..., Run], wardrobe: Path
) -> None:
    made = run(wardrobe, "--epochs", "1")
    assert resume(made.folder, "--epochs", "2") == 0
    found = checkpoint.read(made.folder / "checkpoint")
    assert found.classes == ("Coats", "Dresses", "Skirts")
    assert found.card["data"]["images"] == 24 and found.load_generator().classes == 3


def test_photos_without_folders_have_none(run: Callable[..., Run], photos: Path) -> None:
    assert checkpoint.read(run(photos).folder / "checkpoint").classes == ()


def test_networks_that_cannot_be_told_are_not(
    run: Callable[..., Run],
    wardrobe: Path,
    tmp_path: Path,
    make_checkpoint: Callable[..., Checkpoint],
) -> None:
    start = make_checkpoint(tmp_path / "before").folder
    made = run(wardrobe, "--start-from", str(start))
    assert made.recipe.generator["kind"] == "dcgan" and not made.recipe.conditional
