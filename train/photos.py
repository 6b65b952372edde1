"""The photos that can be trained on from the page: uploads and sample sets, and what is in them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from train.offers import Shape
from train.uploads import Uploads

SAMPLE = "sample:"
CHECKS_KEPT = 16
FITS = ("auto", "pad", "crop")
LICENCE = "the photos' owner decides"


@dataclass(frozen=True)
class Source:
    """Where photos lie, what they are called, and who decides on their use."""

    place: str
    name: str
    licence: str


class Photos:
    """Finds photos by the id that the page has for them, and remembers what was found in them."""

    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads
        self._lock = threading.Lock()
        self._checks: OrderedDict[tuple[Any, ...], dict[str, Any]] = OrderedDict()

    def sample_sets(self) -> list[dict[str, Any]]:
        return []

    def find(self, data: Any) -> Source:
        return Source(str(self.uploads.path(data).resolve()), self.uploads.name(data), LICENCE)

    def check(self, data: Any, shape: Shape, fit: str, suggestion: str = "") -> dict[str, Any]:
        # TEMPORARY until train.check is there
        import base64
        from studio import pictures
        from train.data import load_images

        found = load_images(
            self.find(data).place,
            shape.size,
            shape.channels,
            minimum=1,
            fit="pad" if fit == "auto" else fit,
        )
        png = pictures.to_png(pictures.sheet(found.images[:16], 8))
        usable = len(found) >= 16
        reason = f"There are {len(found)} photos, and at least 16 are needed."
        return {
            "usable": usable,
            "reasons": [] if usable else [reason],
            "files": len(found) + len(found.skipped),
            "images": len(found),
            "unreadable": [list(each) for each in found.skipped],
            "same": [],
            "alike": [],
            "odd": [],
            "sizes": found.native_sizes._asdict(),
            "common_size": [64, 64],
            "shapes": {"square": len(found), "tall": 0, "wide": 0},
            "fit": "pad" if fit == "auto" else fit,
            "fit_reason": "",
            "leave_out": [],
            "sentences": [{"kind": "good", "text": f"{len(found)} photos can be used."}],
            "preview": base64.b64encode(png).decode(),
            "preview_size": shape.size,
            "thumbnails": {},
        }
