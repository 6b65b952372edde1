"""Starting from a trained generator instead of from nothing (fine-tuning)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from studio.checkpoint import DISCRIMINATOR, GENERATOR, Checkpoint, CheckpointError
from studio.files import write_whole


def networks_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """The changes to a recipe that make its networks those of a checkpoint's card.

    A card without a discriminator leaves the recipe's own, which then starts from nothing.
    """
    changes = {"generator": dict(card["generator"])}
    if isinstance(card.get("discriminator"), dict):
        changes["discriminator"] = dict(card["discriminator"])
    return changes


def freeze_early_layers(discriminator: nn.Module, count: int) -> None:
    """Keep the first ``count`` layers of a discriminator as they are (FreezeD, Mo et al., 2020).

    What the early layers see (edges, colours) serves new images as well, and a small set of them
    would spoil it. A layer is a convolution or dense layer with the norm behind it; the last layer
    always learns.
    """
    layers = [
        module
        for module in discriminator.modules()
        if isinstance(module, nn.Conv2d | nn.Linear | nn.modules.batchnorm._BatchNorm)
    ]
    weighty = [each for each in layers if isinstance(each, nn.Conv2d | nn.Linear)]
    seen = 0
    for module in layers:
        seen += isinstance(module, nn.Conv2d | nn.Linear)
        if seen <= min(count, len(weighty) - 1):
            module.requires_grad_(False)


def copy_start(checkpoint: Checkpoint, folder: Path) -> None:
    """Copy a checkpoint's weights into a run, so that it can start when the checkpoint is gone.

    Raises:
        CheckpointError: the checkpoint is damaged.
    """
    checkpoint.load_generator()
    with write_whole(folder) as fresh:
        for name in (GENERATOR, DISCRIMINATOR):
            if (checkpoint.folder / name).exists():
                shutil.copyfile(checkpoint.folder / name, fresh / name)


def load_start(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The generator's and the discriminator's weights to start from; empty where there are none.

    Raises:
        CheckpointError: a file can't be read.
    """
    found = []
    for name in (GENERATOR, DISCRIMINATOR):
        try:
            found.append(load_file(folder / name) if (folder / name).exists() else {})
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{folder / name} can't be read: {error}") from error
    return found[0], found[1]
