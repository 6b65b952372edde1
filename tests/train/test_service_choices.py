"""What the training page offers, what it makes of a wish, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from service_parts import ONE_CPU, TWO_GPUS

from studio.checkpoint import Checkpoint
from studio.errors import UserError
from train.page import offers
from train.page import photos as looking
from train.page.service import Service
from train.page.uploads import Limits
from train.places import machine as machines
from train.places.machine import this_machine
from train.recipes import RECIPES

# --- what there is -----------------------------------------------------------------------------


def test_home_tells_all_that_the_page_needs(service: Service) -> None:
    home = service.home()
    assert json.loads(json.dumps(home)) == home
    games = [name for name, each in RECIPES.items() if "game" in each.teachers]
    assert [each["name"] for each in home["recipes"]] == games
    assert home["recipes"][0]["size"] == 128 and home["recipes"][2]["channels"] == 1
    colour, grey = home["starts"]
    assert (colour["name"], colour["size"], colour["channels"]) == ("colour", 16, 3)
    assert (grey["name"], grey["size"], grey["channels"]) == ("grey", 28, 1)
    assert (colour["recipe"], grey["recipe"]) == ("handbags-dcgan", "fashion-mnist-mlp")
    assert home["machine"] == {"device": "cpu", "name": "a processor", "gpus": 0, "memory": 2**33}
    assert (home["hosted"], home["advice"], home["runs"]) == ("", "", [])
    assert home["max_files"] == 20_000 and home["max_upload_bytes"] == 2**31


def test_what_can_not_be_trained_on_is_not_offered(
    tmp_path: Path, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    make_checkpoint(tmp_path / "without", discriminator=None)
    make_checkpoint(tmp_path / "odd", discriminator={"kind": "dcgan", "widths": "many"})
    make_checkpoint(
        tmp_path / "other-size",
        discriminator={"kind": "dcgan", "widths": [8, 16, 16], "end": 4, "channels": 3},
    )
    make_checkpoint(tmp_path / "fine", data={"images": 740}, recipe=["none"])
    service = Service(tmp_path / "runs", tmp_path, machine=ONE_CPU)
    (start,) = service.home()["starts"]
    assert (start["name"], start["images"], start["preview"]) == ("fine", 740, True)
    with pytest.raises(UserError, match=r"^Without can't be trained on"):
        service.defaults("", "without", 100)


def test_fifty_runs_are_listed_fast(service: Service, data: str) -> None:
    for _ in range(50):
        service.start({"data": data, "start_from": "colour"})
    service.home()
    best = min(timed(service.home) for _ in range(3))
    assert len(service.home()["runs"]) == 50
    assert best < 0.1


def timed(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def test_limits_are_the_pages_to_tell(tmp_path: Path, checkpoints: Path) -> None:
    service = Service(tmp_path, checkpoints, Limits(bytes=5_000_000, files=3), ONE_CPU)
    home = service.home()
    assert (home["max_upload_bytes"], home["max_files"]) == (5_000_000, 3)


# --- this machine ------------------------------------------------------------------------------


@pytest.fixture
def looked_at_anew() -> Any:
    this_machine.cache_clear()
    yield
    this_machine.cache_clear()


@pytest.mark.parametrize(
    ("space", "zero", "gpus", "hosted", "devices"),
    [
        ("", "", 0, "", ["cpu"]),
        ("", "", 2, "", ["cuda:0", "cuda:1"]),
        ("me/atelier", "", 0, "space-cpu", ["cpu"]),
        ("me/atelier", "", 1, "", ["cuda:0"]),
        ("me/atelier", "true", 1, "zero-gpu", ["cpu"]),
    ],
)
def test_the_machine_is_looked_at(
    looked_at_anew: None,
    monkeypatch: pytest.MonkeyPatch,
    space: str,
    zero: str,
    gpus: int,
    hosted: str,
    devices: list[str],
) -> None:
    class Properties:
        name, total_memory = "a GPU", 1000

    touched = []
    monkeypatch.setenv("SPACE_ID", space)
    monkeypatch.setenv("SPACES_ZERO_GPU", zero)
    monkeypatch.setattr(machines, "find_spec", lambda name: name == "spaces")
    monkeypatch.setattr(machines.torch.cuda, "device_count", lambda: touched.append(1) or gpus)
    monkeypatch.setattr(machines.torch.cuda, "get_device_properties", lambda index: Properties)
    found = this_machine()
    assert (found.hosted, found.devices) == (hosted, devices)
    assert bool(found.advice) == (hosted == "space-cpu")
    assert bool(touched) == (hosted != "zero-gpu")  # there CUDA is not to be touched


# --- the check ---------------------------------------------------------------------------------


def test_a_check_is_made_once(service: Service, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = service.check(data, "", "colour", "auto")
    assert found["usable"] and found["images"] == 20 and found["preview_size"] == 16
    preview = Image.open(io.BytesIO(base64.b64decode(found["preview"])))
    assert preview.size == (8 * 16, 2 * 16)
    assert found["suggested_start"] == "colour"
    assert json.loads(json.dumps(found)) == found

    monkeypatch.setattr(looking, "check", None)
    assert service.check(data, "", "colour", "auto") == found
    assert service.start({"data": data, "start_from": "colour"})["images"] == 20


def test_more_photos_are_looked_at_anew(service: Service, data: str, photos: Path) -> None:
    before = service.check(data, "", "colour", "auto")
    copy = service.root / "received"
    copy.write_bytes((photos / "000.png").read_bytes())
    service.add_files(data, [(copy, "copy.png")])
    after = service.check(data, "", "colour", "auto")
    assert after["files"] == before["files"] + 1 == 21
    assert after["same"] == [["Bags/000.png", ["copy.png"]]]
    assert set(after["thumbnails"]) == {"Bags/000.png", "copy.png"}


def test_pictures_are_shaped_as_what_is_started_from(service: Service, data: str) -> None:
    assert service.check(data, "", "", "pad")["preview_size"] == 128
    assert service.check(data, "handbags-dcgan", "", "pad")["preview_size"] == 64
    found = service.check(data, "", "grey", "pad")
    assert found["preview_size"] == 28 and found["suggested_start"] == "grey"
    assert Image.open(io.BytesIO(base64.b64decode(found["preview"]))).mode == "L"


def test_with_plenty_of_photos_nothing_is_suggested(
    service: Service, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "PLENTY", 20)
    assert service.check(data, "", "", "auto")["suggested_start"] == ""


# --- how long ----------------------------------------------------------------------------------


def kimg(images: int, start: Checkpoint | None = None) -> list[int]:
    return [each["kimg"] for each in offers.lengths(images, start)]


def test_fine_tuning_takes_less_and_more_photos_take_longer(
    tmp_path: Path, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    assert kimg(2_000) == [25, 150, 600]
    assert kimg(2_000, make_checkpoint(tmp_path / "start")) == [10, 60, 200]
    for few, many in ((16, 500), (500, 1_000), (1_000, 7_000)):
        assert kimg(few) <= kimg(many)
    assert kimg(10**6) == [25, 300, 1200]
    assert kimg(16) == [25, 75, 300]


def test_times_come_from_the_measured_speed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def speed(recipe: Any, images: int, *, busy: bool) -> Any:
        asked.append((recipe.augment, recipe.freeze, images, busy))
        return type("Measured", (), {"images_per_second": 200.0, "sentence": ""})

    monkeypatch.setattr(service.probe, "speed", speed)
    found = service.times("", "colour", 500)
    assert [each["seconds"] for each in found["choices"]] == [50.0, 150.0, 500.0]
    assert found["images_per_second"] == 200.0
    assert asked == [("color,translation,cutout", 2, 500, False)]


# --- advanced ----------------------------------------------------------------------------------


def test_defaults_depend_on_the_number_of_photos(service: Service) -> None:
    few = service.defaults("", "colour", 500)
    many = service.defaults("handbags-dcgan", "", 60_000)
    assert (few["freeze"], few["augment"]) == (2, "color,translation,cutout")
    assert (many["freeze"], many["augment"]) == (0, "")
    assert service.defaults("", "colour", 1_000)["freeze"] == 0
    assert service.defaults("fashion-mnist-mlp", "", 500)["batch"] == 32
    fields = set(few) - {"help", "choices", "by_teachers"}
    assert fields == set(few["help"]) and set(few["choices"]) < fields
    for name, choices in few["choices"].items():
        assert few[name] in [value for value, _ in choices]


def test_every_gpu_can_be_chosen(tmp_path: Path, checkpoints: Path) -> None:
    service = Service(tmp_path, checkpoints, machine=TWO_GPUS)
    devices = service.defaults("", "", 100)["choices"]["device"]
    assert devices == [
        ["auto", "Automatic"],
        ["cuda:0", "GPU 1"],
        ["cuda:1", "GPU 2"],
        ["cpu", "CPU"],
    ]
