"""``python -m train match``: a run like any other, whose pictures come nearer to photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from styled_recipes import GARMENTS

from studio import checkpoint
from train.__main__ import main
from train.data import held_out
from train.data.captions import Captions
from train.recipes.starting import recipe_for, shape_of
from train.runs.run import Run
from train.teachers import features, targets

STYLED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 8], "output": "tanh"}
JUDGE = {"kind": "dcgan", "widths": [8], "classes": 3}
PICTURES = 40  # two batches of all twenty photos


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch, quick_export: None) -> None:
    """Smaller views of the pictures, along fewer directions."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)
    monkeypatch.setattr(targets, "TURNS", 2)
    monkeypatch.setattr("train.work.live.PICTURES", 32)
    monkeypatch.setattr("train.work.live.EXAMINED", 32)


@pytest.fixture
def styled(make_garments: Callable[..., Path]) -> Path:
    """A checkpoint of 8 px whose recipe shows photos mirrored too."""
    return make_garments({**STYLED, "kind": "style", "classes": 3}, JUDGE, recipe="deepfashion")


@pytest.fixture
def garments(photos: Path, tmp_path: Path) -> Path:
    """The twenty photos in folders of two of the categories, most of them coats."""
    for at, photo in enumerate(sorted(photos.iterdir())):
        folder = tmp_path / "garments" / GARMENTS[at % 4 == 0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.read_bytes())
    return tmp_path / "garments"


@pytest.fixture
def match(lite0: Path) -> Callable[..., int]:
    """``match(name, data, out, *more)`` runs the command."""

    def match(name: Path, data: Path, out: Path, *more: object) -> int:
        known = ["--data", data, "--out", out, "--feature-weights", lite0, "--device", "cpu"]
        return main(["match", *map(str, (name, *known, "--pictures", PICTURES, *more))])

    return match


def test_it_is_a_run_and_another_can_go_on_from_it(
    styled: Path, garments: Path, tmp_path: Path, match: Callable[..., int]
) -> None:
    before, out = checkpoint.read(styled), tmp_path / "nearer"
    assert match(styled, garments, out) == 0
    run = Run.open(out)
    assert run.status().state == "finished" and run.frames()
    assert {"feature_distance", "critic_real"} <= run.lines("log.jsonl")[-1].keys()
    assert not list(out.glob("statistics-*"))  # they are large, and of no more use
    found = checkpoint.read(out / "checkpoint")
    assert found.card["training"]["teachers"] == {"likeness": 1.0}
    assert found.card["training"]["images_shown"] == PICTURES
    assert found.classes == ("Coat", "Dress") and found.fingerprint != before.fingerprint
    # A game that follows begins with the discriminator of before.
    judges = [load_file(each / checkpoint.DISCRIMINATOR) for each in (styled, found.folder)]
    assert torch.equal(judges[0]["layers.0.weight"], judges[1]["layers.0.weight"])
    assert shape_of(recipe_for("", found)).size == 8
    assert match(found.folder, garments, tmp_path / "nearest") == 0


def test_it_goes_on_from_where_it_stopped_to_the_same_weights(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    match: Callable[..., int],
    lite0: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(lite0.parent)
    named = ("--pictures", 80, "--feature-weights", lite0.name)
    assert match(styled, garments, tmp_path / "whole", *named) == 0
    with monkeypatch.context() as patched:
        patched.setattr("train.work.worker.LISTEN_SECONDS", -1.0)
        asked = iter([False, True])
        patched.setattr("train.work.worker.Session.on_photos", lambda session, done, total: None)
        patched.setattr(Run, "take_requests", lambda run: {"stop"} if next(asked, True) else set())
        assert match(styled, garments, tmp_path / "cut", *named) == 130
    monkeypatch.chdir(tmp_path)
    stopped = Run.open(tmp_path / "cut").status()
    assert stopped.state == "stopped" and 0 < stopped.step < 4
    assert list((tmp_path / "cut").glob("statistics-*"))
    assert main(["--resume", str(tmp_path / "cut")]) == 0  # it knows where the weights are
    whole, cut = (checkpoint.read(tmp_path / name / "checkpoint") for name in ("whole", "cut"))
    assert whole.fingerprint == cut.fingerprint


def test_it_hears_a_stop_while_it_looks_at_photos(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    match: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("train.work.worker.LISTEN_SECONDS", -1.0)
    asked = iter([set(), {"stop"}])  # the first one is for what an earlier process was asked
    monkeypatch.setattr(Run, "take_requests", lambda run: next(asked, set()))
    assert match(styled, garments, tmp_path / "cut") == 130
    status = Run.open(tmp_path / "cut").status()
    assert status.state == "stopped" and "before the first step" in status.sentence


@pytest.mark.parametrize("sorted_", [False, True])
def test_photos_of_something_new_give_a_generator_of_theirs(
    styled: Path, photos: Path, tmp_path: Path, match: Callable[..., int], sorted_: bool
) -> None:
    names = ("kurta", "sari") if sorted_ else ()
    new = tmp_path / "new"
    for at, photo in enumerate(sorted(photos.iterdir())):
        folder = new / names[at % 2] if sorted_ else new
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.read_bytes())
    out = tmp_path / "nearer"
    assert match(styled, new, out) == 0
    found = checkpoint.read(out / "checkpoint")
    assert found.classes == names
    assert found.card["generator"]["classes"] == len(names)
    assert found.card["discriminator"]["classes"] == len(names)
    assert recipe_for("", found).generator["classes"] == len(names)


@pytest.mark.parametrize("aside", [False, True])
def test_it_goes_on_drawing_by_words(
    captioned: Path,
    tmp_path: Path,
    match: Callable[..., int],
    make_colourist: Callable,
    monkeypatch: pytest.MonkeyPatch,
    aside: bool,
) -> None:
    def blue(captions: Captions) -> SimpleNamespace:
        return SimpleNamespace(
            images=[at for at, text in enumerate(captions.texts) if text == "blue"]
        )

    monkeypatch.setattr(held_out, "hold_out", blue)
    worded = make_colourist(tmp_path / "worded")
    held = ["--hold-out"] if aside else []
    assert match(worded.folder, captioned, tmp_path / "nearer", *held) == 0
    found = checkpoint.read(tmp_path / "nearer" / "checkpoint")
    assert found.draws_by_words and found.load_words().terms == worded.load_words().terms
    assert found.card["data"]["images"] == (6 if aside else 12)


def test_what_stands_in_the_way_is_a_sentence(
    styled: Path,
    photos: Path,
    tmp_path: Path,
    match: Callable[..., int],
    capsys: pytest.CaptureFixture,
) -> None:
    new = tmp_path / "new"
    assert match(styled, photos, styled) == 1
    assert "is not empty. Choose another --out" in capsys.readouterr().err
    assert match(styled, photos, new, "--hold-out") == 1
    assert "--hold-out needs captions, and a recipe that draws by words." in capsys.readouterr().err
    assert match(styled, photos, new, "--feature-weights", tmp_path / "none.pt") == 1
    assert "none.pt is not a readable file of weights" in capsys.readouterr().err
    assert not new.exists()
    assert match(tmp_path / "nothing", photos, new) == 1
    assert "nothing" in capsys.readouterr().err
