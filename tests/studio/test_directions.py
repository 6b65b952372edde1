"""Sliders: what strongly changes a picture is found, named, turned the right way, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from studio import directions
from studio.checkpoint import Checkpoint, read
from studio.directions import FILE, Directions, find, of_checkpoint
from studio.generators import Generator

Make = Callable[..., Checkpoint]
STYLE = {"kind": "style", "latent_dim": 6, "style_dim": 5, "widths": [8, 8, 4]}
COLOUR = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}


class Square(Generator):
    """A square on blue: z[2] makes it dark or light, z[4] cool or warm, less so; the rest nothing.

    ``turn`` rotates the latents first, so that the directions lie along no axis.
    """

    kind = "square"

    def __init__(self, sign: float = 1.0, turn: Tensor | None = None) -> None:
        super().__init__(latent_dim=6, image_size=16, channels=3, output="sigmoid")
        self.sign = sign
        self.turn = torch.eye(6) if turn is None else turn

    @property
    def config(self) -> dict[str, Any]:
        return {}

    def draw(self, styles: Tensor) -> Tensor:
        z = styles @ self.turn
        light, tint = self.sign * 0.08 * z[:, 2], self.sign * 0.03 * z[:, 4]
        colour = torch.stack([0.45 + light + tint, 0.45 + light, 0.45 + light - tint], 1)
        images = (
            torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1).expand(len(styles), 3, 16, 16).clone()
        )
        images[:, :, 4:12, 4:12] = colour[:, :, None, None]
        return images


class Squares(Square):
    """Squares in four categories, some black and some white, that z[2] makes a little lighter."""

    kind = "squares"
    mapped = True
    classes = 4

    def map(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.cat([z[:, :5], 5 * (condition[:, None] % 2 - 0.5)], 1)

    def draw(self, styles: Tensor) -> Tensor:
        w = styles.flatten(1)
        colours = (0.5 + 0.08 * w[:, 5] + 0.01 * w[:, 2]).view(-1, 1, 1, 1).expand(-1, 3, 8, 8)
        return torch.nn.functional.pad(colours, (4, 4, 4, 4), value=1.0)


@pytest.fixture
def tiny(make_checkpoint: Make, tmp_path: Path) -> Checkpoint:
    return make_checkpoint(tmp_path / "tiny", COLOUR, seed=1)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[Generator]:
    """Which generators have been searched."""
    seen: list[Generator] = []

    def counted(generator: Generator, **kwargs: Any) -> Directions:
        seen.append(generator)
        return find(generator, **kwargs)

    monkeypatch.setattr(directions, "find", counted)
    return seen


def same(first: Directions, second: Directions) -> bool:
    return (
        np.array_equal(first.vectors, second.vectors)
        and first.names == second.names
        and first.effects == second.effects
    )


# --- the search --------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_known_strong_direction_is_found_named_and_turned(sign: float) -> None:
    found = find(Square(sign))
    assert found.names[:2] == (("Dark", "Light"), ("Cool", "Warm"))
    expected = sign * np.eye(6)[[2, 4]]
    np.testing.assert_allclose(found.vectors[:2, 0], expected, atol=0.01)


def test_directions_need_not_lie_along_an_axis() -> None:
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(0)))
    found = find(Square(turn=turn))
    assert found.names[0] == ("Dark", "Light")
    np.testing.assert_allclose(found.vectors[0, 0], turn[:, 2], atol=0.01)


def test_the_high_end_of_a_slider_looks_as_it_is_called() -> None:
    generator = Square(-1.0)
    found = find(generator)
    for index, channel_difference in enumerate((lambda c: c.mean(), lambda c: c[0] - c[2])):
        step = torch.from_numpy(2.0 * found.vectors[index])
        low, high = (generator(sign * step)[0, :, 8, 8] for sign in (-1, 1))
        assert channel_difference(high) > channel_difference(low) + 0.05


def test_effects_are_what_a_standard_deviation_changes() -> None:
    effects = find(Square()).effects
    # Of the 16 x 16 coarse pixels, the square covers a quarter, in all three channels.
    assert effects[0] == pytest.approx(0.08 * 0.25**0.5, rel=0.05)
    assert effects[1] == pytest.approx(0.03 * (0.25 * 2 / 3) ** 0.5, rel=0.05)
    assert max(effects[2:]) < 0.001


def test_a_slider_is_named_by_what_it_does_within_a_category() -> None:
    # Among all designs it changes next to nothing, beside what tells the categories apart.
    found = find(Squares())
    assert found.names[0] == ("Dark", "Light")
    assert np.abs(found.vectors[0]).argmax() == 2 and found.vectors[0, 0, 2] > 0


def test_what_changes_nothing_gets_a_number_for_a_name() -> None:
    names = find(Square()).names
    assert [low.startswith(f"Look {index}") for index, (low, _) in enumerate(names, 1)] == [
        *(False, False),
        *(True, True, True, True),
    ]


@pytest.mark.parametrize("name", ["colour", "grey"])
def test_directions_are_unit_vectors_at_right_angles_strongest_first(
    renderer: Any, name: str
) -> None:
    opened = renderer.open(name)
    found = opened.directions
    assert found.vectors.dtype == np.float32
    size = opened.generator.latent_dim  # less than ten
    assert found.vectors.shape == (size, 1, size)
    vectors = found.vectors[:, 0]
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(size), atol=1e-4)
    assert len(found.names) == len(found.effects) == len(found.vectors)
    assert list(found.effects) == sorted(found.effects, reverse=True)
    assert found.effects[-1] > 0
    assert len(set(found.names)) == len(found.names)


def test_at_most_ten_are_found(make_generator: Callable[..., Generator]) -> None:
    wide = make_generator({**COLOUR, "latent_dim": 24}, 0)
    assert find(wide).vectors.shape == (10, 1, 24)
    assert find(wide, 3).vectors.shape == (3, 1, 24)
    np.testing.assert_array_equal(np.abs(find(wide, 3).vectors), np.abs(find(wide).vectors[:3]))


def test_the_search_repeats_exactly_and_leaves_the_random_state_alone(
    make_generator: Callable[..., Generator],
) -> None:
    generator = make_generator(COLOUR, 3)
    before = torch.get_rng_state()
    first = find(generator)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert same(find(generator), first)


# --- the cache ---------------------------------------------------------------------------------


def test_directions_are_kept_beside_the_weights(
    tiny: Checkpoint, searches: list[Generator]
) -> None:
    generator = tiny.load_generator()
    found = of_checkpoint(tiny, generator)
    assert (tiny.folder / FILE).is_file()
    again = of_checkpoint(read(tiny.folder), generator)
    assert len(searches) == 1
    assert same(found, again)
    assert again.vectors.dtype == np.float32
    assert isinstance(again.names[0], tuple)


def test_directions_of_other_weights_are_found_anew(
    tiny: Checkpoint, make_checkpoint: Make, tmp_path: Path, searches: list[Generator]
) -> None:
    of_checkpoint(tiny, tiny.load_generator())
    other = make_checkpoint(tmp_path / "other", COLOUR, seed=2)
    stale = (tiny.folder / FILE).read_text()
    (other.folder / FILE).write_text(stale)
    found = of_checkpoint(other, other.load_generator())
    assert len(searches) == 2
    assert (other.folder / FILE).read_text() != stale
    assert same(found, of_checkpoint(other, other.load_generator()))
    assert len(searches) == 2


def test_files_from_before_layers_had_vectors_of_their_own_are_read(
    make_generator: Callable[..., Generator], tmp_path: Path
) -> None:
    generator = make_generator(STYLE, 0)
    vectors = np.random.default_rng(0).standard_normal((2, generator.style_dim)).round(5)
    values = {
        "fingerprint": "f",
        "names": [["Dark", "Light"], ["Small", "Large"]],
        "effects": [0.2, 0.1],
        "vectors": vectors.tolist(),
    }
    path = tmp_path / FILE

    def read_with(**more: Any) -> np.ndarray:
        path.write_text(json.dumps({**values, **more}))
        return directions.read(path, "f", generator).vectors

    everywhere = np.repeat(vectors[:, None], generator.style_layers, 1).astype(np.float32)
    np.testing.assert_array_equal(read_with(), everywhere)
    found = read_with(layers=[[0, 2], [2, 3]])
    np.testing.assert_array_equal(found[0, :2], everywhere[0, :2])
    np.testing.assert_array_equal(found[1, 2:], everywhere[1, 2:])
    assert not found[0, 2:].any() and not found[1, :2].any()
    for wrong in ([[0, 2]], [[0, 2], [2, 4]], [[0, 2], "ab"], [[0, 0], [0, 1]]):
        with pytest.raises((ValueError, TypeError)):
            read_with(layers=wrong)


DAMAGE: dict[str, Callable[[dict], Any]] = {
    "no object": lambda values: [values],
    "nothing": lambda values: None,
    "no names": lambda values: {**values, "names": None},
    "names of one end": lambda values: {**values, "names": [["a"]] * 8},
    "one name less": lambda values: {**values, "names": values["names"][1:]},
    "one effect less": lambda values: {**values, "effects": values["effects"][1:]},
    "effects of text": lambda values: {**values, "effects": ["a"] * 8},
    "no vectors": lambda values: {**values, "vectors": []},
    "vectors too short": lambda values: {
        **values,
        "vectors": [[v[1:] for v in each] for each in values["vectors"]],
    },
    "ragged": lambda values: {**values, "vectors": [[[1.0]], *values["vectors"][1:]]},
    "not a number": lambda values: {**values, "vectors": [[[float("nan")] * 8]] * 8},
    "too large": lambda values: {**values, "vectors": [[[10**400] * 8]] * 8},
    "without fingerprint": lambda values: {k: v for k, v in values.items() if k != "fingerprint"},
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_directions_are_found_anew(
    tiny: Checkpoint, searches: list[Generator], damage: Callable[[dict], Any]
) -> None:
    generator = tiny.load_generator()
    found = of_checkpoint(tiny, generator)
    values = json.loads((tiny.folder / FILE).read_text())
    (tiny.folder / FILE).write_text(json.dumps(damage(values)))
    assert same(of_checkpoint(tiny, generator), found)
    assert len(searches) == 2
    assert json.loads((tiny.folder / FILE).read_text()) == values


def test_directions_cut_short_are_found_anew(tiny: Checkpoint, searches: list[Generator]) -> None:
    generator = tiny.load_generator()
    found = of_checkpoint(tiny, generator)
    path = tiny.folder / FILE
    path.write_bytes(path.read_bytes()[:-20])
    assert same(of_checkpoint(tiny, generator), found)
    path.write_bytes(b"\xff\xfe")
    assert same(of_checkpoint(tiny, generator), found)
    assert len(searches) == 3


def test_a_folder_that_cannot_be_written_to_works_too(
    tiny: Checkpoint, searches: list[Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(30, "Read-only file system", str(path))

    monkeypatch.setattr(directions, "write_text_whole", refuse)
    generator = tiny.load_generator()
    found = of_checkpoint(tiny, generator)
    assert same(of_checkpoint(tiny, generator), found)
    assert len(searches) == 2
    assert not (tiny.folder / FILE).exists()


def test_edited_names_are_shown(tiny: Checkpoint, searches: list[Generator]) -> None:
    generator = tiny.load_generator()
    found = of_checkpoint(tiny, generator)
    named = replace(found, names=(("Calm", "Loud"), *found.names[1:]))
    directions.write(tiny.folder / FILE, named, tiny.fingerprint)
    assert of_checkpoint(tiny, generator).names[0] == ("Calm", "Loud")
    assert len(searches) == 1
