"""The teachers that a recipe can name."""

from __future__ import annotations

from train.teachers.base import Teacher
from train.teachers.flow import FlowMatching
from train.teachers.game import Game
from train.teachers.likeness import Likeness
from train.teachers.reconstruction import Reconstruction
from train.teachers.styles import Styles

KINDS: dict[str, type[Teacher]] = {
    "game": Game,
    "likeness": Likeness,
    "reconstruction": Reconstruction,
    "styles": Styles,
    "flow": FlowMatching,
}
