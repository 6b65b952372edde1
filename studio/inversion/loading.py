"""The encoders that come with a checkpoint of a coded generator.

They are one file beside the generator's, ``encoder.safetensors``. The card says how to build them,
``"encoders": {"photo": {"widths": […]}, "style": {"width": …}}``, and the file's hash. A codec, of
which no styles were learnt yet, has the first alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from studio.checkpoint import ENCODER, Checkpoint, CheckpointError, load_weights
from studio.files import sha256
from studio.generators.coded import CodedGenerator
from studio.inversion.encoders import PhotoEncoder, StyleEncoder

PHOTO, STYLE = "photo", "style"


def build(config: Mapping[str, Any], generator: CodedGenerator) -> nn.ModuleDict:
    """Untrained encoders for a generator: a :class:`PhotoEncoder` ``photo``, and ``style``.

    Args:
        config: the arguments of each that is wanted besides those that the generator decides.
        generator: whose codes and styles they are to give.

    Raises:
        ValueError: they can't be built so, or the photos' encoder does not give codes of the size
            that the generator draws.
    """
    result = nn.ModuleDict()
    try:
        if PHOTO in config:
            photo = PhotoEncoder(generator.code_channels, **config[PHOTO])
            if photo.shrink * generator.code_size != generator.image_size:
                raise ValueError(
                    f"This encoder makes codes of {generator.image_size // photo.shrink} px of"
                    f" photos of {generator.image_size} px, not of {generator.code_size} px."
                )
            result[PHOTO] = photo
        if STYLE in config:
            result[STYLE] = StyleEncoder(
                generator.style_dim,
                generator.code_channels,
                generator.code_size,
                **config[STYLE],
            )
    except (TypeError, IndexError, RuntimeError) as error:
        raise ValueError(f"Encoders can't be built from these settings: {error}.") from error
    return result


def of_checkpoint(found: Checkpoint, generator: CodedGenerator) -> nn.ModuleDict:
    """The encoders of a checkpoint whose generator this is, in evaluation mode, in float32.

    ``"photo"`` and ``"style"``, or fewer: a checkpoint without any gives none.

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
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"{found.name}: {error}") from error
    load_weights(encoders, path)
    return encoders.eval().requires_grad_(False)
