"""How pictures become square, and leaving some of them out by name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from image_files import BLUE, GREEN, RED, SIZE, encode, fill, load, make_zip, pixels, plain
from PIL import ExifTags, Image
from test_data_idx import fashion

from studio.photos import TURNS, prepare
from train.data.images import DataError

WHITE = (255, 255, 255)


def two_tone(width: int, height: int) -> Image.Image:
    """Red at the start, blue at the end of the longer side."""
    image = Image.new("RGB", (width, height), RED)
    half = (width // 2, 0) if width > height else (0, height // 2)
    image.paste(BLUE, (*half, width, height))
    return image


# fit ----------------------------------------------------------------------------------------------


def test_padding_keeps_the_whole_picture_centred_on_white():
    wide = prepare(two_tone(80, 40), 8, 3, "pad")
    assert wide.dtype == np.uint8
    assert np.array_equal(wide[:, :2], np.full((3, 2, 8), 255))
    assert np.array_equal(wide[:, 6:], np.full((3, 2, 8), 255))
    assert wide[:, 4, 0].tolist() == list(RED)
    assert wide[:, 4, 7].tolist() == list(BLUE)
    tall = prepare(two_tone(40, 80), 8, 3, "pad")
    assert np.array_equal(tall, wide.transpose(0, 2, 1))


def test_cropping_takes_the_centre():
    assert (prepare(two_tone(40, 80), 8, 3, "crop") < 255).any(0).all()
    assert np.array_equal(prepare(two_tone(40, 80), 8, 3), prepare(two_tone(40, 80), 8, 3, "crop"))


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "I;16", "P", "1"])
@pytest.mark.parametrize("channels", [1, 3])
def test_squares_come_out_the_same_either_way(mode, channels):
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    image = Image.fromarray(noise).convert("L" if mode == "I;16" else mode).convert(mode)
    padded, cropped = (prepare(image, 8, channels, fit) for fit in ("pad", "crop"))
    assert np.array_equal(padded, cropped)
    assert padded.shape == (channels, 8, 8)


def test_padding_is_white_in_grey_too():
    grey = prepare(Image.new("L", (40, 10)), 8, 1, "pad")
    assert grey[0, :, 0].tolist() == [255] * 3 + [0] * 2 + [255] * 3


@pytest.mark.parametrize("orientation", [1, *TURNS])
def test_padding_after_turning_upright(tmp_path, orientation):
    image = two_tone(60, 20)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    upright = image if orientation == 1 else image.transpose(TURNS[orientation])
    with Image.open(tmp_path / "a.png") as turned:
        assert np.array_equal(prepare(turned, 9, 3, "pad"), prepare(upright, 9, 3, "pad"))


@pytest.mark.parametrize("fit", ["pad", "crop"])
@pytest.mark.parametrize("size", [(30_000_000, 1), (1, 30_000_000), (1, 1), (2, 999)])
def test_extreme_proportions_take_little_memory(fit, size):
    program = f"""
import resource
from PIL import Image
from studio.photos import prepare
image = Image.new("RGB", {size}, (255, 0, 0))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
picture = prepare(image, 64, 3, {fit!r})
middle = picture[:, 31:33, 31:33].reshape(3, -1).T.tolist()
assert [255, 0, 0] in middle, middle
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 200_000, grown
"""
    pytest.importorskip("resource")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_fit_of_files_and_idx(tmp_path):
    path = fill(tmp_path / "a", {"a.png": encode(two_tone(80, 40))})
    assert np.array_equal(
        load(path, fit="pad").images[0], prepare(two_tone(80, 40), SIZE, 3, "pad")
    )
    assert np.array_equal(load(path).images[0], prepare(two_tone(80, 40), SIZE, 3, "crop"))
    with pytest.raises(ValueError, match="crop, pad, trim, and not 'stretch'"):
        load(path, fit="stretch")


# leave_out ----------------------------------------------------------------------------------------

COLOURS = {"a/1.png": RED, "a/2.png": GREEN, "b/3.png": BLUE, "c/4.png": WHITE}


@pytest.mark.parametrize("kind", ["folder", "zip", "wrapped zip"])
def test_pictures_left_out_by_name(tmp_path, kind):
    wrap = "set/" if kind == "wrapped zip" else ""
    files = {wrap + name: encode(plain(colour)) for name, colour in COLOURS.items()}
    path = fill(tmp_path, files) if kind == "folder" else make_zip(tmp_path / "a.zip", files)
    loaded = load(path, leave_out={"a/1.png", "b/3.png", "not there.png"})
    assert loaded.names == ("a/2.png", "c/4.png")
    assert loaded.images.shape == (2, 3, SIZE, SIZE)
    for image, colour in zip(loaded.images.numpy(), (GREEN, WHITE), strict=True):
        assert np.array_equal(image, pixels(plain(colour)))
    assert loaded.label_names == ("a", "c")
    assert loaded.labels.tolist() == [0, 1]


def test_names_do_not_change_when_others_are_left_out(tmp_path):
    files = {name: encode(plain()) for name in ("set/1.png", "set/2.png", "3.png")}
    path = make_zip(tmp_path / "a.zip", files)
    assert load(path).names == ("3.png", "set/1.png", "set/2.png")
    assert load(path, leave_out={"3.png"}).names == ("set/1.png", "set/2.png")


def test_one_class_alone_is_no_label(tmp_path):
    files = {name: encode(plain(colour)) for name, colour in COLOURS.items()}
    loaded = load(fill(tmp_path, files), leave_out={"b/3.png", "c/4.png"})
    assert loaded.names == ("a/1.png", "a/2.png")
    assert loaded.labels is None
    assert loaded.label_names == ()


def test_idx_images_left_out(tmp_path):
    path = fashion(tmp_path)
    everything = load(path)
    loaded = load(path, leave_out={everything.names[1]})
    assert loaded.names == (everything.names[0], *everything.names[2:])
    assert torch.equal(loaded.images[0], everything.images[0])
    assert torch.equal(loaded.images[1:], everything.images[2:])


def test_too_few_after_leaving_out(tmp_path):
    fill(tmp_path, {f"{n}.png": encode(plain()) for n in range(4)})
    with pytest.raises(DataError, match=r"3 usable images, and at least 4 .*; 1 was left out"):
        load(tmp_path, minimum=4, leave_out={"2.png"})
