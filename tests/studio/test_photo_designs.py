"""Designs of photos: drawn as the codec draws the photo, moved by sliders, blended, and hostile."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from photo_parts import SIZE, as_file, garment, made

from studio import blend
from studio.design import (
    MAX_PHOTO,
    Design,
    DesignError,
    PhotoError,
    from_code,
    from_dict,
    from_json,
    variation,
    without_photos,
)
from studio.framing import framed
from studio.generators.base import from_uint8, to_uint8
from studio.generators.coded import CodedGenerator
from studio.inversion import loading
from studio.inversion.packing import MARK, Packing, quantised
from studio.inversion.photos import GROUND, from_photo
from studio.render import Renderer

PACKING = Packing(made())
HEAD = bytes([1]) + PACKING.mark
BODY = sum(PACKING.sizes) - len(HEAD)


@pytest.fixture(scope="module")
def coded(takes_photos: Path) -> Renderer:
    return Renderer(takes_photos)


@pytest.fixture(scope="module")
def photo(coded: Renderer) -> Design:
    return from_photo(coded, "coded", as_file(garment()))


@pytest.fixture(scope="module")
def second(coded: Renderer) -> Design:
    return from_photo(coded, "coded", as_file(garment(colour="crimson", box=(10, 20, 80, 60))))


def apart(renderer: Renderer, first: Design, other: Design) -> float:
    """The mean difference of two pictures, in levels of 255."""
    return float(np.abs(drawn(renderer, first) - drawn(renderer, other)).mean())


def drawn(renderer: Renderer, design: Design) -> np.ndarray:
    return renderer.pixels(design).astype(float)


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_a_photo_comes_back_as_its_code_does(coded: Renderer, photo: Design) -> None:
    opened = coded.open("coded")
    generator = opened.generator
    assert isinstance(generator, CodedGenerator)
    encoder = loading.of_checkpoint(opened.checkpoint, generator)["photo"]
    pixels = torch.from_numpy(framed(garment(), SIZE, GROUND))[None]
    with torch.inference_mode():
        code = encoder(from_uint8(pixels, (-1.0, 1.0)))
        wanted = to_uint8(generator.draw_codes(code), generator.value_range)[0]
        of_style = to_uint8(generator.draw(generator.synthesis.styles(code)), (-1.0, 1.0))[0]
    found = torch.from_numpy(drawn(coded, photo)).permute(2, 0, 1)
    away, without = (float((each - wanted).abs().mean()) for each in (found, of_style.float()))
    assert without > 1, "the style alone draws another picture"
    assert away < max(1, without / 5)


def test_sliders_move_a_photo_and_back(coded: Renderer, photo: Design) -> None:
    for moved in (replace(photo, directions=((0, 2.0),)), replace(photo, dimensions=((1, 3.0),))):
        assert apart(coded, photo, moved) > 0.1
    assert apart(coded, photo, replace(photo, directions=(), dimensions=())) == 0
    near = variation(photo, 5, 0.3)
    assert apart(coded, photo, near) > 0.1
    assert apart(coded, photo, variation(photo, 5, 0.0)) == 0


def test_truncation_and_seed_leave_a_photo_alone(coded: Renderer, photo: Design) -> None:
    for same in (replace(photo, truncation=0.0), replace(photo, seed=9)):
        assert apart(coded, photo, same) == 0
    seed = Design("coded", seed=3, label=0)
    assert apart(coded, seed, replace(seed, truncation=0.0)) > 0.1


def test_photos_blend(coded: Renderer, photo: Design, second: Design) -> None:
    space = coded.open("coded").space
    first_place, second_place = space.place(photo), space.place(second)
    between = blend.blend(photo, second, 0.25)
    place = space.place(between)
    for of in (space.styles, space.remainder):
        wanted = 0.75 * of(first_place) + 0.25 * of(second_place)
        assert np.allclose(of(place), wanted, atol=1e-5)
    assert apart(coded, between, photo) < apart(coded, between, second)
    # With a design of a seed, whose part has no remainder.
    mixed = space.place(blend.blend(photo, Design("coded", seed=1), 0.5))
    assert np.allclose(space.remainder(mixed), 0.5 * space.remainder(first_place), atol=1e-6)
    assert space.remainder(space.place(Design("coded", seed=1))) is None


def test_a_photo_goes_through_text_and_links(photo: Design, second: Design) -> None:
    for design in (photo, blend.blend(photo, second, 0.5), variation(photo, 3, 0.5)):
        assert from_json(design.to_json()) == design
        assert from_code(design.to_code()) == design
    assert len(photo.to_code()) < 1.1 * len(photo.photo) + 200


def test_more_photos_than_a_link_holds_are_refused_in_a_sentence() -> None:
    stream = np.random.default_rng(0)
    photos = [Design("a", photo=text(stream.bytes(11_000))) for _ in range(8)]
    while len(photos) > 1:
        photos = [
            blend.blend(one, other, 0.5)
            for one, other in zip(photos[::2], photos[1::2], strict=True)
        ]
    with pytest.raises(DesignError, match="too large for a link"):
        photos[0].to_code()


def test_what_is_packed_comes_back() -> None:
    torch.manual_seed(3)
    packing = Packing(made())
    code = torch.randn(14, 4, 4)
    packed = packing.unpack(packing.pack(code))
    style = torch.from_numpy(packed.style)[None]
    with torch.inference_mode():
        assert torch.allclose(style, packing.generator.synthesis.styles(code[None]), atol=0.01)
        again = packing.generator.codes(style)[0].numpy() + packed.remainder
    assert np.square(again - code.numpy()).mean() < 0.02 * np.square(packed.remainder).mean()
    assert packing.pack(code) == packing.pack(code)
    with pytest.raises(PhotoError):
        packing.pack(code * float("nan"))


def test_a_photo_for_other_codes_is_refused(
    coded: Renderer, photo: Design, takes_photos: Path
) -> None:
    with pytest.raises(PhotoError, match="other weights"):
        coded.pixels(replace(photo, generator="other"))


def test_a_generator_without_codes_refuses_a_photo(renderer: Renderer, photo: Design) -> None:
    for name in ("colour", "grey"):
        with pytest.raises(PhotoError, match="does not draw photos"):
            renderer.pixels(replace(photo, generator=name, label=None))


def test_without_photos_seeds_take_their_place(photo: Design, second: Design) -> None:
    both = blend.blend(photo, blend.blend(Design("coded", seed=4), second, 0.5), 0.5)
    plain = without_photos(both)
    assert not plain.blend[0].photo and not plain.blend[1].blend[1].photo
    assert plain.amounts == both.amounts and plain.blend[1].blend[0].seed == 4


@pytest.mark.parametrize("value", [None, 5, ["A"], "a b", "A=", "ä", "A" * (MAX_PHOTO + 1), "A\n"])
def test_what_is_no_text_of_a_photo_is_no_design(value: object) -> None:
    with pytest.raises(DesignError, match="photo is damaged"):
        from_dict({"generator": "coded", "photo": value})


def test_a_photo_and_a_blend_are_no_design() -> None:
    parent = {"generator": "a"}
    with pytest.raises(DesignError, match="not both"):
        from_dict({"generator": "a", "photo": "AQ", "blend": [parent, parent, 0.5]})


HALF_NAN = b"\x00\x7e"
DAMAGED = {
    "empty body": HEAD,
    "cut": HEAD + bytes(BODY - 1),
    "too long": HEAD + bytes(BODY + 1),
    "not a number": HEAD + HALF_NAN + bytes(BODY - 2),
    "a step that is none": HEAD + bytes(2 * 12) + HALF_NAN + bytes(BODY - 26),
    "a step below 0": HEAD + bytes(2 * 12) + b"\x00\xc0" + bytes(BODY - 26),
    "infinite": HEAD + b"\x00\x7c" + bytes(BODY - 2),
    "far out": HEAD + b"\xff\x7b" + bytes(BODY - 2),
    "no bytes": b"",
    "a mark only": HEAD[:MARK],
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PhotoError, match="damaged"):
        PACKING.unpack(text(data))


def test_other_versions_and_another_text_of_the_same_bytes_are_refused() -> None:
    packing = Packing(made(code_channels=13))
    good = bytes([1]) + packing.mark + bytes(sum(packing.sizes) - 1 - MARK)
    assert packing.unpack(text(good)).style.tolist() == [0.0] * 12
    with pytest.raises(PhotoError, match="another version"):
        packing.unpack(text(bytes([2]) + good[1:]))
    assert len(good) % 3, "the last character has bits to spare"
    spare = text(good)
    with pytest.raises(PhotoError, match="damaged"):
        packing.unpack(spare[:-1] + chr(ord(spare[-1]) + 1))


def test_a_step_of_zero_keeps_zeros() -> None:
    values = np.stack([np.zeros(6), np.linspace(-3, 3, 6)]).astype(np.float32)
    steps, levels = quantised(values)
    assert steps[0] == 0 and steps[1] > 0 and levels.max() <= 15
    back = (levels - 7.5) * steps[:, None].astype(np.float32)
    assert not back[0].any() and np.abs(back[1] - values[1]).max() < 0.25


@given(st.binary(max_size=BODY + 8), st.booleans(), st.booleans())
def test_whatever_bytes_come_are_a_photo_or_a_sentence(
    data: bytes, headed: bool, filled: bool
) -> None:
    data = HEAD + data if headed else data
    if filled:
        data = data[: sum(PACKING.sizes)].ljust(sum(PACKING.sizes), b"\0")
    try:
        found = PACKING.unpack(text(data))
    except PhotoError as error:
        assert str(error).endswith(".")
    else:
        assert np.isfinite(found.style).all() and np.isfinite(found.remainder).all()
        assert found.remainder.shape == (14, 4, 4)
