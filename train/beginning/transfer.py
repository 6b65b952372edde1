"""Starting from a trained generator instead of from nothing (fine-tuning)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from studio.checkpoint import (
    CARD,
    DISCRIMINATOR,
    ENCODER,
    HASHES,
    Checkpoint,
    CheckpointError,
    read,
)
from studio.files import write_whole
from studio.generators import Generator, build
from studio.generators.equalised import EqualisedConv, EqualisedLinear
from studio.generators.style import StyleGenerator
from studio.words import WORDS
from train import discriminators
from train.beginning.conditions import told_otherwise
from train.beginning.priors import has_prior, with_layers_of
from train.discriminators.dcgan import DCGANDiscriminator

LAYERS = nn.Conv2d | nn.Linear | EqualisedConv | EqualisedLinear


def networks_of(card: Mapping[str, Any]) -> dict[str, Any]:
    """The changes to a recipe that make its networks those of a checkpoint's card.

    A card without a discriminator leaves the recipe's own, which then starts from nothing.
    """
    changes = {"generator": dict(card["generator"])}
    if isinstance(card.get("discriminator"), dict):
        changes["discriminator"] = dict(card["discriminator"])
    if isinstance(card.get("encoders"), dict):
        changes["encoders"] = dict(card["encoders"])
    return changes


def freeze_early_layers(discriminator: nn.Module, count: int) -> None:
    """Keep the first ``count`` layers of a discriminator as they are (FreezeD, Mo et al., 2020).

    What the early layers see (edges, colours) serves new images as well, and a small set of them
    would spoil it. A layer is a convolution or dense layer with the norm behind it; the last layer
    always learns.
    """
    norm = nn.modules.batchnorm._BatchNorm
    layers = [each for each in discriminator.modules() if isinstance(each, LAYERS | norm)]
    weighty = [each for each in layers if isinstance(each, LAYERS)]
    seen = 0
    for module in layers:
        seen += isinstance(module, LAYERS)
        if seen <= min(count, len(weighty) - 1):
            module.requires_grad_(False)


def take_over(network: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Copy into a network what fits of another's weights, by name and shape.

    Whatever a larger network has besides (a level of twice the size) stays new. Levels that are new
    add nothing to a style generator's picture at first, so that it starts with the smaller one's,
    enlarged (as progressive growing does, Karras et al., 2018). A DCGAN discriminator gets its new
    layers in front.
    Returns the names of what stays new.
    """
    own = network.state_dict()
    if isinstance(network, StyleGenerator) and network.prior and has_prior(weights):
        weights = with_layers_of(weights, network.prior)
    if isinstance(network, DCGANDiscriminator):
        weights = _counted_from_the_end(weights, own)
    fitting = {
        name: value
        for name, value in weights.items()
        if name in own and own[name].shape == value.shape
    }
    network.load_state_dict(fitting, strict=False)
    new = [name for name in own if name not in fitting]
    if isinstance(network, StyleGenerator) and fitting:
        with torch.no_grad():
            for index in range(len(network.levels)):
                head = f"levels.{index}.head.weight"
                if head in new:
                    network.get_parameter(head).zero_()
    return new


def _counted_from_the_end(
    weights: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights of a discriminator's numbered layers under the numbers that they have in another."""

    def last(names: Iterable[str]) -> int:
        return max(int(name.split(".")[1]) for name in names if name.startswith("layers."))

    shift = last(own) - last(weights) if weights else 0
    result = {}
    for name, value in weights.items():
        part, number, rest = name.split(".", 2)
        result[f"{part}.{int(number) + shift}.{rest}"] = value
    return result


def copy_start(checkpoint: Checkpoint, folder: Path) -> None:
    """Copy a checkpoint's weights into a run, so that it can start when the checkpoint is gone.

    Raises:
        CheckpointError: the checkpoint is damaged.
    """
    checkpoint.load_generator()
    load_start(checkpoint.folder)
    with write_whole(folder) as fresh:
        for name in (CARD, *HASHES, DISCRIMINATOR, ENCODER, WORDS):
            if (checkpoint.folder / name).exists():
                shutil.copyfile(checkpoint.folder / name, fresh / name)


def check_start(
    found: Checkpoint,
    generator: Mapping[str, Any],
    discriminator: Mapping[str, Any],
    names: Sequence[str],
) -> None:
    """Do what a run does first with a checkpoint's weights, before there is a run.

    Args:
        found: the checkpoint to start from.
        generator, discriminator: what networks are to be trained.
        names: of the categories there are now.

    Raises:
        CheckpointError: it is damaged, or its weights are of other networks than its card says.
    """
    found.load_generator()
    found.load_words()
    network = build(generator)
    try:
        weights, judge = start_of(found.folder, network, names)
        take_over(network, weights)
        take_over(discriminators.build(discriminator), judge)
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        raise CheckpointError(
            f"{found.name} can't be trained on: its weights do not fit its card. Copy the folder "
            "again, or leave its discriminator out."
        ) from error


def start_of(
    folder: Path, network: Generator, names: Sequence[str]
) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
    """What :func:`load_start` finds, as a ``network`` that is told categories ``names`` begins.

    Raises:
        CheckpointError: a file can't be read.
    """
    weights = load_start(folder)
    with suppress(CheckpointError):  # runs of before kept no card
        return told_otherwise(*weights, read(folder).card, names, network)
    return weights


def load_start(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The generator's and the discriminator's weights to start from; empty where there are none.

    Raises:
        CheckpointError: a file can't be read.
    """
    generator: dict[str, Tensor] = {}
    for part in HASHES:
        generator |= _weights(folder / part)
    return generator, _weights(folder / DISCRIMINATOR)


def load_encoders(folder: Path) -> dict[str, Tensor]:
    """The weights of a coded generator's encoders to start from; empty where there are none.

    Raises:
        CheckpointError: the file can't be read.
    """
    with suppress(CheckpointError):  # runs of before kept no card
        if read(folder).card.get("encoders"):
            return _weights(folder / ENCODER)
    return {}


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path) if path.exists() else {}
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} can't be read: {error}") from error
