"""Cards of checkpoints, good and broken, to write and to change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.checkpoint import CARD, Checkpoint

Make = Callable[..., Checkpoint]
COLOUR = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
JUDGE = {"kind": "dcgan", "widths": [8, 16], "end": 4, "channels": 3}
BROKEN_CARDS = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "a number": "1",
    "nothing": "null",
    "bytes": b"\xff\xfe\x00\x80",
    "too deep": '{"format": 1, "x": ' + "[" * 200_000,
    "no format": {"generator": COLOUR, "generator_sha256": "0" * 64},
    "another format": {"format": 2, "generator": COLOUR, "generator_sha256": "0" * 64},
    "no generator": {"format": 1, "generator_sha256": "0" * 64},
    "generator a text": {"format": 1, "generator": "dcgan", "generator_sha256": "0" * 64},
    "no hash": {"format": 1, "generator": COLOUR},
    "hash a number": {"format": 1, "generator": COLOUR, "generator_sha256": 5},
    "flow's hash a number": {
        "format": 1,
        "generator": COLOUR,
        "generator_sha256": "0" * 64,
        "flow_sha256": 5,
    },
    "hash cut": {"format": 1, "generator": COLOUR, "generator_sha256": "0" * 12},
}


def edit(found: Checkpoint, **changes: Any) -> None:
    card = {**json.loads((found.folder / CARD).read_text()), **changes}
    (found.folder / CARD).write_text(json.dumps(card))


def write_card(folder: Path, card: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card) if isinstance(card, dict) else card
    (folder / CARD).write_bytes(text if isinstance(text, bytes) else text.encode())
