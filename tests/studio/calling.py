"""The endpoints by name, and designs to call them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Call = Callable[..., Any]
FIRST: dict[str, Any] = {"generator": "colour", "seed": 7, "directions": [[0, 1.5]]}
SECOND: dict[str, Any] = {"generator": "colour", "seed": 8, "truncation": 0.75}
GREY: dict[str, Any] = {"generator": "grey", "seed": 3, "dimensions": [[2, -1.25]]}
ENDPOINTS = {
    "generators",
    "sliders",
    "understand",
    "network",
    "places",
    "render",
    "sheet",
    "variations",
    "blend",
    "blend_strip",
    "blend_animation",
    "design_from_photo",
    "open_picture",
    "open_link",
    "link",
    "collection_zip",
    "detailed",
}
