"""Copies among the photos: the same pixels, saved again, resized; and what only looks like one."""

from __future__ import annotations

import io

import numpy as np
import pytest
from image_files import encode, fill
from PIL import ExifTags, Image, ImageDraw, ImageOps
from product_photos import noisy, photos, product

from train.data.check import check
from train.data.likeness import SKETCH, originals, sketch


def jpeg(image: Image.Image, quality: int) -> bytes:
    return encode(image, "JPEG", quality=quality)


def large(seed: int) -> Image.Image:
    return product(seed, 240, 240)


# Exact --------------------------------------------------------------------------------------------


def test_same_pixels_are_found_in_any_file(tmp_path):
    photos(tmp_path)
    again = encode(product(3), "BMP"), encode(product(3), "WEBP", lossless=True)
    fill(tmp_path, {"x/1.bmp": again[0], "x/2.webp": again[1], "7.png": encode(product(7))})
    report = check(tmp_path)
    assert report.same == (("003.png", ("x/1.bmp", "x/2.webp")), ("007.png", ("7.png",)))
    assert report.alike == ()
    assert report.leave_out == ("7.png", "x/1.bmp", "x/2.webp")
    assert ("note", "3 photos are exact copies of others, and are left out.") in report.sentences
    assert report.examples() == ["003.png", "x/1.bmp", "x/2.webp", "007.png", "7.png"]


def test_one_exact_copy_is_said_in_the_singular(tmp_path):
    fill(photos(tmp_path), {"copy.png": encode(product(3))})
    sentences = check(tmp_path).sentences
    assert ("note", "1 photo is an exact copy of another, and is left out.") in sentences


def test_grey_and_colour_of_the_same_pixels(tmp_path):
    grey = product(0).convert("L")
    fill(photos(tmp_path), {"g.png": encode(grey), "h.png": encode(grey.convert("RGB"))})
    assert check(tmp_path).same == (("g.png", ("h.png",)),)


def test_same_pixels_shown_another_way_up_are_another_photo(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    fill(photos(tmp_path), {"turned.png": encode(product(3), exif=exif)})
    assert check(tmp_path).same == ()


# Alike --------------------------------------------------------------------------------------------


COPIES = {
    "saved again": lambda image: jpeg(image, 85),
    "saved badly": lambda image: jpeg(image, 30),
    "half as large": lambda image: encode(image.resize((120, 120), Image.Resampling.LANCZOS)),
    "a third as large": lambda image: encode(image.resize((80, 80), Image.Resampling.BICUBIC)),
    "twice as large": lambda image: encode(image.resize((480, 480), Image.Resampling.BICUBIC)),
    "a little lighter": lambda image: encode(image.point(lambda value: min(255, value + 3))),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_of_a_photo_are_found(tmp_path, kind):
    fill(tmp_path, {f"{n:02d}.png": encode(large(n)) for n in range(20)})
    fill(tmp_path, {"copy.png": COPIES[kind](large(5))})
    report = check(tmp_path)
    kept, copy = ("copy.png", "05.png") if kind == "twice as large" else ("05.png", "copy.png")
    assert report.alike == ((kept, (copy,)),)
    assert report.leave_out == (copy,)
    text = "1 photo is another one saved again or in another size, and is left out."
    assert ("note", text) in report.sentences


def test_several_copies_of_one(tmp_path):
    fill(tmp_path, {f"{n:02d}.png": encode(large(n)) for n in range(16)})
    fill(tmp_path, {"a.jpg": jpeg(large(5), 80), "b.jpg": jpeg(large(5), 60)})
    report = check(tmp_path)
    assert report.alike == (("05.png", ("a.jpg", "b.jpg")),)
    text = "2 photos are others saved again or in another size, and are left out."
    assert ("note", text) in report.sentences
    assert report.usable


def label(seed: int) -> Image.Image:
    """A product with a print that a small picture of it doesn't show."""
    image = large(seed)
    ImageDraw.Draw(image).rectangle((100, 100, 140, 130), fill=(240, 230, 20))
    return image


OTHERS = {
    "mirrored": lambda image: ImageOps.mirror(image),
    "upside down": lambda image: ImageOps.flip(image),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "in another colour": lambda image: Image.merge("RGB", image.split()[::-1]),
    "with another print": lambda image: label(5),
    "squeezed": lambda image: image.resize((240, 200)),
    "closer": lambda image: ImageOps.fit(image.crop((12, 12, 228, 228)), (240, 240)),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_only_resembles_a_photo_is_none(tmp_path, kind):
    fill(tmp_path, {f"{n:02d}.png": encode(large(n)) for n in range(20)})
    fill(tmp_path, {"other.png": encode(OTHERS[kind](large(5)))})
    report = check(tmp_path)
    assert (report.alike, report.same, report.leave_out) == ((), (), ())


def test_a_small_mark_makes_another_product():
    image = noisy(1, 32)
    marked = image.copy()
    marked.paste(tuple(part // 2 + 64 for part in image.getpixel((14, 14))), (12, 12, 16, 16))
    found = sketches_of([image, marked])
    difference = np.subtract(*found, dtype=float)
    assert np.sqrt((difference**2).mean()) < 5  # as a whole they are as near as copies
    assert originals(found, np.ones(2), np.arange(2)).tolist() == [0, 1]


def test_mirrored_nearly_symmetric_product_is_another_photo():
    """Lit a little from the left or from the right; saved again, it is a copy as ever."""
    half = np.asarray(noisy(1, 32), float)
    lit = (half + half[:, ::-1]) / 2 + np.linspace(-4, 4, 32)[None, :, None]
    image = Image.fromarray(lit.clip(0, 255).astype(np.uint8))
    noise = np.random.default_rng(0).integers(-2, 3, lit.shape)
    again = Image.fromarray((lit + noise).clip(0, 255).astype(np.uint8))
    found = sketches_of([image, ImageOps.mirror(image), again])
    difference = np.subtract(found[0], found[1], dtype=float)
    assert np.sqrt((difference**2).mean()) < 5
    assert originals(found, np.ones(3), np.arange(3)).tolist() == [0, 1, 0]


def test_white_products_on_white_that_differ_are_not_copies():
    sketches = []
    for left in (6, 10):
        image = Image.new("RGB", (32, 32), "white")
        ImageDraw.Draw(image).rectangle((left, 8, left + 14, 26), fill=(247, 247, 247))
        sketches.append(sketch(image, None))
    difference = np.subtract(*sketches, dtype=float)
    assert np.sqrt((difference**2).mean()) < 5  # in pixels they are as near as copies
    assert originals(np.stack(sketches), np.ones(2), np.arange(2)).tolist() == [0, 1]


# The search ---------------------------------------------------------------------------------------


def sketches_of(images: list[Image.Image]) -> np.ndarray:
    return np.stack([sketch(image, None) for image in images])


def test_order_decides_which_is_the_original():
    first, copy = noisy(1), Image.open(io.BytesIO(jpeg(noisy(1), 90))).convert("RGB")
    found = sketches_of([first, noisy(2), copy])
    assert originals(found, np.ones(3), np.array([0, 1, 2])).tolist() == [0, 1, 0]
    assert originals(found, np.ones(3), np.array([2, 1, 0])).tolist() == [2, 1, 2]


def test_copies_across_blocks_are_found_and_chains_do_not_form():
    """Each picture is a little lighter than the one before: only near ones are copies."""
    base = sketches_of([noisy(n) for n in range(300)])
    faded = [np.clip(base[7].astype(int) + 2 * step, 0, 255).astype(np.uint8) for step in range(9)]
    found = np.concatenate([base, np.stack(faded)])
    result = originals(found, np.ones(len(found)), np.arange(len(found)))
    assert result[:300].tolist() == list(range(300))
    assert result[300] == result[301] == 7
    assert result[308] not in (7, 308)
    assert (result[result] == result).all()


def test_nothing_and_one():
    nothing = np.empty((0, SKETCH, SKETCH, 3), np.uint8)
    assert originals(nothing, np.ones(0), np.arange(0)).tolist() == []
    assert originals(sketches_of([noisy(0)]), np.ones(1), np.arange(1)).tolist() == [0]


def test_sketch_of_extreme_proportions():
    assert sketch(Image.new("RGB", (5_000_000, 1), (9, 9, 9)), None).mean() == 9
    assert sketch(Image.new("L", (1, 1), 7), None).shape == (SKETCH, SKETCH, 3)
