"""The encoder that comes with a checkpoint of a coded generator.

It is a file beside the generator's, ``encoder.safetensors``. The card says how to build it,
``"encoders": {"photo": {"widths": […]}}``, and the file's hash. Styles need no encoder: they are
principal components of codes, which the generator has (:meth:`Synthesis.styles`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from studio.checkpoint import ENCODER, Checkpoint, CheckpointError, load_weights
from studio.files import sha256
from studio.generators.coded import CodedGenerator
from studio.inversion.encoders import PhotoEncoder

PHOTO = "photo"


def build(config: Mapping[str, Any], generator: CodedGenerator) -> nn.ModuleDict:
    """An untrained encoder for a generator: a :class:`PhotoEncoder` ``photo``.

    Args:
        config: its arguments, under its name, besides those that the generator decides.
        generator: whose codes it is to give.

    Raises:
        ValueError: it can't be built so, or does not give codes of the size that the generator
            draws.
    """
    result = nn.ModuleDict()
    if PHOTO not in config:
        return result
    try:
        photo = PhotoEncoder(generator.code_channels, **config[PHOTO])
    except (TypeError, IndexError, RuntimeError) as error:
        raise ValueError(f"Encoders can't be built from these settings: {error}.") from error
    if photo.shrink * generator.code_size != generator.image_size:
        raise ValueError(
            f"This encoder makes codes of {generator.image_size // photo.shrink} px of"
            f" photos of {generator.image_size} px, not of {generator.code_size} px."
        )
    result[PHOTO] = photo
    return result


def takes_photos(found: Checkpoint) -> bool:
    """Whether a checkpoint's card promises an encoder of photos."""
    encoders = found.card.get("encoders")
    kind = found.card["generator"].get("kind")
    return kind == CodedGenerator.kind and isinstance(encoders, Mapping) and PHOTO in encoders


def of_checkpoint(found: Checkpoint, generator: CodedGenerator) -> nn.ModuleDict:
    """The encoder of a checkpoint whose generator this is, in evaluation mode, in float32.

    It is ``"photo"``; a checkpoint without it gives none.

    Raises:
        CheckpointError: the file is missing, damaged or does not fit the card.
    """
    config = found.card.get("encoders")
    if not config:
        return nn.ModuleDict()
    path = found.folder / ENCODER
    try:
        if sha256(path) != found.card.get("encoder_sha256"):
            raise ValueError(f"{ENCODER} is not the file its card describes.")
        with torch.device("meta"):  # sizes only: a hostile card must not fill the memory
            sketch = build(config, generator)
        if sum(each.numel() for each in sketch.state_dict().values()) > path.stat().st_size:
            raise ValueError(f"{ENCODER} is far too small for the networks on its card.")
        encoders = build(config, generator)
    except OSError as error:
        raise CheckpointError(f"{found.name}: {ENCODER} can't be read ({error}).") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{found.name}: {error}") from error
    load_weights(encoders, path)
    return encoders.eval().requires_grad_(False)
