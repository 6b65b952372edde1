"""The discriminator networks: images in the generator's value range to logits of being real."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from train.discriminators.dcgan import DCGANDiscriminator
from train.discriminators.mlp import MLPDiscriminator
from train.discriminators.style import StyleDiscriminator

KINDS: dict[str, type[nn.Module]] = {
    "dcgan": DCGANDiscriminator,
    "mlp": MLPDiscriminator,
    "style": StyleDiscriminator,
}

__all__ = ["KINDS", "build"]


def build(config: Mapping[str, Any]) -> nn.Module:
    """Build an untrained discriminator from the ``discriminator`` part of a recipe or card.

    Raises:
        ValueError: the kind is unknown, or an argument is missing, unknown or out of range.
    """
    settings = dict(config)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise ValueError(f"Unknown discriminator kind {kind!r}; this version knows: {known}.")
    try:
        return KINDS[kind](**settings)
    except (TypeError, IndexError, RuntimeError) as error:  # the last two: widths out of range
        raise ValueError(
            f"The {kind} discriminator does not take these settings: {error}."
        ) from error
