"""``python -m train match``: a new checkpoint whose pictures are nearer to photos."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from styled_recipes import GARMENTS

from studio import checkpoint
from train.__main__ import main
from train.commands import match
from train.data import held_out
from train.data.captions import Captions
from train.recipes.starting import recipe_for, shape_of
from train.teachers import feature_distance, features
from train.teachers.matching import BATCH

STYLED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 8], "output": "tanh"}
JUDGE = {"kind": "dcgan", "widths": [8], "classes": 3}
PICTURES = 2 * BATCH


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller views of the pictures, along fewer directions."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)
    monkeypatch.setattr(feature_distance, "TURNS", 2)


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
def run(lite0: Path) -> Callable[..., int]:
    """``run(name, data, out, *more)`` runs the command."""

    def run(name: Path, data: Path, out: Path, *more: object) -> int:
        known = ["--data", data, "--out", out, "--feature-weights", lite0, "--device", "cpu"]
        return main(["match", *map(str, (name, *known, "--pictures", PICTURES, *more))])

    return run


def test_a_training_or_another_match_can_go_on_from_it(
    styled: Path, garments: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    before, out = checkpoint.read(styled), tmp_path / "nearer"
    assert run(styled, garments, out) == 0
    found = checkpoint.read(out)
    told = {"features": "tf_efficientnet_lite0", "photos": 20, "pictures": PICTURES, "seed": 0}
    assert found.card["matched"] == told
    assert found.classes == before.classes and found.title == "Garments"
    assert found.card["generator"] == before.card["generator"]
    assert found.fingerprint != before.fingerprint
    assert not {"quality", "onnx_sha256"} & set(found.card)
    judges = [load_file(folder / checkpoint.DISCRIMINATOR) for folder in (styled, out)]
    assert all(torch.equal(each, judges[1][name]) for name, each in judges[0].items())
    assert shape_of(recipe_for("", found)).size == 8
    assert run(out, garments, tmp_path / "nearest") == 0
    assert checkpoint.read(tmp_path / "nearest").card["matched"]["pictures"] == 2 * PICTURES


def test_the_same_command_gives_the_same_weights_and_tells_how_far_it_is(
    photos: Path,
    tmp_path: Path,
    run: Callable[..., int],
    make_checkpoint: Callable,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(match, "TOLD_EVERY", 1)
    plain = make_checkpoint(tmp_path / "plain", {**STYLED, "kind": "style"}).folder
    for name in ("first", "second"):
        torch.manual_seed(len(name))
        assert run(plain, photos, tmp_path / name, "--seed", 3) == 0
    first, second = (checkpoint.read(tmp_path / name) for name in ("first", "second"))
    assert first.fingerprint == second.fingerprint
    lines = capsys.readouterr().out.splitlines()
    assert [each.rpartition(" ")[0] for each in lines[:2]] == [
        "48 of 96 pictures, distance",
        "96 of 96 pictures, distance",
    ]
    assert all(float(each.rpartition(" ")[2]) > 0 for each in lines[:2])
    assert lines[3:5] == lines[:2]  # of the second run; between them is where the first one lies


def test_what_was_learnt_is_kept_when_it_is_interrupted(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def at_once():
        yield lambda: True

    monkeypatch.setattr(match, "interruptions", at_once)
    assert run(styled, garments, tmp_path / "cut", "--pictures", 10**6) == 0
    found = checkpoint.read(tmp_path / "cut")
    assert found.card["matched"]["pictures"] == BATCH and found.load_generator()


@pytest.mark.parametrize("sorted_", [False, True])
def test_photos_of_something_new_give_a_generator_of_theirs(
    styled: Path,
    photos: Path,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture,
    sorted_: bool,
) -> None:
    names = ("kurta", "sari") if sorted_ else ()
    new = tmp_path / "new"
    for at, photo in enumerate(sorted(photos.iterdir())):
        folder = new / names[at % 2] if sorted_ else new
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.read_bytes())
    out = tmp_path / "nearer"
    assert run(styled, new, out) == 0
    now = "kurta and sari" if sorted_ else "without categories, as the photos are in no folders"
    said = f"Garments draws Coat, Dress and Tank top; the new one will draw {now}."
    assert said in capsys.readouterr().out.splitlines()
    found = checkpoint.read(out)
    assert found.classes == names
    assert found.card["generator"]["classes"] == len(names)
    assert found.card["discriminator"]["classes"] == len(names)
    # A training, or another match, goes on from it.
    assert recipe_for("", found).generator["classes"] == len(names)
    judge = load_file(out / checkpoint.DISCRIMINATOR)
    before = load_file(styled / checkpoint.DISCRIMINATOR)
    assert torch.equal(judge["layers.0.weight"], before["layers.0.weight"])
    assert run(out, new, tmp_path / "nearest") == 0
    assert "the new one" not in capsys.readouterr().out


@pytest.fixture
def captioned(photos: Path, tmp_path: Path) -> Path:
    """Twelve photos, every other one of "blue"."""
    shutil.copytree(photos, tmp_path / "captioned")
    names = sorted(each.name for each in photos.iterdir())[:12]
    rows = [f"{name},{('red shirt', 'blue')[at % 2]}" for at, name in enumerate(names)]
    (tmp_path / "captioned" / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return tmp_path / "captioned"


def test_it_goes_on_drawing_by_words(
    captioned: Path, tmp_path: Path, run: Callable[..., int], make_colourist: Callable
) -> None:
    worded = make_colourist(tmp_path / "worded")
    assert run(worded.folder, captioned, tmp_path / "nearer") == 0
    found = checkpoint.read(tmp_path / "nearer")
    assert found.card["matched"]["photos"] == 12 and found.draws_by_words
    assert found.load_words().terms == worded.load_words().terms
    assert (found.folder / checkpoint.PREVIEW).stat().st_size > 500


def test_what_is_kept_to_measure_with_is_not_learnt_from(
    captioned: Path,
    tmp_path: Path,
    run: Callable[..., int],
    make_colourist: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learnt = []

    def blue(captions: Captions) -> SimpleNamespace:
        return SimpleNamespace(
            images=[at for at, text in enumerate(captions.texts) if text == "blue"]
        )

    def watched(data: match.ImageSet, condition: torch.Tensor, seed: int) -> match.Lesson:
        learnt.extend(data.captions.texts)
        return chosen(data, condition, seed)

    chosen = match.chosen
    monkeypatch.setattr(held_out, "hold_out", blue)
    monkeypatch.setattr(match, "chosen", watched)
    worded = make_colourist(tmp_path / "worded")
    assert run(worded.folder, captioned, tmp_path / "nearer", "--hold-out") == 0
    assert checkpoint.read(tmp_path / "nearer").card["matched"]["photos"] == len(learnt) == 6
    assert set(learnt) == {"red shirt"}


def test_rare_categories_are_shown_as_often_as_the_others_or_nearly(monkeypatch) -> None:
    monkeypatch.setattr(match, "MOST_PHOTOS", 30)
    images = torch.arange(85, dtype=torch.uint8).view(-1, 1, 1, 1)
    captions = SimpleNamespace(texts=[f"text {at}" for at in range(85)])
    data = match.ImageSet(images, None, (), (), (), None, captions)
    # Of four categories at most seven photos each.
    labels = torch.tensor([5] * 40 + [4] * 3 + [1] * 1 + [0] * 41)
    lesson = match.chosen(data, labels, seed=1)
    assert np.unique(lesson.condition, return_counts=True)[1].tolist() == [7, 4, 7, 7]
    assert torch.equal(labels[lesson.photos.flatten().long()], lesson.condition)
    assert len(lesson.photos.unique()) == lesson.different == 18
    # Where all are rare, nothing is repeated but to make them equal.
    few = match.chosen(replace(data, images=images[38:43]), labels[38:43], seed=1)
    assert np.unique(few.condition, return_counts=True)[1].tolist() == [3, 3]
    plain = match.chosen(data, None, seed=1)
    assert len(plain.photos.unique()) == plain.different == 30
    vectors = 1 + torch.arange(85.0)[:, None].repeat(1, 4)
    worded = match.chosen(data, vectors, seed=1)
    dropped = (worded.condition == 0).all(1)
    assert 0 < dropped.sum() < 10
    own = worded.photos.flatten().float() + 1
    assert torch.equal(worded.condition[:, 0], torch.where(dropped, 0.0, own))
    assert worded.texts == tuple(f"text {at}" for at in worded.photos.flatten()[:8])


def test_what_stands_in_the_way_is_a_sentence(
    styled: Path,
    photos: Path,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    make_checkpoint: Callable,
) -> None:
    new = tmp_path / "new"
    assert run(styled, photos, styled) == 1
    assert "is there already. Choose another --out." in capsys.readouterr().err
    assert run(styled, photos, new, "--hold-out") == 1
    assert "--hold-out needs a generator that draws by words." in capsys.readouterr().err
    assert run(styled, photos, new, "--feature-weights", tmp_path / "none.pt") == 1
    assert "none.pt is not a readable file of weights" in capsys.readouterr().err

    def broken(*args: object, **rest: object):
        raise ArithmeticError("The distance is no longer a finite number.")

    plain = make_checkpoint(tmp_path / "plain", {**STYLED, "kind": "style"}, title="Plain").folder
    monkeypatch.setattr(match, "matched", broken)
    assert run(plain, photos, new) == 1
    assert "Plain can't be matched: The distance is no longer" in capsys.readouterr().err
    assert not new.exists()
