"""The generator networks, built from the ``generator`` part of a checkpoint's card.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studio.generators.base import Generator
from studio.generators.coded import CodedGenerator
from studio.generators.dcgan import DCGANGenerator
from studio.generators.mlp import MLPGenerator
from studio.generators.self_modulated import SelfModulatedGenerator
from studio.generators.style import StyleGenerator

KINDS: dict[str, type[Generator]] = {
    "coded": CodedGenerator,
    "dcgan": DCGANGenerator,
    "mlp": MLPGenerator,
    "self-modulated": SelfModulatedGenerator,
    "style": StyleGenerator,
}

__all__ = ["KINDS", "Generator", "build"]


def build(config: Mapping[str, Any]) -> Generator:
    """Build an untrained generator from its configuration.

    ``config`` holds ``kind`` (a key of :data:`KINDS`) and that class's arguments; it is plain JSON,
    so ``build(generator.config)`` always makes the same network again.

    Raises:
        ValueError: the kind is unknown, or an argument is missing, unknown or out of range.
    """
    settings = dict(config)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise ValueError(f"Unknown generator kind {kind!r}; this version knows: {known}.")
    try:
        return KINDS[kind](**settings)
    except TypeError as error:
        raise ValueError(f"The {kind} generator does not take these settings: {error}.") from error
