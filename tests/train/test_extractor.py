"""Learning a feature network from photos: what is told, what is held out, what it is good for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from measuring import shapes

from train.__main__ import main
from train.data.archives import DataError
from train.data.captions import load_columns
from train.devices.hardware import Hardware
from train.extractor import heads, learning, photos
from train.extractor.attributes import ATTRIBUTES, read
from train.extractor.learnt import LearntFeatures, features_of, save_learnt
from train.extractor.network import DIM, Extractor
from train.extractor.views import instance_loss, view
from train.metrics import MetricsError, frechet_distance

CPU = Hardware(torch.device("cpu"), bf16=False)
KINDS = ("disc", "bar")


def made(count: int, seed: int = 1) -> photos.Photos:
    """Discs and bars, a quarter of them held out."""
    kinds = tuple(KINDS[at % 2] for at in range(count))
    aside = np.arange(count) % 8 < 2
    return photos.Photos(shapes(count, seed), {"category": kinds}, aside, {"shapes": count})


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a network that has learnt to tell discs from bars."""
    data = made(96)
    (task,) = photos.tasks_of(data)
    network, losses = learning.learn(data, [task], CPU, shown=25 * 64, seed=0)
    head = heads.fit(features_of(network, data.images), task, data.held_out)
    path = tmp_path_factory.mktemp("learnt") / "features.safetensors"
    save_learnt(path, network, [head], {"losses": losses})
    return path


# --- what captions tell ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "told"),
    [
        (
            "black dress, women. Short, straight-cut dress in lace with a round neckline. Long,"
            " wide sleeves. Unlined.",
            {"sleeves": "long", "neckline": "round", "length of dress or skirt": "short"}
            | {"lace": "yes", "hood": "no", "stripes": "no", "heel": "", "collar": "no"},
        ),
        (
            "dark blue stripe vest top, women. Top in soft jersey.",
            {"sleeves": "sleeveless", "stripes": "yes", "neckline": "", "length of trousers": ""},
        ),
        (
            "grey denim jeans, women. 5-pocket, ankle-length jeans in washed, stretch denim.",
            {"length of trousers": "long", "denim": "yes", "sleeves": "", "hood": ""},
        ),
        (
            "red check shirt, men. Shirt in checked flannel with a turn-down collar, and short"
            " sleeves.",
            {"checks": "yes", "collar": "yes", "neckline": "collar", "sleeves": "short"},
        ),
        (
            "black boots, women. Ankle boots in imitation leather. Heel 7 cm.",
            {"heel": "yes", "leather": "yes", "collar": ""},
        ),
        # A title is no description: what it does not say may be so all the same.
        ("women red tops, casual. Someone Women Red Top", {"stripes": "", "hood": ""}),
        # Contradictions are left open, and a bikini top has no sleeves.
        (
            "white top, kids. Top with short sleeves over long sleeves.",
            {"sleeves": ""},
        ),
        ("black bikini top, women. Bikini top with narrow shoulder straps.", {"sleeves": ""}),
        ("", {each.name: "" for each in ATTRIBUTES}),
    ],
)
def test_captions_tell_attributes(caption: str, told: dict[str, str]) -> None:
    found = {name: value for name, (value,) in read([caption]).items()}
    assert {name: found[name] for name in told} == told


def test_values_of_an_attribute_are_in_order() -> None:
    by_name = {each.name: each.values for each in ATTRIBUTES}
    assert by_name["sleeves"] == ("sleeveless", "short", "long")
    assert by_name["hood"] == ("no", "yes")


# --- photos and their tasks --------------------------------------------------------------------


@pytest.fixture
def garments(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    """Twelve coats and twelve dresses; every second coat has a row, one of them no text."""
    folder = tmp_path / "garments"
    for seed, name in enumerate(("coat", "dress")):
        make_photos(folder / name, 12, seed)
    names = [f"coat/{each.name}" for each in sorted((folder / "coat").iterdir())]
    rows = [f'{name},"black coat, women. Coat with a hood.",black' for name in names[:6:2]]
    (folder / "metadata.csv").write_text(
        "\n".join(["file_name,text,colour", *rows, f"{names[7]},,red"])
    )
    return folder


def test_columns_need_no_text(garments: Path) -> None:
    names = [f"coat/{each.name}" for each in sorted((garments / "coat").iterdir())]
    found = load_columns(garments, names)
    assert found["colour"] == ("black", "", "black", "", "black", "", "", "red", *[""] * 4)
    assert found["text"][7] == "" and found["text"][0].startswith("black coat")
    (garments / "metadata.csv").write_text("file_name,colour\ncoat/x.png,blue\n")
    assert load_columns(garments, ["coat/x.png", "y"]) == {"text": ("", ""), "colour": ("blue", "")}
    (garments / "metadata.csv").write_text("colour\nblue\n")
    with pytest.raises(DataError, match="needs a column file_name"):
        load_columns(garments, names)
    (garments / "metadata.csv").unlink()
    assert load_columns(garments, names) == {}


def test_photos_of_several_places_and_what_is_told(
    garments: Path, photos_of_bags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "LEAST", 2)
    found = photos.load([str(garments), str(photos_of_bags)])
    assert found.images.shape == (44, 3, 96, 96) and found.images.dtype == torch.uint8
    assert found.places == {"garments": 24, "bags": 20}
    assert found.told["category"] == ("coat",) * 12 + ("dress",) * 12 + ("",) * 20
    assert found.told["hood"].count("yes") == 3
    # Photos of one description are of one product: all are held out, or none.
    described = [at for at, hood in enumerate(found.told["hood"]) if hood]
    assert len({bool(found.held_out[at]) for at in described}) == 1
    assert [task.name for task in photos.tasks_of(replace(found, held_out=np.zeros(44, bool)))] == [
        "category"
    ]


def test_photos_can_be_held_out_by_name(garments: Path) -> None:
    name = sorted((garments / "dress").iterdir())[0].name
    found = photos.load([str(garments)], held_out=[f"dress/{name}"])
    assert np.flatnonzero(found.held_out).tolist() == [12]
    with pytest.raises(DataError, match="no photo coat/none"):
        photos.load([str(garments)], held_out=["coat/none.png"])


@pytest.fixture
def photos_of_bags(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    return make_photos(tmp_path / "bags", 20, 5)


# --- learning ----------------------------------------------------------------------------------


def test_the_network_is_small_and_takes_any_size() -> None:
    network = Extractor().eval()
    assert sum(each.numel() for each in network.parameters()) < 1_000_000
    for side in (64, 96):
        found = network(torch.zeros(2, 3, side, side))
        assert found.shape == (2, DIM) and (found >= 0).all()


def test_views_keep_colours_and_differ() -> None:
    images = torch.full((8, 3, 48, 48), 200, dtype=torch.uint8)
    images[:, 0] = 100
    random = torch.Generator().manual_seed(0)
    first, second = view(images, 32, random), view(images, 32, random)
    assert first.shape == (8, 3, 32, 32) and not torch.equal(first, second)
    levels = (first + 1) * 127.5
    ratio = levels[:, 0] / levels[:, 1]
    torch.testing.assert_close(ratio, torch.full_like(ratio, 0.5))
    assert levels[:, 1].min() >= 184 - 1 and levels[:, 1].max() <= 200 + 1e-3


def test_the_instance_loss_falls_when_views_agree() -> None:
    views = torch.eye(8)
    agreeing = instance_loss(views, views)
    # Of 15 others, one is alike (e^5) and 14 are at a right angle (e^0).
    expected = -np.log(np.exp(5) / (np.exp(5) + 14))
    assert agreeing.item() == pytest.approx(expected, rel=1e-5)
    assert instance_loss(views, views.flip(0)) > agreeing


def test_it_learns_to_tell_kinds_and_repeats(learnt: Path) -> None:
    features = LearntFeatures.load(learnt)
    scores = features.heads["category"].scores
    assert scores["photos"] == 24 and scores["balanced_accuracy"] > 0.9 and scores["auc"] > 0.9
    fresh = shapes(40, seed=9)
    shares = features.shares(fresh[::2])["category"]
    assert shares["disc"] > 0.8 and sum(shares.values()) == pytest.approx(1)
    data = made(24)
    tasks = photos.tasks_of(replace(data, told={"category": data.told["category"]}))
    once, again = (learning.learn(data, tasks, CPU, shown=64, seed=3).network for _ in range(2))
    for a, b in zip(once.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_its_distances_are_in_order(learnt: Path) -> None:
    features = LearntFeatures.load(learnt)
    real, others = features(shapes(80, seed=11)), shapes(80, seed=12)
    near = frechet_distance(real, features(others))
    assert frechet_distance(real, real) < 1e-3 * near
    grey = others.float().mean(1, keepdim=True).byte()
    assert frechet_distance(real, features(grey)) > 1.5 * near


def test_scores_are_right() -> None:
    labels = np.array([0] * 10 + [1] * 10 + [2] * 2)
    probabilities = np.eye(3)[labels]
    perfect = heads.scores_of(probabilities, labels, ("a", "b", "rare"))
    assert perfect == {
        **{"photos": 20, "balanced_accuracy": 1.0, "auc": 1.0},
        "recall": {"a": 1.0, "b": 1.0},
    }
    probabilities[:5] = np.eye(3)[1]  # half of the first kind is mistaken
    half = heads.scores_of(probabilities, labels, ("a", "b", "rare"))
    assert half["recall"] == {"a": 0.5, "b": 1.0} and half["balanced_accuracy"] == 0.75
    assert half["auc"] == pytest.approx(0.75)
    assert heads.scores_of(probabilities[:12], labels[:12], ("a", "b", "rare")) == {}


# --- files and the command ---------------------------------------------------------------------


def test_a_file_that_holds_something_else_is_refused(learnt: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="no file of learnt features"):
        LearntFeatures.load(tmp_path / "none.safetensors")
    (tmp_path / "junk.safetensors").write_bytes(b"hello")
    with pytest.raises(MetricsError, match="does not hold learnt features"):
        LearntFeatures.load(tmp_path / "junk.safetensors")
    with pytest.raises(MetricsError, match="does not know 'hat'"):
        LearntFeatures.load(learnt).shares(shapes(4, 0), ["hat"])
    about = json.loads(learnt.with_suffix(".json").read_text())
    assert about["heads"]["category"]["values"] == ["bar", "disc"] and about["losses"]


def test_the_command_learns_and_evaluate_measures_with_it(
    garments: Path,
    checkpoints: Path,
    feature_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(photos, "LEAST", 2)
    monkeypatch.setattr(learning, "LEAST_STEPS", 2)
    out = tmp_path / "learnt.safetensors"
    command = ["extractor", "--data", str(garments), "--out", str(out), "--photos", "40"]
    assert main([*command, "--device", "cpu"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("category")
    about = json.loads(out.with_suffix(".json").read_text())
    assert about["photos"] == {"garments": 24} and about["photos_shown"] == 40
    again = ["evaluate", str(checkpoints / "colour"), "--data", str(garments), "--no-cache"]
    again += ["--feature-weights", str(feature_weights), "--second-features", str(out)]
    assert main(again) == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    second = line["second"]
    assert second["features"] == "learnt" and second["frechet"] > second["floors"]["frechet"] > 0
    assert LearntFeatures.load(out).fingerprint in second["protocol"]
    assert {"precision", "recall", "copies"} <= set(second) & set(second["floors"])
    assert 0 <= line["colour_and_edges"]["vivid"] <= 1
    assert main(again[:-1] + [str(tmp_path / "none")]) == 1
    assert "no file of learnt features" in capsys.readouterr().err


def test_what_cannot_be_learnt_is_a_sentence(
    garments: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for more, message in (
        (["--out", "x.pt"], "--out is a .safetensors file"),
        (["--out", "x.safetensors", "--hold-out", str(tmp_path / "none")], "can't be read"),
        (["--out", "x.safetensors", "--data", str(tmp_path / "nowhere")], "nowhere"),
    ):
        assert main(["extractor", "--data", str(garments), *more]) == 1
        assert message in capsys.readouterr().err


def test_fewer_photos_than_a_batch_are_refused() -> None:
    with pytest.raises(MetricsError, match="at least 8 photos, not 6"):
        learning.learn(made(8), [], CPU, shown=64)
