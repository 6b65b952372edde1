"""What becomes of a wish for a training, and what is refused before anything is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from service_parts import ONE_CPU, TWO_GPUS, send

from studio.checkpoint import GENERATOR, Checkpoint
from studio.errors import UserError
from train.page.service import Service
from train.runs.run import SETTINGS, START, Run


def test_a_run_is_made_as_wished(service: Service, data: str, begun: list) -> None:
    names = ["Bags/000.png", "Bags/001.png", "not there.png"]
    advanced = {"batch": 4, "learning_rate": 0.001, "kimg": 3, "seed": 11, "precision": "fp32"}
    wish = {"data": data, "title": "Täschchen  1", "start_from": "colour", "fit": "pad"}
    answer = service.start({**wish, "leave_out": names, "advanced": advanced, "length": "quick"})
    assert begun == [("taschchen-1", ["cpu"])]
    run = Run.open(service.root / "taschchen-1")
    settings = run.settings
    assert settings.leave_out == tuple(names[:2]) and settings.fit == "pad"
    assert settings.length == {"kimg": 3} and settings.seed == 11 and settings.live
    assert settings.options == {"precision": "fp32", "save_minutes": 2.0}
    assert settings.data_digest is None and settings.start_from == "colour"
    assert (run.recipe.batch, run.recipe.learning_rate, run.recipe.freeze) == (4, 0.001, 2)
    assert run.recipe.augment == "color,translation,cutout"
    assert run.recipe.generator["widths"] == [16, 8]
    assert (run.folder / START / GENERATOR).exists()
    card = settings.card
    assert card["title"] == answer["title"] == "Täschchen 1"
    assert card["data"]["name"] == answer["data_name"] == "Bags"
    assert card["data"]["images"] == answer["images"] == 18
    assert "owner" in card["data"]["licence"]


def test_what_a_generator_learnt_before_stays_on_its_card(
    tmp_path: Path, photos: Path, make_checkpoint: Callable[..., Checkpoint], begun: list
) -> None:
    learnt = {"images": 5, "notice": "For research only.", "limits": "Bags only."}
    make_checkpoint(tmp_path / "checkpoints" / "colour", data=learnt)
    service = Service(tmp_path / "runs", tmp_path / "checkpoints", machine=ONE_CPU)
    run = service.start({"data": send(service, photos), "start_from": "colour"})["id"]
    data = Run.open(service.root / run).settings.card["data"]
    assert (data["notice"], data["limits"]) == ("For research only.", "Bags only.")


def test_the_sample_sets_can_be_trained_on(service: Service, begun: list) -> None:
    first = service.home()["sample_sets"][0]
    data = f"sample:{first['name']}"
    found = service.check(data, "", "", "auto")
    assert found["usable"] and found["images"] == first["images"]
    run = service.start({"data": data})
    assert run["data_name"] == first["title"] and run["images"] <= first["images"]
    card = Run.open(service.root / run["id"]).settings.card["data"]
    assert card["licence"] in card["notice"] and "research" in card["notice"]
    with pytest.raises(UserError, match="no such sample set"):
        service.check("sample:../handbags", "", "", "auto")


def test_lengths_and_recipes_are_as_picked(service: Service, data: str) -> None:
    for length, expected in (("quick", 25), ("good", 75), ("best", 300)):
        run = service.start({"data": data, "length": length})["id"]
        assert Run.open(service.root / run).settings.length == {"kimg": expected}
    run = service.start({"data": data, "advanced": {"recipe": "fashion-mnist-mlp"}})
    assert run["recipe"] == "fashion-mnist-mlp" and run["title"] == "Bags"
    assert Run.open(service.root / run["id"]).recipe.freeze == 0


def test_a_run_is_never_called_like_a_generator(service: Service, data: str) -> None:
    ids = [service.start({"data": data, "title": "Colour"})["id"] for _ in range(2)]
    assert ids == ["colour-2", "colour-3"]


def test_a_run_waits_for_the_devices_it_may_use(
    tmp_path: Path, checkpoints: Path, photos: Path, begun: list
) -> None:
    service = Service(tmp_path / "runs", checkpoints, machine=TWO_GPUS)
    data = send(service, photos)
    for device in ("auto", "cuda:1", "cpu"):
        service.start({"data": data, "advanced": {"device": device}})
    assert [devices for _, devices in begun] == [["cuda:0", "cuda:1"], ["cuda:1"], ["cpu"]]
    # The same folder on a machine without GPUs.
    again = Service(tmp_path / "runs", checkpoints, machine=ONE_CPU)
    again.ask(begun[1][0], "resume")
    assert begun[-1] == (begun[1][0], ["cpu"])


BAD: dict[str, tuple[Any, str]] = {
    "no wish": ([], "not a wish"),
    "no photos": ({}, "must be named in a text"),
    "unknown photos": ({"data": "0" * 24}, "no longer here"),
    "unknown part": ({"colour": 1}, "can't be told about 'colour'"),
    "unknown start": ({"start_from": "../colour"}, "no generator '../colour'"),
    "a list to start from": ({"start_from": ["colour"]}, "must be named"),
    "unknown length": ({"length": "long"}, "quick, good, best"),
    "unknown fit": ({"fit": "stretch"}, "one of: crop, pad, trim"),
    "unknown place": ({"where": "there"}, "one of: here, hf-jobs"),
    "rented": ({"where": "hf-jobs"}, "Rented hardware can't be had"),
    "a number for a title": ({"title": 7}, "name is a text"),
    "a text for names": ({"leave_out": "a.jpg"}, "list of their names"),
    "nothing left": (
        {"leave_out": [f"Bags/{n:03d}.png" for n in range(5)]},
        "Only 15 photos would be left, and training needs at least 16",
    ),
    "a list for advanced": ({"advanced": []}, "names with values"),
    "unknown setting": ({"advanced": {"magic": 1}}, "no advanced setting 'magic'"),
    "unknown recipe": ({"advanced": {"recipe": "magic"}}, "no recipe 'magic'"),
    "a text for a batch": ({"advanced": {"batch": "many"}}, "batch is a whole number from 2"),
    "a batch of one": ({"advanced": {"batch": 1}}, "batch is a whole number from 2 to 4,096"),
    "half a photo": ({"advanced": {"batch": 2.5}}, "batch is a whole number"),
    "true for a batch": ({"advanced": {"batch": True}}, "batch is a whole number"),
    "NaN for a rate": ({"advanced": {"learning_rate": float("nan")}}, "rate is a number from"),
    "infinite length": ({"advanced": {"kimg": float("inf")}}, "length in thousands"),
    "no length": ({"advanced": {"kimg": 0}}, "length in thousands of photos shown is a number"),
    "a huge seed": ({"advanced": {"seed": 2**32}}, "seed is a whole number from 0 to"),
    "unknown augmentation": ({"advanced": {"augment": "magic"}}, "no augmentation 'magic'"),
    "a number to augment": ({"advanced": {"augment": 3}}, "augmentation is a list of names"),
    "unknown precision": ({"advanced": {"precision": "fp64"}}, "one of: auto, bf16, fp32"),
    "unknown device": ({"advanced": {"device": "cuda:7"}}, "device is one of: auto"),
    "a list for a device": ({"advanced": {"device": ["cpu"]}}, "device is one of"),
    "null for frozen layers": ({"advanced": {"freeze": None}}, "frozen layers is a whole number"),
    "no time to save": ({"advanced": {"save_minutes": 0}}, "time between saves"),
    "no average": ({"advanced": {"ema_kimg": 0}}, "half-life of the average"),
}


@pytest.mark.parametrize(("changes", "words"), BAD.values(), ids=BAD)
def test_a_bad_wish_makes_no_run(
    service: Service, data: str, begun: list, changes: Any, words: str
) -> None:
    whole = changes if isinstance(changes, list) or not changes else {"data": data, **changes}
    with pytest.raises(UserError) as refused:
        service.start(whole)
    sentence = str(refused.value)
    assert words in sentence and sentence[0].isupper() and sentence.endswith(".")
    assert not begun and not list(service.root.glob(f"*/{SETTINGS}"))


def test_unusable_photos_make_no_run(service: Service, tmp_path: Path, begun: list) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.jpg").write_text("not a picture")
    data = send(service, folder, "Texts")
    assert not service.check(data, "", "", "auto")["usable"]
    with pytest.raises(UserError, match="be read as a photo"):
        service.start({"data": data})
    assert not begun


def test_no_sentence_shows_where_things_lie(service: Service, tmp_path: Path) -> None:
    archive = service.root / "received.zip"
    service.root.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(b"PK\3\4 and nothing else")
    data = service.new_upload()["data"]
    service.add_files(data, [(archive, "Autumn.zip")])
    report = service.check(data, "", "", "auto")
    assert not report["usable"] and "Autumn" in report["reasons"][0]
    assert str(tmp_path) not in json.dumps(report)


def test_a_damaged_start_makes_no_run(
    tmp_path: Path, photos: Path, make_checkpoint: Callable[..., Checkpoint], begun: list
) -> None:
    made = make_checkpoint(tmp_path / "checkpoints" / "damaged")
    (made.folder / GENERATOR).write_bytes(b"")
    service = Service(tmp_path / "runs", tmp_path / "checkpoints", machine=ONE_CPU)
    data = send(service, photos)
    with pytest.raises(UserError, match="not the file its card describes"):
        service.start({"data": data, "start_from": "damaged"})
    assert not begun and not list(service.root.glob(f"*/{SETTINGS}"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../runs", "a/../b", ".uploads", "c:x", "a\0b", None, 7, ["a"]]
)
def test_only_runs_are_looked_at(service: Service, data: str, name: Any) -> None:
    for ask in (
        lambda: service.watch(name, -1),
        lambda: service.delete(name),
        lambda: service.download(name),
    ):
        with pytest.raises(UserError, match=r"^There is no training .* any more\.$"):
            ask()


def test_what_is_refused_of_a_run(service: Service, data: str) -> None:
    run = service.start({"data": data})["id"]
    for ask, words in (
        (lambda: service.ask(run, "dance"), "stop, save, sample, resume"),
        (lambda: service.ask(run, "stop"), "is not training"),
        (lambda: service.open(run), "has drawn nothing yet"),
        (lambda: service.download(run), "nothing to download yet"),
        (lambda: service.frame(run, 3), "no samples of step 3"),
        (lambda: service.frame(run, "../x"), "step is a whole number"),
        (lambda: service.watch(run, -2), "step is a whole number"),
        (lambda: service.rename(run, 7), "name is a text"),
        (lambda: service.slice(run), "needs no slices"),
    ):
        with pytest.raises(UserError, match=words):
            ask()
    assert service.rename(run, "   ")["title"] == "Bags"


def test_photos_go_with_the_last_run_that_needs_them(service: Service, data: str) -> None:
    first, second = (service.start({"data": data})["id"] for _ in range(2))
    service.delete(first)
    assert service.check(data, "", "", "auto")["usable"]
    service.delete(second)
    with pytest.raises(UserError, match="no longer here"):
        service.check(data, "", "", "auto")


def test_a_training_learns_from_what_is_picked(
    service: Service, data: str, begun: list, tmp_path: Path
) -> None:
    wish = {"data": data, "start_from": "colour", "advanced": {"teachers": "likeness"}}
    recipe = Run.open(tmp_path / "runs" / service.start(wish)["id"]).recipe
    assert recipe.teachers == {"likeness": 1.0}
    shown = service.defaults("", "colour", 20)["by_teachers"]["likeness"]
    assert (recipe.batch, recipe.learning_rate) == (shown["batch"], shown["learning_rate"])
    assert recipe.fall > 0
    both = {**wish, "advanced": {"teachers": "game,likeness", "batch": 4}}
    recipe = Run.open(tmp_path / "runs" / service.start(both)["id"]).recipe
    assert set(recipe.teachers) == {"game", "likeness"} and recipe.batch == 4
    with pytest.raises(UserError, match="choose one to start from"):
        service.start({**wish, "start_from": ""})
    with pytest.raises(UserError, match="What it learns from is one of"):
        service.start({**wish, "advanced": {"teachers": "school"}})
