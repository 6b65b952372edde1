"""The same design gives the same pixels, whoever asks, and they are drawn once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio import latents
from studio.checkpoint import GENERATOR, Checkpoint, CheckpointError
from studio.design import Design, DesignError
from studio.directions import FILE
from studio.generators.base import to_uint8
from studio.render import Renderer

Make = Callable[..., Checkpoint]
COLOUR = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
SEED = Design("colour", seed=3)
DESIGNS = {
    "seed": SEED,
    "grey": Design("grey", seed=3),
    "truncated": replace(SEED, truncation=0.4),
    "slider": replace(SEED, directions=((1, 2.0),)),
    "fine control": replace(SEED, dimensions=((6, -2.0),)),
    "variation": replace(SEED, variations=((9, 0.4),)),
    "blend": Design("colour", blend=(SEED, Design("colour", seed=4), 0.3)),
}


def draws(renderer: Renderer, name: str, patch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with every drawing of a generator."""
    counted: list[int] = []
    generator = renderer.open(name).generator
    draw = generator.draw

    def counting(styles: torch.Tensor) -> torch.Tensor:
        counted.append(1)
        return draw(styles)

    patch.setattr(generator, "draw", counting)
    return counted


# --- pixels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_the_same_design_has_the_same_pixels_in_every_renderer(
    renderer: Renderer, checkpoints: Path, design: Design
) -> None:
    first = renderer.pixels(design)
    assert first.dtype == np.uint8
    assert first.shape == ((28, 28, 1) if design.generator == "grey" else (16, 16, 3))
    np.testing.assert_array_equal(renderer.pixels(design), first)
    np.testing.assert_array_equal(Renderer(checkpoints).pixels(design), first)


def test_pixels_are_what_the_generator_draws_from_the_designs_latent(renderer: Renderer) -> None:
    design = DESIGNS["slider"]
    opened = renderer.open("colour")
    latent = renderer.styles(design)
    expected = latents.of_seed(3, 8) + 2 * opened.directions.vectors[1, 0]
    np.testing.assert_allclose(latent, expected, atol=1e-6)
    with torch.inference_mode():
        drawn = opened.generator(torch.from_numpy(latent)[None])
    expected = to_uint8(drawn, (-1, 1))[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(renderer.pixels(design), expected)


def test_what_a_design_changes_changes_pixels(renderer: Renderer) -> None:
    colour = [renderer.pixels(d).tobytes() for d in DESIGNS.values() if d.generator == "colour"]
    assert len(set(colour)) == len(colour) == 6
    for index in range(8):
        moved = renderer.pixels(replace(SEED, directions=((index, 1.5),)))
        assert not np.array_equal(moved, renderer.pixels(SEED))
        back = renderer.pixels(replace(SEED, directions=((index, -1.5),)))
        assert not np.array_equal(moved, back)


def test_a_stronger_slider_changes_more(renderer: Renderer) -> None:
    def changed(index: int, steps: float) -> float:
        seeds = [Design("colour", seed=seed) for seed in range(20)]
        moved = [replace(each, directions=((index, steps),)) for each in seeds]
        return np.mean(
            [
                abs(renderer.pixels(one).astype(int) - renderer.pixels(other)).mean()
                for one, other in zip(seeds, moved, strict=True)
            ]
        )

    assert changed(0, 2.0) > changed(0, 1.0) > changed(0, 0.1)
    assert changed(0, 1.0) > changed(7, 1.0)


def test_threads_get_the_same_pixels(checkpoints: Path) -> None:
    designs = [Design(name, seed=seed) for seed in range(12) for name in ("colour", "grey")] * 2
    alone, shared = Renderer(checkpoints), Renderer(checkpoints)
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(shared.pixels, designs))
    for design, pixels in zip(designs, drawn, strict=True):
        np.testing.assert_array_equal(pixels, alone.pixels(design))


def test_pixels_in_the_cache_cannot_be_changed(renderer: Renderer) -> None:
    pixels = renderer.pixels(SEED)
    with pytest.raises(ValueError, match="read-only"):
        pixels[:] = 0
    image = renderer.image(SEED)
    image.paste((1, 2, 3), (0, 0, 16, 16))
    assert not (renderer.pixels(SEED) == (1, 2, 3)).all()


# --- drawn once --------------------------------------------------------------------------------


def test_an_unchanged_design_is_not_drawn_again(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = Renderer(checkpoints)
    counted = draws(renderer, "colour", monkeypatch)
    for _ in range(3):
        renderer.pixels(SEED)
        renderer.image(SEED)
        renderer.enlarged(SEED, 64)
        renderer.pixels(replace(SEED, fingerprint="0123456789ab"))
        renderer.pixels(renderer.stamped(SEED))
    assert len(counted) == 1
    renderer.pixels(replace(SEED, seed=4))
    assert len(counted) == 2


def test_a_generator_is_opened_once_by_many_threads(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    load = Checkpoint.load_generator
    monkeypatch.setattr(
        Checkpoint, "load_generator", lambda self: loads.append(self.name) or load(self)
    )
    renderer = Renderer(checkpoints)
    assert loads == []
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(renderer.open, ["colour"] * 16))
    assert loads == ["colour"]
    assert all(each is opened[0] for each in opened)


# --- what can't be drawn -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (Design("nothing"), "'nothing' is not here"),
        (Design("../colour"), "is not here"),
        (Design(""), "is not here"),
        (replace(SEED, directions=((8, 1.0),)), "has 8 sliders"),
        (replace(SEED, dimensions=((8, 1.0),)), "has 8 fine controls"),
        (Design("colour", blend=(SEED, replace(SEED, directions=((9, 1.0),)), 0.5)), "8 sliders"),
    ],
)
def test_a_design_that_cannot_be_drawn_says_why(
    renderer: Renderer, design: Design, message: str
) -> None:
    for ask in (renderer.pixels, renderer.styles, renderer.image):
        with pytest.raises(DesignError, match=message):
            ask(design)


def test_the_sentence_about_a_missing_generator_says_where_to_put_it(tmp_path: Path) -> None:
    renderer = Renderer(tmp_path / "one", tmp_path / "two")
    with pytest.raises(DesignError) as caught:
        renderer.stamped(SEED)
    assert f"{tmp_path / 'one'} or {tmp_path / 'two'}" in str(caught.value)


def test_damaged_weights_are_named_and_others_still_drawn(
    make_checkpoint: Make, tmp_path: Path
) -> None:
    for name in ("colour", "broken"):
        make_checkpoint(tmp_path / name, COLOUR)
    path = tmp_path / "broken" / GENERATOR
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    renderer = Renderer(tmp_path)
    with pytest.raises(CheckpointError, match="broken"):
        renderer.pixels(Design("broken"))
    assert renderer.pixels(SEED).shape == (16, 16, 3)
    path.write_bytes(whole)
    assert renderer.pixels(Design("broken")).shape == (16, 16, 3)


# --- what changes on disk ----------------------------------------------------------------------


def test_a_checkpoint_that_arrives_later_is_found(make_checkpoint: Make, tmp_path: Path) -> None:
    renderer = Renderer(tmp_path)
    assert renderer.checkpoints() == {}
    make_checkpoint(tmp_path / "colour", COLOUR)
    assert renderer.pixels(SEED).shape == (16, 16, 3)
    assert list(renderer.checkpoints()) == ["colour"]


def test_new_weights_are_picked_up_when_checkpoints_are_listed(
    make_checkpoint: Make, tmp_path: Path
) -> None:
    renderer = Renderer(tmp_path)
    make_checkpoint(tmp_path / "colour", COLOUR, seed=1)
    before = renderer.pixels(SEED)
    old = renderer.stamped(SEED)
    fingerprint = make_checkpoint(tmp_path / "colour", COLOUR, seed=2).fingerprint
    np.testing.assert_array_equal(renderer.pixels(SEED), before)
    renderer.checkpoints()
    after = renderer.pixels(SEED)
    assert not np.array_equal(after, before)
    assert renderer.stamped(SEED).fingerprint == fingerprint != old.fingerprint
    np.testing.assert_array_equal(renderer.pixels(old), after)  # stamps bring nothing back
    np.testing.assert_array_equal(Renderer(tmp_path).pixels(SEED), after)
    make_checkpoint(tmp_path / "colour", COLOUR, seed=1)
    renderer.checkpoints()
    np.testing.assert_array_equal(renderer.pixels(SEED), before)


def test_weights_that_were_replaced_since_they_were_listed_are_opened(
    make_checkpoint: Make, tmp_path: Path
) -> None:
    """A training writes its checkpoint again and again."""
    make_checkpoint(tmp_path / "colour", COLOUR, seed=1)
    renderer = Renderer(tmp_path)
    renderer.checkpoints()
    newer = make_checkpoint(tmp_path / "colour", COLOUR, seed=2)
    np.testing.assert_array_equal(renderer.pixels(SEED), Renderer(tmp_path).pixels(SEED))
    assert renderer.stamped(SEED).fingerprint == newer.fingerprint


def test_a_generator_that_is_being_opened_keeps_no_other_waiting(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = Renderer(checkpoints)
    opening, drawn = threading.Event(), threading.Event()
    load = Checkpoint.load_generator

    def slowly(self: Checkpoint) -> Any:
        if self.name == "grey":
            opening.set()
            assert drawn.wait(30)
        return load(self)

    monkeypatch.setattr(Checkpoint, "load_generator", slowly)
    with ThreadPoolExecutor(1) as pool:
        grey = pool.submit(renderer.open, "grey")
        assert opening.wait(30)
        renderer.pixels(SEED)
        drawn.set()
        assert grey.result(30).checkpoint.name == "grey"


def test_sliders_belong_to_the_new_weights(make_checkpoint: Make, tmp_path: Path) -> None:
    renderer = Renderer(tmp_path)
    make_checkpoint(tmp_path / "colour", COLOUR, seed=1)
    before = renderer.open("colour").directions.vectors
    make_checkpoint(tmp_path / "colour", COLOUR, seed=2)
    assert not (tmp_path / "colour" / FILE).exists()
    renderer.checkpoints()
    assert not np.array_equal(renderer.open("colour").directions.vectors, before)


def test_an_open_generator_outlives_its_folder(make_checkpoint: Make, tmp_path: Path) -> None:
    renderer = Renderer(tmp_path)
    make_checkpoint(tmp_path / "colour", COLOUR)
    before = renderer.pixels(SEED)
    shutil.rmtree(tmp_path / "colour")
    np.testing.assert_array_equal(renderer.pixels(SEED), before)
    renderer.checkpoints()
    with pytest.raises(DesignError, match="is not here"):
        renderer.pixels(SEED)


# --- images ------------------------------------------------------------------------------------


def test_images_have_the_mode_and_the_pixels(renderer: Renderer) -> None:
    for name, mode in (("colour", "RGB"), ("grey", "L")):
        image = renderer.image(Design(name))
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), renderer.pixels(Design(name)).squeeze())


@pytest.mark.parametrize(
    ("size", "colour", "grey"),
    [(0, 16, 28), (10, 16, 28), (16, 16, 28), (100, 100, 84), (112, 112, 112), (1024, 1024, 1008)],
)
def test_pictures_are_enlarged_in_their_generators_manner(
    renderer: Renderer, size: int, colour: int, grey: int
) -> None:
    smooth = renderer.enlarged(SEED, size)
    assert smooth.size == (colour, colour)
    expected = renderer.image(SEED).resize((colour, colour), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(np.asarray(smooth), np.asarray(expected))
    blocks = renderer.enlarged(Design("grey"), size)
    assert blocks.size == (grey, grey)
    pixels = renderer.pixels(Design("grey"))[..., 0]
    expected = pixels.repeat(grey // 28, 0).repeat(grey // 28, 1)
    np.testing.assert_array_equal(np.asarray(blocks), expected)


@pytest.mark.parametrize("manner", ["bicubic", None, 5, ["nearest"], {}])
def test_an_unknown_manner_of_enlargement_is_the_usual_one(
    make_checkpoint: Make, tmp_path: Path, manner: Any
) -> None:
    make_checkpoint(tmp_path / "colour", COLOUR, enlargement=manner)
    renderer = Renderer(tmp_path)
    expected = renderer.image(SEED).resize((50, 50), Image.Resampling.LANCZOS)
    assert renderer.enlarged(SEED, 50) == expected


def test_a_sheet_is_its_designs_side_by_side(renderer: Renderer) -> None:
    for name, size in (("colour", 16), ("grey", 28)):
        designs = [Design(name, seed=seed) for seed in (5, 2, 5, 9)]
        sheet = np.asarray(renderer.sheet(designs))
        assert sheet.shape[:2] == (size, 4 * size)
        for index, design in enumerate(designs):
            part = sheet[:, index * size : (index + 1) * size]
            np.testing.assert_array_equal(part, renderer.pixels(design).squeeze())


def test_a_stamp_is_the_weights_fingerprint_and_changes_nothing_else(renderer: Renderer) -> None:
    stamped = renderer.stamped(DESIGNS["blend"])
    assert stamped.fingerprint == renderer.checkpoints()["colour"].fingerprint
    assert replace(stamped, fingerprint="") == DESIGNS["blend"]
