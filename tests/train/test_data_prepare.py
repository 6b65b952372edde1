"""One picture of any mode, shape or orientation becomes a square of uint8 pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from image_files import BLUE, GREEN, RED, SIZE, encode, pixels, plain, random_image
from PIL import Image, ImageCms, ImageOps

from studio.photos import prepare

# prepare: modes -----------------------------------------------------------------------------------


def with_transparency(image: Image.Image, value: object) -> Image.Image:
    return Image.open(io.BytesIO(encode(image, transparency=value)))


def palette(colour: tuple[int, int, int]) -> Image.Image:
    image = plain(1, "P")
    image.putpalette([9, 9, 9, *colour])
    return image


def lab(colour: tuple[int, int, int]) -> Image.Image:
    srgb, target = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(plain(colour), srgb, target, outputMode="LAB")


def sixteen(value: int, kind: str = "<u2") -> Image.Image:
    return Image.fromarray(np.full((SIZE, SIZE), value, kind))


MODES = {
    "RGB": (plain((200, 100, 50)), (200, 100, 50)),
    "L": (plain(77, "L"), (77, 77, 77)),
    "1 white": (plain(1, "1"), (255, 255, 255)),
    "1 black": (plain(0, "1"), (0, 0, 0)),
    "RGBA": (plain((255, 0, 0, 128), "RGBA"), (255, 127, 127)),
    "RGBA clear": (plain((1, 2, 3, 0), "RGBA"), (255, 255, 255)),
    "RGBa": (plain((255, 0, 0, 128), "RGBA").convert("RGBa"), (255, 127, 127)),
    "LA": (plain((0, 128), "LA"), (127, 127, 127)),
    "La": (plain((0, 128), "LA").convert("La"), (127, 127, 127)),
    "PA": (palette(GREEN).convert("PA"), GREEN),
    "P": (palette((1, 2, 3)), (1, 2, 3)),
    "P clear": (with_transparency(palette(RED), 1), (255, 255, 255)),
    "P other clear": (with_transparency(palette(RED), 0), RED),
    "P half clear": (with_transparency(palette(RED), b"\xff\x80"), (255, 127, 127)),
    "RGB clear": (with_transparency(plain((9, 8, 7)), (9, 8, 7)), (255, 255, 255)),
    "L clear": (with_transparency(plain(9, "L"), 9), (255, 255, 255)),
    "RGBX": (plain((1, 2, 3, 0), "RGBX"), (1, 2, 3)),
    "CMYK": (plain((0, 255, 255, 0), "CMYK"), RED),
    "YCbCr": (plain((200, 100, 50)).convert("YCbCr"), (200, 100, 50)),
    "HSV": (plain((0, 255, 255), "HSV"), RED),
    "LAB": (lab((200, 100, 50)), (200, 100, 50)),
    "I;16 white": (sixteen(65535), (255, 255, 255)),
    "I;16 middle": (sixteen(128 * 257), (128, 128, 128)),
    "I;16 rounded": (sixteen(128 * 257 + 200), (129, 129, 129)),
    "I;16 dark": (sixteen(300), (1, 1, 1)),
    "I;16B": (sixteen(128 * 257, ">u2"), (128, 128, 128)),
    "I;16 PNG": (Image.open(io.BytesIO(encode(sixteen(50 * 257)))), (50, 50, 50)),
    "I;16 TIFF": (Image.open(io.BytesIO(encode(sixteen(50 * 257), "TIFF"))), (50, 50, 50)),
    "I;16 clear": (with_transparency(sixteen(300), 300), (255, 255, 255)),
}


@pytest.mark.parametrize("name", MODES)
def test_prepare_reads_every_mode(name):
    image, colour = MODES[name]
    array = prepare(image, SIZE, 3)
    assert (array.shape, array.dtype) == ((3, SIZE, SIZE), np.uint8)
    expected = np.broadcast_to(np.reshape(colour, (3, 1, 1)), array.shape)
    # Only these two are rounded on the way.
    tolerance = {"LAB": 3, "YCbCr": 1}.get(name, 0)
    np.testing.assert_allclose(array.astype(int), expected, atol=tolerance)

    grey = prepare(image, SIZE, 1)
    assert (grey.shape, grey.dtype) == ((1, SIZE, SIZE), np.uint8)
    luma = np.dot(colour, (0.299, 0.587, 0.114))
    np.testing.assert_allclose(grey.astype(int), luma, atol=tolerance + 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 1e8, 2e8], [0, 128, 255]),
        ([float("nan"), 0.5, 1.0], [0, 128, 255]),
        ([float("inf"), 0.5, 1.0], [0, 128, 255]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
    ],
)
def test_prepare_scales_float_grey(values, expected):
    image = Image.fromarray(np.tile(np.array(values, np.float32), (3, 1)))
    assert image.mode == "F"
    assert prepare(image, 3, 1)[0, 1].tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 100, 200], [0, 100, 200]),
        ([0, 2570, 65535], [0, 10, 255]),
        ([0, 1606, 4095], [0, 100, 255]),
        ([-5, 0, 5], [0, 128, 255]),
    ],
)
def test_prepare_scales_32_bit_grey(values, expected):
    image = Image.fromarray(np.tile(np.array(values, np.int32), (3, 1)))
    assert image.mode == "I"
    assert prepare(image, 3, 1)[0, 1].tolist() == expected


# prepare: geometry --------------------------------------------------------------------------------


def test_prepare_leaves_an_image_of_the_right_size_alone():
    image = random_image()
    assert np.array_equal(prepare(image, SIZE, 3), pixels(image))


@pytest.mark.parametrize("upright", [False, True])
def test_prepare_takes_the_centre_square(upright):
    stripes = np.concatenate([np.asarray(plain(c)) for c in (RED, GREEN, BLUE)], axis=1)
    image = Image.fromarray(stripes.transpose(1, 0, 2).copy() if upright else stripes)
    assert np.array_equal(prepare(image, SIZE, 3), pixels(plain(GREEN)))


def test_prepare_antialiases():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    array = prepare(Image.fromarray(checks.astype(np.uint8)), SIZE, 1)
    assert np.abs(array[0, 2:-2, 2:-2].astype(int) - 127).max() <= 3


def test_prepare_keeps_a_very_long_picture_small():
    line = Image.new("RGB", (60_000, 1), RED)
    assert np.array_equal(prepare(line, 64, 3), pixels(plain(RED, size=64)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO(encode(random_image(height=SIZE, width=SIZE + 4), exif=exif))
    upright = ImageOps.exif_transpose(Image.open(file))
    left, top = (upright.width - SIZE) // 2, (upright.height - SIZE) // 2
    expected = pixels(upright.crop((left, top, left + SIZE, top + SIZE)))
    assert np.array_equal(prepare(Image.open(file), SIZE, 3), expected)


def test_tiff_is_not_turned_twice():
    image = random_image()
    file = io.BytesIO(encode(image, "TIFF", tiffinfo={0x0112: 6}))
    expected = pixels(image.transpose(Image.Transpose.ROTATE_270))
    assert np.array_equal(prepare(Image.open(file), SIZE, 3), expected)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_costs_only_the_orientation():
    image = random_image()
    file = io.BytesIO(encode(image, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense"))
    assert np.array_equal(prepare(Image.open(file), SIZE, 3), pixels(image))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_its_first_frame(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(plain(RED), kind, save_all=True, append_images=[plain(BLUE)], **options)
    animation = Image.open(io.BytesIO(content))
    animation.seek(1)
    assert np.array_equal(prepare(animation, SIZE, 3), pixels(plain(RED)))
