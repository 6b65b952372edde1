"""What a run's process said last, as its status.json keeps it. Nothing here imports torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

# Files of before had no number, and count as 1; all that they say has the same names now.
FORMAT = 2


@dataclass(frozen=True)
class Status:
    """What a run does, how far it is, how well it goes, or why it ended.

    Whatever nobody said yet is None or empty. It is read every second, maybe from another machine,
    so what can't be understood counts as not said.
    """

    state: str = ""
    sentence: str = ""
    notes: tuple[str, ...] = ()  # what happened and stays worth knowing
    # How far it is.
    step: int | None = None
    epoch: int | None = None
    images_shown: int | None = None
    seconds: float | None = None
    share: float | None = None
    seconds_left: float | None = None
    images_per_second: float | None = None
    # How well it goes: means of the newest tick, and what looks found.
    numbers: Mapping[str, float] | None = None
    distance: float | None = None
    health: Mapping[str, Any] | None = None
    best: Mapping[str, Any] | None = None  # {"distance", "images_shown"}
    # What a resume goes on from.
    saved_at: float | None = None
    saved_step: int | None = None
    # What it trains on, and which devices it waits for.
    device: str = ""
    device_name: str = ""
    memory: int | None = None
    memory_total: int | None = None
    devices: tuple[str, ...] | None = None
    queued_at: float | None = None
    started_at: float | None = None
    updated_at: float | None = None

    # The parts that somebody spoke of, if only to say that there is nothing: in JSON these are null
    # or empty, while the others are missing.
    said: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @classmethod
    def from_dict(cls, values: Any) -> Status:
        """What a status says that is known here; nothing if a later version's or no status."""
        if not isinstance(values, Mapping) or values.get("format", 1) not in range(1, FORMAT + 1):
            return cls()
        given: dict[str, Any] = {}
        for each in PARTS:
            value = values.get(each.name)
            if isinstance(value, KINDS[each.type]):
                given[each.name] = tuple(value) if isinstance(value, list) else value
        nothing = [each.name for each in PARTS if values.get(each.name, "") is None]
        return cls(**given, said=frozenset([*given, *nothing]))

    def changed(self, **changes: Any) -> Status:
        """The status with some parts changed."""
        return replace(self, **changes, said=self.said.union(changes))

    def after(self, newer: Status) -> Status:
        """The status with all parts changed that ``newer``, from a file, speaks of."""
        return self.changed(**{name: getattr(newer, name) for name in newer.said})

    def to_dict(self) -> dict[str, Any]:
        """For a page: what was said, by the names here."""
        said = {
            each.name: getattr(self, each.name)
            for each in PARTS
            if each.name in self.said or getattr(self, each.name) != each.default
        }
        return {n: list(each) if isinstance(each, tuple) else each for n, each in said.items()}

    def to_json(self) -> str:
        """For its file."""
        return json.dumps({"format": FORMAT, **self.to_dict()}, ensure_ascii=False)


PARTS = [each for each in fields(Status) if each.name != "said"]
# What may stand in a file for the types above.
KINDS: dict[Any, Any] = {
    "str": str,
    "int | None": int,
    "float | None": (int, float),
    "tuple[str, ...]": (list, tuple),
    "tuple[str, ...] | None": (list, tuple),
    "Mapping[str, float] | None": Mapping,
    "Mapping[str, Any] | None": Mapping,
}
