"""Photos that become designs: how they are framed and put on the ground, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from photo_parts import as_file, garment, made, write
from PIL import Image

from studio.design import PhotoError
from studio.framing import FILLED, framed
from studio.inversion import photos
from studio.inversion.photos import (
    from_photo,
    ground_of,
    likeliest,
    read,
)
from studio.render import Renderer

SIZE = 100


def extent(pixels: np.ndarray, ground: int) -> tuple[int, int, int, int]:
    """First and last row, first and last column of what is no ground."""
    away = np.abs(pixels.astype(int) - ground).max(0) > 20
    rows, columns = away.any(1).nonzero()[0], away.any(0).nonzero()[0]
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize("ground", [255, 240])
def test_a_thing_on_a_plain_ground_is_framed_as_in_training(ground: int) -> None:
    found = framed(garment((180, 240), (20, 30, 100, 150), ground=ground), SIZE, 240)
    assert found.shape == (3, SIZE, SIZE) and found.dtype == np.uint8
    assert (found[:, 0] == 240).all() and (found[:, :, -1] == 240).all()
    top, bottom, left, right = extent(found, 240)
    assert abs((bottom - top + 1) / SIZE - FILLED) < 0.03
    assert abs((top + bottom) - (SIZE - 1)) <= 3 and abs((left + right) - (SIZE - 1)) <= 3
    assert abs((right - left + 1) / (bottom - top + 1) - 80 / 120) < 0.05


def test_a_thing_at_the_edge_gets_room() -> None:
    found = framed(garment((120, 90), (60, 20, 118, 60)), SIZE, 240)
    _, _, left, right = extent(found, 240)
    assert abs((right - left + 1) / SIZE - FILLED) < 0.03
    assert abs((left + right) - (SIZE - 1)) <= 3


def test_a_photo_that_is_framed_so_stays_as_it_is() -> None:
    photo = garment((SIZE, SIZE), (20, 6, 80, 95), ground=240)
    assert np.array_equal(framed(photo, SIZE, 240), np.asarray(photo).transpose(2, 0, 1))


def test_a_photo_without_a_plain_border_is_kept_whole() -> None:
    noise = np.random.default_rng(0).integers(0, 200, (40, 80, 3), np.uint8)
    found = framed(Image.fromarray(noise), 80, 240)
    assert (found[:, :20] == 240).all() and (found[:, 60:] == 240).all()
    assert np.array_equal(found[:, 20:60], noise.transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "I;16", "1"])
def test_photos_of_any_kind_and_without_a_thing_are_framed(mode: str) -> None:
    for image in (Image.new(mode, (30, 50)), Image.new("RGB", (3000, 2), "white").convert("L")):
        assert framed(image, 32, 240).shape == (3, 32, 32)


def test_a_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = garment((120, 90), (10, 20, 100, 60))
    turned = read(with_exif(plain, exif), "a.png", SIZE, 240)
    upright = read(as_file(plain.transpose(Image.Transpose.ROTATE_270)), "a.png", SIZE, 240)
    assert np.abs(turned.astype(int) - upright).mean() < 1


def with_exif(image: Image.Image, exif: Image.Exif) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def test_the_ground_is_the_cards() -> None:
    assert ground_of({"data": {"ground": 250}}) == 250
    for card in ({}, {"data": None}, {"data": {"ground": "x"}}, {"data": {"ground": 0}}):
        assert ground_of(card) == 240


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"no picture", "a.jpg", r"\(not an image\); choose another, or save it anew"),
        (b"", "a.jpg", r"\(empty\); choose another"),
        (as_file(garment())[:200], "a.png", "cut short.*; choose another"),
        (as_file(garment(), "TIFF"), "a.dng", r"raw files .*; export them as JPEG\)\.$"),
        (
            as_file(Image.new("1", (10_001, 10_000))),
            "a.png",
            r"100 million pixels\); choose a smaller copy",
        ),
    ],
)
def test_what_is_no_photo_is_refused(data: bytes, name: str, words: str) -> None:
    with pytest.raises(PhotoError, match=words) as caught:
        read(data, name, 32, 240)
    assert str(caught.value).startswith("This photo") and str(caught.value).endswith(".")


def test_a_file_that_is_too_large_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MAX_BYTES", 2**20)
    with pytest.raises(PhotoError, match="larger than 1 MB"):
        read(bytes(2**20 + 1), "a.png", 32, 240)


def test_the_likeliest_category_is_the_one_whose_styles_are_near() -> None:
    generator, labels = made(classes=3), torch.arange(96) % 3
    flow, centres = generator.flow, 2 * torch.eye(3, 12)
    optimiser = torch.optim.Adam(flow.parameters(), 5e-3)
    for _ in range(150):  # as by flow matching
        noise, time = torch.randn(96, 12), torch.rand(96, 1)
        points = centres[labels] + 0.3 * torch.randn(96, 12)
        between = (1 - time) * noise + time * points
        found = flow.velocity(between, time[:, 0], flow.told(labels, 96, noise.device))
        optimiser.zero_grad()
        (found - (points - noise)).square().mean().backward()
        optimiser.step()
    assert [likeliest(generator, centre[None]) for centre in centres] == [0, 1, 2]


def test_the_category_can_be_told(tmp_path: Path) -> None:
    write(tmp_path / "coded")
    coded = Renderer(tmp_path)
    assert from_photo(coded, "coded", as_file(garment()), label=1).label == 1
    assert from_photo(coded, "coded", as_file(garment())).label in (0, 1)
    write(tmp_path / "plain", classes=0)
    assert from_photo(coded, "plain", as_file(garment())).label is None


def test_a_generator_that_takes_none_names_those_that_do(checkpoints: Path, tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="none here does"):
        from_photo(Renderer(checkpoints), "colour", as_file(garment()))
    write(tmp_path / "coded")
    with pytest.raises(PhotoError, match=r"colour takes no photos; coded does\."):
        from_photo(Renderer(checkpoints, tmp_path), "colour", as_file(garment()))
