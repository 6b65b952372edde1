"""Photos of several places as one set, on one ground, and which of them are watched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.photos import prepare
from train.data.captions import Captions
from train.data.images import ImageSet, NativeSizes, joined, load_images
from train.runs.settings import Settings
from train.work.dataset import aside, folders, load, sharp


def product(ground: int, size: tuple[int, int] = (20, 20)) -> Image.Image:
    """Something dark on a ground of one grey, with the noise that a JPEG leaves."""
    noise = np.random.default_rng(0).integers(-1, 2, (size[1], size[0], 1))
    pixels = np.clip(ground + noise, 0, 255).repeat(3, 2).astype(np.uint8)
    pixels[6:14, 6:14] = (100, 50, 0)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("ground", [255, 240, 128])
def test_white_becomes_the_ground_and_others_stay(ground: int, fit: str) -> None:
    before, after = prepare(product(ground), 20, 3, fit), prepare(product(ground), 20, 3, fit, 240)
    if ground != 255:
        assert np.array_equal(before, after)
        return
    assert np.array_equal(after, np.round(before * (240 / 255)).astype(np.uint8))
    assert after[:, 10, 10].tolist() == [94, 47, 0]


def test_what_is_added_beside_a_photo_is_the_ground_too() -> None:
    for ground in (255, 240):
        square = prepare(product(ground, (20, 40)), 40, 3, "pad", 240)
        assert np.abs(square[:, :, 0].astype(int) - 240).max() <= 1  # what was added
        assert np.abs(square[:, 0, 15].astype(int) - 240).max() <= 1  # what was there
    grey = prepare(product(255, (20, 40)).convert("L"), 40, 1, "pad", 240)
    assert np.abs(grey[0, :, 0].astype(int) - 240).max() <= 1


def test_a_photo_that_fills_its_frame_stays() -> None:
    full = Image.fromarray(np.full((9, 9, 3), (250, 250, 90), np.uint8))
    assert np.array_equal(prepare(full, 9, 3), prepare(full, 9, 3, "crop", 240))


@pytest.fixture
def places(tmp_path: Path) -> list[str]:
    """Two folders called bags, of 20 photos each, the second of larger ones."""
    found = []
    for number, size in enumerate((8, 30)):
        folder = tmp_path / str(number) / "bags"
        folder.mkdir(parents=True)
        for name in range(20):
            product(255, (size + 12, size + 12)).save(folder / f"{name:02d}.png")
        found.append(str(folder))
    return found


def test_several_places_are_folders_of_one_set(places: list[str], settings: dict) -> None:
    assert folders([*places, "x/shoes.zip"]) == ["bags", "bags 2", "shoes"]
    wanted = Settings.from_dict({**settings, "data": places[0], "more": places[1:]})
    data = load(replace(wanted, data_digest=None), quiet=True)
    assert len(data) == 40 and data.images.shape[1:] == (3, 16, 16)
    assert data.label_names == ("bags", "bags 2")
    assert data.names[0] == "bags/00.png" and data.names[-1] == "bags 2/19.png"
    assert data.labels is not None and data.labels.tolist() == [0] * 20 + [1] * 20
    less = replace(wanted, data_digest=None, leave_out=("bags 2/03.png", "bags/00.png"))
    assert len(load(less, quiet=True)) == 38


def test_settings_of_before_have_one_place(settings: dict) -> None:
    read = Settings.from_dict(settings)
    assert read.more == () and read.ground is None
    again = Settings.from_dict(replace(read, more=("a", "b"), ground=240).to_dict())
    assert again.more == ("a", "b") and again.ground == 240


def test_captions_of_several_sets_follow_each_other() -> None:
    first = Captions(("a", "b"), {"colour": ("red", "blue")}, ("one is missing",))
    second = Captions(("c",), {"type": ("bag",)})
    both = Captions.joined([first, second])
    assert both.texts == ("a", "b", "c") and both.problems == ("one is missing",)
    assert both.fields == {"colour": ("red", "blue", ""), "type": ("", "", "bag")}


def test_small_photos_are_not_sharp(places: list[str]) -> None:
    small, large = (load_images(place, 32, 3) for place in places)
    both = joined([small, large], ["small", "large"])
    assert both.sides is not None and both.sides.tolist() == [20] * 20 + [42] * 20
    found = sharp(both)
    assert found is not None and found.tolist() == [False] * 20 + [True] * 20
    assert sharp(replace(both, sides=None)) is None


def test_names_decide_which_photos_are_watched() -> None:
    names = tuple(f"{number}.png" for number in range(400))
    images = torch.zeros(400, 1, 2, 2, dtype=torch.uint8)
    data = ImageSet(images, None, (), names, (), NativeSizes(2, 2, 2))
    some = aside(data, 0.1)
    assert some is not None and 20 < int(some.sum()) < 60
    backwards = aside(replace(data, names=names[::-1]), 0.1)
    assert backwards is not None and torch.equal(some, backwards.flip(0))
    assert aside(data, 0.0) is None
