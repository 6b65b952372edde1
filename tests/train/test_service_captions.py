"""Photos with captions on the training page: what is said of them, and learning from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import resume
from service_parts import send

from studio import checkpoint
from studio.errors import UserError
from train.page.service import Service
from train.recipes import RECIPES, Recipe
from train.runs.run import Run


@pytest.fixture(autouse=True)
def recipes(monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe) -> None:
    """``worded`` learns from captions, ``tiny`` does not."""
    words = {"words": 256}
    worded = replace(
        tiny_recipe,
        name="worded",
        generator={**tiny_recipe.generator, **words},
        discriminator={**tiny_recipe.discriminator, **words},
    )
    monkeypatch.setitem(RECIPES, "worded", worded)
    monkeypatch.setitem(RECIPES, "tiny", tiny_recipe)


@pytest.fixture
def captioned(tmp_path: Path, make_photos: Callable[..., Path]) -> Path:
    folder = make_photos(tmp_path / "captioned")
    rows = [f"{index:03d}.png,a bag" for index in range(20)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return folder


def texts(report: dict, kind: str = "") -> str:
    return "\n".join(each["text"] for each in report["sentences"] if kind in ("", each["kind"]))


def test_captions_are_offered_to_those_who_did_not_ask(service: Service, captioned: Path) -> None:
    report = service.check(send(service, captioned), "tiny", "", "auto")
    assert report["usable"] and report["images"] == 20
    assert "20 photos have captions. To learn from those too, choose" in texts(report, "note")


def test_captions_are_counted_for_a_recipe_of_words(service: Service, captioned: Path) -> None:
    (captioned / "metadata.csv").write_text("file_name,text\n000.png,a bag\n001.png,\n")
    report = service.check(send(service, captioned), "worded", "", "auto")
    assert report["usable"] and "1 photos have captions" not in texts(report)
    assert "1 row has no text: Bags/001.png." in texts(report, "warning")
    assert "19 images have no caption and won't be used" in texts(report, "warning")


def test_photos_without_captions_say_nothing_of_them(service: Service, photos: Path) -> None:
    assert "caption" not in texts(service.check(send(service, photos), "tiny", "", "auto"))


def test_a_recipe_of_words_needs_captions(service: Service, photos: Path) -> None:
    data = send(service, photos)
    report = service.check(data, "worded", "", "auto")
    assert not report["usable"] and "put a metadata.csv" in report["reasons"][0]
    assert str(service.root) not in texts(report)
    with pytest.raises(UserError, match=r"put a metadata\.csv"):
        service.start({"data": data, "length": "quick", "advanced": {"recipe": "worded"}})
    assert service.home()["runs"] == []


def test_a_run_of_words_is_started_from_the_page(
    service: Service, captioned: Path, quick_export: None
) -> None:
    wish = {"data": send(service, captioned), "length": "quick"}
    started = service.start({**wish, "advanced": {"recipe": "worded", "kimg": 0.1}})
    run = Run.open(service.root / started["id"])
    assert run.recipe.worded
    assert resume(run.folder) == 0
    assert checkpoint.read(run.folder / "checkpoint").load_words().terms == ("bag",)
