"""The sample sets that ship, to try training without own photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "sample_sets"
LICENCE = (
    "Drawn by this project's own generators, which learnt from photos: for research and "
    "demonstration only"
)


@dataclass(frozen=True)
class SampleSet:
    """A zip of pictures, what the page calls it, and how many it holds.

    ``drawn_by`` is the generator that drew them, the best one to start from.
    """

    name: str
    title: str
    images: int
    path: Path
    drawn_by: str
    licence: str = LICENCE


def sample_sets() -> dict[str, SampleSet]:
    """The sample sets that are here, by name; :mod:`train.sample_sets.make` draws them."""
    known = (
        SampleSet("handbags", "Drawn handbags", 400, FOLDER / "handbags.zip", "handbags-dcgan"),
        SampleSet("garments", "Drawn garments", 300, FOLDER / "garments.zip", "deepfashion-dcgan"),
    )
    return {each.name: each for each in known if each.path.is_file()}
