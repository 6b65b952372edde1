"""``python -m train sheet``: unselected designs, drawn as the studio draws them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio import checkpoint
from studio.design import from_seed
from studio.render import Renderer
from train.__main__ import main

GAP = 2


@pytest.fixture
def copied(styled_checkpoints: Path, tmp_path: Path) -> Path:
    """The checkpoints ``colour`` and ``styled``, to be written to."""
    return Path(shutil.copytree(styled_checkpoints, tmp_path / "checkpoints"))


def cells(path: Path, side: int, count: int) -> list[np.ndarray]:
    """The pictures of a sheet, of 8 in a row."""
    with Image.open(path) as image:
        pixels = np.asarray(image)
    corners = [divmod(index, 8) for index in range(count)]
    tops = [(GAP + row * (side + GAP), GAP + column * (side + GAP)) for row, column in corners]
    return [pixels[top : top + side, left : left + side] for top, left in tops]


def test_a_sheet_is_the_studios_designs_enlarged(copied: Path, capsys) -> None:
    folder = copied / "colour"
    before = checkpoint.read(folder).card
    assert main(["sheet", str(folder), "--count", "10", "--size", "40"]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "samples" / "unselected.png")
    renderer = Renderer(copied)
    for seed, cell in enumerate(cells(folder / "samples" / "unselected.png", 32, 10)):
        design = renderer.pixels(from_seed("colour", seed, truncation=0.7))
        np.testing.assert_array_equal(cell, design.repeat(2, 0).repeat(2, 1))
    card = checkpoint.read(folder).card
    unselected = {"sheet": "samples/unselected.png", "seeds": 10, "psi": 0.7}
    assert card == {**before, "unselected": unselected}


def test_categories_come_in_turn(copied: Path) -> None:
    roots = ["--checkpoints", str(copied), "--runs", str(copied / "none")]
    assert main(["sheet", "styled", "--count", "7", "--psi", "0.5", "--size", "1", *roots]) == 0
    renderer = Renderer(copied)
    found = cells(copied / "styled" / "samples" / "unselected.png", 16, 7)
    for seed, cell in enumerate(found):
        design = from_seed("styled", seed, truncation=0.5, label=seed % 3)
        np.testing.assert_array_equal(cell, renderer.pixels(design))


def test_a_runs_checkpoint_gets_its_sheet(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = copied / "bags"
    run.mkdir()
    (copied / "colour").rename(run / "checkpoint")
    monkeypatch.chdir(run / "checkpoint")
    assert main(["sheet", ".", "--count", "1"]) == 0
    assert (run / "checkpoint" / "samples" / "unselected.png").is_file()


def test_what_cannot_be_drawn_is_a_sentence(copied: Path, capsys) -> None:
    assert main(["sheet", "bags", "--checkpoints", str(copied), "--runs", "none"]) == 1
    message = capsys.readouterr().err
    assert "no checkpoint in bags" in message and "the studio has colour and styled" in message
    (copied / "colour" / "generator.safetensors").write_bytes(b"hello")
    assert main(["sheet", str(copied / "colour")]) == 1
    assert "not the file its card describes" in capsys.readouterr().err
    for wrong in (("--psi", "2"), ("--psi", "nan"), ("--count", "0"), ("--size", "9999")):
        with pytest.raises(SystemExit):
            main(["sheet", str(copied / "styled"), *wrong])
        assert " is not from " in capsys.readouterr().err
