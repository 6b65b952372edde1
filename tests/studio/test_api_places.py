"""Places: what a page needs to put designs together by itself, from the same numbers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Call

from studio import design
from studio.render import Renderer

LEAVES: dict[str, dict[str, Any]] = {
    "latent": {"generator": "colour", "seed": 7},
    "relatives": {"generator": "colour", "seed": 7, "variations": [[9, 0.3]]},
    "category": {"generator": "styled", "seed": 7, "label": 2},
    "two categories": {
        "generator": "styled",
        "seed": 0,
        "blend": [
            {"generator": "styled", "seed": 1, "label": 0},
            {"generator": "styled", "seed": 2, "label": 1},
            0.25,
            0.75,
        ],
    },
}


@pytest.fixture(scope="module")
def renderer(styled_checkpoints: Path) -> Renderer:
    """What the server of these tests draws with."""
    return Renderer(styled_checkpoints)


def decoded(place: dict[str, str], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {
        name: np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)
        for name, text in place.items()
    }


@pytest.mark.parametrize("name", LEAVES)
def test_a_design_is_put_together_from_its_leafs_place(
    call: Call, renderer: Renderer, name: str
) -> None:
    leaf = LEAVES[name]
    (answer,) = call("places", [leaf])
    whole = {**leaf, "truncation": 0.6, "directions": [[1, 1.5]], "dimensions": [[2, -2.0]]}
    expected = renderer.styles(design.from_dict(whole))
    place = decoded(answer, expected.shape)
    found = place["styles"] + (0.6 - 1) * (place["styles"] - place["centre"])
    directions = renderer.open(leaf["generator"]).directions
    rows = np.atleast_2d(found)
    rows += 1.5 * directions.vectors[1]
    rows[:, 2] += -2.0 * np.atleast_2d(place["deviation"])[:, 2]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_several_places_come_in_their_order(call: Call) -> None:
    first, second = LEAVES["latent"], LEAVES["relatives"]
    assert call("places", [first, second]) == [
        call("places", [each])[0] for each in (first, second)
    ]


@pytest.mark.parametrize("designs", [[], [LEAVES["latent"]] * 65, [{"generator": "nobody"}]])
def test_what_has_no_place_is_said(ask: Call, designs: list) -> None:
    status, answer = ask("places", designs)
    assert status != 200 and json.loads(answer)["error"]
