"""The teachers that a recipe can name."""

from __future__ import annotations

from train.teachers.base import Teacher
from train.teachers.game import Game
from train.teachers.likeness import Likeness

KINDS: dict[str, type[Teacher]] = {"game": Game, "likeness": Likeness}
