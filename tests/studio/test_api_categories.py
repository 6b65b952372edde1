"""Categories, and blends of shape and surface apart, over HTTP and with the same pixels."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Call
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from studio import blend, design, exports
from studio.__main__ import main
from studio.render import Renderer

COAT: dict[str, Any] = {"generator": "styled", "seed": 7, "directions": [[0, 1.5]], "label": 2}
DRESS: dict[str, Any] = {"generator": "styled", "seed": 8, "truncation": 0.75, "label": 0}
PLAIN: dict[str, Any] = {"generator": "colour", "seed": 8}


@pytest.fixture(scope="module")
def renderer(styled_checkpoints: Path) -> Renderer:
    """What the server of these tests draws with."""
    return Renderer(styled_checkpoints)


def opened(source: Any) -> np.ndarray:
    with Image.open(source) as image:
        return np.array(image)


def drawn(renderer: Renderer, values: dict[str, Any]) -> np.ndarray:
    return renderer.pixels(design.from_dict(values))


def sheet(call: Call, designs: list[dict[str, Any]]) -> list[np.ndarray]:
    """The pictures of designs, as the page gets them."""
    pixels = opened(io.BytesIO(base64.b64decode(call("sheet", designs)["png"])))
    return np.split(pixels.astype(int), len(designs), 1)


def test_generators_tell_their_categories(call: Call) -> None:
    found = {each["name"]: each["classes"] for each in call("generators")}
    assert found == {"colour": [], "styled": ["Dress", "Tank top", "Coat"]}


def test_sliders_tell_what_a_generator_can(call: Call, renderer: Renderer) -> None:
    styled, colour = call("sliders", "styled"), call("sliders", "colour")
    assert (styled["dimensions"], styled["size"], styled["apart"]) == (10, 16, True)
    assert (colour["dimensions"], colour["size"], colour["apart"]) == (8, 16, False)
    last = {**COAT, "dimensions": [[9, 2.0]]}  # the last of its fine controls
    assert not np.array_equal(drawn(renderer, last), drawn(renderer, COAT))


def test_a_category_is_another_picture_with_the_same_sliders(call: Call) -> None:
    pictures = sheet(call, [{**COAT, "label": label} for label in range(3)])
    assert len({each.tobytes() for each in pictures}) == 3


def test_relatives_are_of_the_same_category(call: Call) -> None:
    for each in call("variations", COAT, 4, 9):
        assert {**each, "variations": None} == {**COAT, "variations": None}


def test_the_least_adventurous_is_the_categorys_average(call: Call, renderer: Renderer) -> None:
    for label in range(3):
        typical = {"generator": "styled", "truncation": 0, "label": label}
        designs = [{**typical, "seed": seed} for seed in range(6)]
        first, *others = sheet(call, designs)
        for other in others:  # all the same, but for what rounding does to the last bit
            assert abs(first - other).max() <= 1
        bolder = sheet(call, [{**each, "truncation": 0.5} for each in designs])
        boldest = sheet(call, [{**each, "truncation": 1} for each in designs])
        away = [np.mean([abs(first - each).mean() for each in some]) for some in (bolder, boldest)]
        assert 1 < away[0] < away[1]
    averages = sheet(call, [{**typical, "seed": 0, "label": label} for label in range(3)])
    assert abs(averages[0] - averages[1]).mean() > 1 < abs(averages[1] - averages[2]).mean()


def test_a_blend_of_shape_and_surface_apart(call: Call, renderer: Renderer) -> None:
    apart = call("blend", COAT, DRESS, 0, 1)
    assert apart == {"generator": "styled", "seed": 0, "blend": [COAT, DRESS, 0, 1]}
    assert call("blend", COAT, DRESS, 0.5, 0.5) == call("blend", COAT, DRESS, 0.5)
    assert call("blend", COAT, DRESS, 0, surface=0) == COAT
    assert call("blend", COAT, DRESS, 1, 1) == DRESS
    designs = [COAT, DRESS, apart, call("blend", COAT, DRESS, 1, 0)]
    assert len({drawn(renderer, each).tobytes() for each in designs}) == 4


def test_strips_and_animations_leave_the_surface_where_it_is_told(
    call: Call, renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.ui.api.ANIMATION_SIZE", 32)  # palettes of 512 px take seconds
    pair = design.from_dict(COAT), design.from_dict(DRESS)
    for surface in (None, 0.25):
        found = opened(call("blend_strip", COAT, DRESS, 4, 16, surface))
        steps = blend.steps(*pair, 4, surface)
        assert np.array_equal(found, np.concatenate([renderer.pixels(each) for each in steps], 1))
    together, apart = (
        Path(call("blend_animation", COAT, DRESS, *surface)).read_bytes() for surface in ([], [0])
    )
    assert together != apart
    assert apart == blend.animation(renderer, blend.steps(*pair, 25, 0), 32)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({**COAT, "label": 3}, "categories are Dress, Tank top and Coat."),
        ({**COAT, "label": -1}, "label must be a whole number"),
        ({**PLAIN, "label": 0}, "has no categories"),
        ({**PLAIN, "blend": [PLAIN, {**PLAIN, "seed": 9}, 0.5, 0]}, "can't be blended apart"),
    ],
)
def test_what_a_generator_lacks_is_a_sentence(
    call: Call, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(AppError, match=words):
        call("render", values, 16)


def test_a_category_travels_in_pictures_and_links(call: Call, renderer: Renderer) -> None:
    between = {"generator": "styled", "seed": 0, "blend": [COAT, DRESS, 0.25, 0.75]}
    for values in (COAT, DRESS, between):
        stamped = renderer.stamped(design.from_dict(values)).to_dict()
        path = call("render", values, 16)
        assert call("open_picture", handle_file(path)) == {"design": stamped, "note": ""}
        assert call("open_link", call("link", values)) == {"design": stamped, "note": ""}


def test_the_same_pixels_from_the_api_the_shell_and_the_renderer(
    call: Call, renderer: Renderer, styled_checkpoints: Path, tmp_path: Path
) -> None:
    values = {"generator": "styled", "seed": 41, "truncation": 0.6, "label": 1}
    options = ["--checkpoints", styled_checkpoints, "--runs", tmp_path / "runs", "generate"]
    options += ["styled", "--category", "tank top", "--count", 1, "--seed", 41]
    assert main([str(each) for each in [*options, "--truncation", 0.6, "--out", tmp_path]]) == 0
    from_shell = tmp_path / "styled-tank-top-41.png"
    from_api = Path(call("render", values, 16))
    assert from_shell.read_bytes() == from_api.read_bytes()
    assert exports.from_png(from_api.read_bytes()).label == 1
    [on_a_sheet] = sheet(call, [values])
    assert np.array_equal(opened(from_api), drawn(renderer, values))
    assert np.array_equal(on_a_sheet, drawn(renderer, values))
