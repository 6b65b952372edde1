"""What is known of a run on rented hardware: what it asks for, and where it is.

What it asks for is part of its settings: ``where`` and ``rent``. Where it is lies in rented.json
beside them, which only the process that holds the run's lock writes.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from studio.files import write_text_whole
from train.runs.run import Run

FILE = "rented.json"
FLAVOR = "a10g-small"
HOURS = 12.0  # after which a machine is given back, whatever it does
LONGEST_NAME = 60


@dataclass
class Rented:
    """Where a run is on Hugging Face; empty texts for what is not there yet.

    ``attempt`` marks each job before it is sent, so that one whose number got lost is found again;
    ``ended`` is the attempt whose end was seen and written down.
    """

    user: str = ""
    data: str = ""  # private dataset repository: the photos, the program, and what is asked
    result: str = ""  # private model repository
    packed: str = ""  # digest of the photos that are there
    attempt: str = ""
    job: str = ""
    url: str = ""
    ended: str = ""

    @classmethod
    def of(cls, run: Run) -> Rented:
        """What a run's folder says."""
        names = {field.name for field in fields(cls)}
        with suppress(OSError, ValueError, AttributeError):
            found = json.loads((run.folder / FILE).read_text(encoding="utf-8"))
            return cls(**{name: str(v) for name, v in found.items() if name in names})
        return cls()

    def save(self, run: Run) -> None:
        """Write it down, whole."""
        write_text_whole(run.folder / FILE, json.dumps(asdict(self), indent=2) + "\n")

    @property
    def is_open(self) -> bool:
        """Whether a job was sent, or may have been, whose end nobody has seen."""
        return bool(self.attempt) and self.attempt != self.ended


def wish(run: Run) -> dict[str, Any]:
    """What a run asks for: {"flavor", "hours"}; empty when it trains on this machine."""
    if not run.is_rented:
        return {}
    return {"flavor": FLAVOR, "hours": HOURS, **run.settings.rent}


def repository_name(run: Run) -> str:
    """A run's name as repositories may be called; no other run's, not even one of the same name."""
    slug = re.sub(r"[^a-z0-9]+", "-", run.id.lower()).strip("-")[:LONGEST_NAME].strip("-")
    unique = f"{run.id} {run.settings.created_at} {run.settings.seed}"
    return f"atelier-{slug or 'run'}-{hashlib.sha256(unique.encode()).hexdigest()[:6]}"
