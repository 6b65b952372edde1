"""``python -m train encode``: a checkpoint whose designs are distributed as photos are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from styled_recipes import GARMENTS

from studio import checkpoint
from studio.design import from_seed
from studio.render import Renderer
from studio.words import Encoder as Words
from train.__main__ import main
from train.codes import encoder as encoders
from train.codes import encoding
from train.commands import encode
from train.recipes.starting import recipe_for, shape_of
from train.teachers import features, targets

STYLED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 8], "output": "tanh"}
JUDGE = {"kind": "dcgan", "widths": [8], "classes": 3}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller views of the pictures, along fewer directions; fewer statistics."""
    monkeypatch.setattr(features, "LEAST_SIZE", 32)
    monkeypatch.setattr(targets, "TURNS", 2)
    monkeypatch.setattr(encoding, "NORM_BATCHES", 2)


@pytest.fixture
def styled(make_garments: Callable[..., Path]) -> Path:
    """A checkpoint of 8 px of three categories."""
    return make_garments({**STYLED, "kind": "style", "classes": 3}, JUDGE, recipe="deepfashion")


@pytest.fixture
def garments(photos: Path, tmp_path: Path) -> Path:
    """The twenty photos in folders of all three categories."""
    for at, photo in enumerate(sorted(photos.iterdir())):
        folder = tmp_path / "garments" / GARMENTS[at % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / photo.name).write_bytes(photo.read_bytes())
    return tmp_path / "garments"


@pytest.fixture
def run(lite0: Path) -> Callable[..., int]:
    """``run(name, data, out, *more)`` runs the command."""

    def run(name: Path, data: Path, out: Path, *more: object) -> int:
        known = ["--data", data, "--out", out, "--feature-weights", lite0, "--device", "cpu"]
        length = ["--photos", 64, "--components", 5]
        return main(["encode", *map(str, (name, *known, *length, *more))])

    return run


def test_it_draws_with_a_prior_and_all_else_stays(
    styled: Path, garments: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    before, out = checkpoint.read(styled), tmp_path / "all" / "encoded"
    assert run(styled, garments, out) == 0
    found = checkpoint.read(out)
    assert found.card["generator"] == {
        **before.card["generator"],
        "prior": 1,
        "latent_dim": 5,
    }
    told = found.card["encoded"]
    assert told["photos"] == 18 and told["held_out"] == 2 and told["seed"] == 0
    assert told["photos_shown"] == {"encoder": 64}
    assert set(told["differences"]) == {"pixels", "features"}
    assert found.classes == before.classes and found.title == "Garments"
    assert found.fingerprint != before.fingerprint
    old, new = (load_file(each.folder / checkpoint.GENERATOR) for each in (before, found))
    kept = [name for name in old if not name.startswith("mapping.")]
    assert kept and all(torch.equal(old[name].float(), new[name].float()) for name in kept)
    assert (out / checkpoint.DISCRIMINATOR).exists()
    with Image.open(out / encode.PAIRS) as sheet:
        assert sheet.width > 8

    # A designer can use it, and a training can start from it.
    renderer = Renderer(tmp_path / "all")
    pixels = {renderer.pixels(from_seed("encoded", 1, label=at)).tobytes() for at in range(3)}
    assert len(pixels) == 3
    assert shape_of(recipe_for("", found)).size == 8


def test_the_same_command_gives_the_same_weights_and_another_goes_on(
    styled: Path, garments: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    for name in ("first", "second"):
        torch.manual_seed(len(name))
        assert run(styled, garments, tmp_path / name, "--seed", 3) == 0
    first, second = (checkpoint.read(tmp_path / name) for name in ("first", "second"))
    assert first.fingerprint == second.fingerprint
    assert run(tmp_path / "first", garments, tmp_path / "on", "--seed", 3) == 0
    on = checkpoint.read(tmp_path / "on")
    assert on.card["encoded"]["photos_shown"] == {"encoder": 128}
    told = [each.card["encoded"]["differences"]["pixels"] for each in (first, on)]
    assert told[1] < told[0]

    assert run(tmp_path / "on", garments, tmp_path / "both", "--phase", "together") == 0
    both = checkpoint.read(tmp_path / "both")
    assert both.card["encoded"]["photos_shown"] == {"encoder": 128, "together": 72}
    old, new = (load_file(tmp_path / name / checkpoint.GENERATOR) for name in ("on", "both"))
    assert not torch.equal(old["levels.0.head.weight"], new["levels.0.head.weight"])


def test_together_needs_an_encoder(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture,
) -> None:
    assert run(styled, garments, tmp_path / "out", "--phase", "together") == 1
    assert "no encoder yet" in capsys.readouterr().err
    assert run(styled, garments, tmp_path / "some") == 0
    (tmp_path / "some" / encoders.FILE).write_bytes(b"nothing")
    assert run(tmp_path / "some", garments, tmp_path / "out", "--phase", "together") == 1
    assert "this encoder can't be used" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_learning_that_made_it_worse_is_told(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture,
) -> None:
    assert run(styled, garments, tmp_path / "once") == 0
    assert "worse than before" not in capsys.readouterr().out
    card = json.loads((tmp_path / "once" / "card.json").read_text())
    card["encoded"]["differences"] = {"pixels": 0.01, "features": 0.02}
    (tmp_path / "once" / "card.json").write_text(json.dumps(card))
    assert run(tmp_path / "once", garments, tmp_path / "twice", "--phase", "together") == 0
    said = capsys.readouterr().out
    assert "worse than before (0.010 and 0.020)" in said and str(tmp_path / "once") in said


@pytest.mark.parametrize("phase", encode.PHASES)
def test_what_was_learnt_is_kept_when_it_is_interrupted(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    phase: str,
) -> None:
    if phase == "together":
        assert run(styled, garments, tmp_path / "start") == 0
    asked = 0

    @contextmanager
    def after_one():
        nonlocal asked

        def stopping() -> bool:
            nonlocal asked
            asked += 1
            return asked > 1

        yield stopping

    monkeypatch.setattr(encode, "interruptions", after_one)
    start = styled if phase == "encoder" else tmp_path / "start"
    assert run(start, garments, tmp_path / "cut", "--photos", 10**6, "--phase", phase) == 0
    found = checkpoint.read(tmp_path / "cut")
    assert found.card["encoded"]["photos_shown"][phase] < 50 and found.load_generator()


def test_it_saves_now_and_then_and_tells_how_far_it_is(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(encode, "TOLD_EVERY", 0.0)
    monkeypatch.setattr(encode, "SAVED_EVERY", 0.0)
    saved = []
    save = checkpoint.save
    monkeypatch.setattr(
        checkpoint, "save", lambda *args, **more: (saved.append(args), save(*args, **more))
    )
    assert run(styled, garments, tmp_path / "start") == 0
    assert run(tmp_path / "start", garments, tmp_path / "out", "--phase", "together") == 0
    assert len(saved) == 5  # the encoder once; together after each of three steps, and at the end
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("0 minutes, 32 photos: they come back") for line in lines)
    assert any(line.startswith("Photos that were held out come back") for line in lines)


def test_photos_in_no_folders_give_a_generator_of_no_categories(
    styled: Path, photos: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    assert run(styled, photos, tmp_path / "out", "--mirrored") == 0
    found = checkpoint.read(tmp_path / "out")
    assert found.classes == () and found.card["generator"]["classes"] == 0
    assert found.card["generator"]["prior"] == encode.PARTS
    assert "discriminator" not in found.card
    assert not (tmp_path / "out" / checkpoint.DISCRIMINATOR).exists()


def test_codes_can_be_spread_as_several_parts(
    styled: Path, garments: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    assert run(styled, garments, tmp_path / "out", "--parts", 4) == 0
    card = checkpoint.read(tmp_path / "out").card["generator"]
    assert card["prior"] == 4 and card["latent_dim"] == 6
    # Who goes on from it need not say so again.
    assert run(tmp_path / "out", garments, tmp_path / "on", "--phase", "together") == 0
    assert checkpoint.read(tmp_path / "on").card["generator"]["prior"] == 4


def test_the_cleanest_photos_are_chosen(
    styled: Path, garments: Path, tmp_path: Path, run: Callable[..., int]
) -> None:
    assert run(styled, garments, tmp_path / "out", "--cleanest", "0.5") == 0
    assert (
        checkpoint.read(tmp_path / "out").card["encoded"]["photos"] == 10
    )  # of 11; one is held out
    with pytest.raises(SystemExit):
        run(styled, garments, tmp_path / "other", "--cleanest", "1.5")


def test_words_become_those_of_the_captions(
    photos: Path, tmp_path: Path, run: Callable[..., int], make_generator: Callable
) -> None:
    torch.manual_seed(1)
    words = Words(("dress", "red", "shirt"), (1.0, 1.0, 1.0), {}, ())
    checkpoint.save(
        tmp_path / "words",
        make_generator({**STYLED, "kind": "style", "words": 3}, 2),
        None,
        {"title": "Words"},
        Image.new("RGB", (8, 8)),
        half=False,
        encoder=words,
    )
    data = tmp_path / "captioned"
    shutil.copytree(photos, data)
    names = sorted(each.name for each in photos.iterdir())
    lines = [
        f"{name},{('blue coat', 'red hat', 'red coat')[at % 3]}" for at, name in enumerate(names)
    ]
    (data / "metadata.csv").write_text("\n".join(["file_name,text", *lines]))
    assert run(tmp_path / "words", data, tmp_path / "all" / "out") == 0
    found = checkpoint.read(tmp_path / "all" / "out")
    known = found.load_words().known
    assert {"blue", "red", "coat", "hat"} <= known and "dress" not in known
    assert found.card["generator"]["words"] == len(found.load_words().terms)
    renderer = Renderer(tmp_path / "all")
    drawn = {
        renderer.pixels(from_seed("out", 1, text=text)).tobytes()
        for text in ("", "blue", "red hat")
    }
    assert len(drawn) == 3
    # Another vocabulary where that is asked for; who encodes it again keeps it.
    out = tmp_path / "all" / "attributes"
    assert run(tmp_path / "words", data, out, "--vocabulary", "attributes") == 0
    assert run(out, data, tmp_path / "again") == 0
    assert checkpoint.read(tmp_path / "again").load_words().vocabulary == "attributes"


def test_networks_without_styles_are_refused(
    photos: Path,
    tmp_path: Path,
    run: Callable[..., int],
    make_checkpoint: Callable,
    capsys: pytest.CaptureFixture,
) -> None:
    plain = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
    made = make_checkpoint(tmp_path / "plain", plain)
    assert run(made.folder, photos, tmp_path / "out") == 1
    assert "no styles to encode" in capsys.readouterr().err
    assert json.loads((made.folder / checkpoint.CARD).read_text()) == made.card


def test_the_same_photos_are_held_out_whatever_the_seed(
    styled: Path,
    garments: Path,
    tmp_path: Path,
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    held_out, learnt = [], []
    choose = encode.chosen

    def noted(*given: object, **more: object) -> encode.Lesson:
        lesson = choose(*given, **more)
        held_out.append({each.numpy().tobytes() for each in lesson.held_out})
        learnt.append([each.numpy().tobytes() for each in lesson.images])
        return lesson

    monkeypatch.setattr(encode, "chosen", noted)
    for seed in (1, 2):
        assert run(styled, garments, tmp_path / str(seed), "--seed", seed) == 0
    assert held_out[0] == held_out[1] and len(held_out[0]) == 2
    assert learnt[0] != learnt[1] and set(learnt[0]) == set(learnt[1])
    assert not held_out[0] & set(learnt[0])
    assert run(styled, garments, tmp_path / "out", "--hold-out") == 1
    assert "needs a generator that draws by words" in capsys.readouterr().err
