"""Types of options that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from train.recipes.recipe import TEACHERS
from train.teachers import augment


def batch(text: str) -> int:
    """An argparse type: images per update; batch norm has nothing to compare one image with."""
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"{text} is not 2 or more")
    return value


def positive(kind: type) -> Callable[[str], Any]:
    """An argparse type: a number above zero."""

    def parse(text: str) -> Any:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
        return value

    parse.__name__ = kind.__name__
    return parse


def share(text: str) -> float:
    """An argparse type: a part of the whole."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return value


def level(text: str) -> int:
    """An argparse type: a grey."""
    value = int(text)
    if not 1 <= value <= 255:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to 255")
    return value


def policy(text: str) -> str:
    """An argparse type: names of augmentations."""
    try:
        return ",".join(augment.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def taught_by(text: str) -> tuple[str, ...]:
    """An argparse type: names of teachers, separated by commas."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if unknown := [name for name in names if name not in TEACHERS]:
        known = ", ".join(TEACHERS)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no teacher; choose some of: {known}")
    return names


def seed(text: str) -> int:
    """An argparse type: a seed, small enough for every random generator here."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {2**32 - 1}")
    return value
