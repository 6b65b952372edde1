"""A learnt network as a file, and as features to measure with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from studio.files import sha256, write_file_whole, write_text_whole
from train.extractor.heads import Head
from train.extractor.network import DIM, SIDE, Extractor, scaled
from train.metrics.checks import MetricsError
from train.metrics.features import Device, Features

FORMAT = 1
ABOUT = "about"  # the metadata's key
NETWORK, HEAD = "network.", "head."  # what names of tensors begin with


class LearntFeatures(Features):
    """The average-pooled last layer of a learnt :class:`Extractor`; make one with :meth:`load`.

    Each image is resized to 96 px (bicubic, antialiased, clipped to 0..255; one that is not square
    is stretched), and grey is repeated to three channels.

    Attributes:
        heads: by the name of a task, what tells its values by these features.
        about: what the network saw, as its JSON file has it.
    """

    name = "learnt"
    dim = DIM
    input_size = SIDE

    def __init__(
        self,
        network: Extractor,
        heads: Mapping[str, Head],
        about: dict[str, Any],
        fingerprint: str,
        device: Device = "cpu",
    ) -> None:
        super().__init__(device)
        self.fingerprint = fingerprint
        self.heads = dict(heads)
        self.about = about
        network = network.to(self._device).eval().requires_grad_(False)
        self._network = network.to(memory_format=torch.channels_last)

    @classmethod
    def load(cls, path: str | Path, device: Device = "cpu") -> LearntFeatures:
        """Load what :func:`save_learnt` wrote.

        Raises:
            MetricsError: there is no such file, or it holds something else.
        """
        path = Path(path)
        if not path.is_file():
            raise MetricsError(f"There is no file of learnt features at {path}.")
        try:
            with safe_open(path, "pt") as file:
                about = json.loads((file.metadata() or {})[ABOUT])
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
            if about["format"] != FORMAT:
                raise MetricsError(f"{path} is of a later version, or of none.")
            own = {name: each for name, each in tensors.items() if name.startswith(NETWORK)}
            with torch.random.fork_rng(devices=[]):  # building draws weights
                network = Extractor()
            network.load_state_dict({name[len(NETWORK) :]: each for name, each in own.items()})
            heads = {
                name: Head(
                    name,
                    tuple(head["values"]),
                    tensors[f"{HEAD}{name}.weight"].numpy(),
                    tensors[f"{HEAD}{name}.bias"].numpy(),
                    head["scores"],
                )
                for name, head in about["heads"].items()
            }
        except (SafetensorError, json.JSONDecodeError, KeyError, TypeError, RuntimeError) as error:
            raise MetricsError(f"{path} does not hold learnt features.") from error
        return cls(network, heads, about, sha256(path)[:8], device)

    def embed(self, batch: Tensor) -> Tensor:
        """Features (n, ``dim``) of uint8 images (n, 1 or 3, H, W) that lie on the device."""
        batch = batch.to(torch.float32)
        if batch.shape[2:] != (SIDE, SIDE):
            batch = F.interpolate(batch, size=(SIDE, SIDE), mode="bicubic", antialias=True)
        batch = scaled(batch.clamp(0, 255).expand(-1, 3, -1, -1))
        return self._network(batch.contiguous(memory_format=torch.channels_last))

    def shares(self, images: Tensor, names: Sequence[str] = ()) -> dict[str, dict[str, float]]:
        """Which share of ``images``, uint8 (N, C, H, W), shows each value of some tasks (all).

        So ``shares(pictures)["hood"]["yes"]`` is the share of those that have a hood, as far as a
        head can tell: its ``scores`` say how far.

        Raises:
            MetricsError: the network knows no task of such a name, or the images are unsuitable.
        """
        if unknown := [name for name in names if name not in self.heads]:
            known = ", ".join(self.heads)
            raise MetricsError(f"The network does not know {unknown[0]!r}; it knows {known}.")
        features = self(images)
        return {name: self.heads[name].shares(features) for name in names or self.heads}


def save_learnt(
    path: Path, network: Extractor, heads: Sequence[Head], about: dict[str, Any]
) -> dict[str, Any]:
    """Write the network with its heads, and beside it a JSON file of what it saw.

    The weights' file has the same in its header, so that it can be moved alone.

    Returns:
        What the JSON file holds.
    """
    about = {
        "format": FORMAT,
        **about,
        "heads": {head.name: {"values": head.values, "scores": head.scores} for head in heads},
    }
    tensors = {NETWORK + name: each for name, each in network.state_dict().items()}
    for head in heads:
        tensors[f"{HEAD}{head.name}.weight"] = torch.from_numpy(head.weight)
        tensors[f"{HEAD}{head.name}.bias"] = torch.from_numpy(head.bias)
    content = save(
        {name: each.contiguous() for name, each in tensors.items()}, {ABOUT: json.dumps(about)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file_whole(path, lambda file: file.write(content))
    write_text_whole(path.with_suffix(".json"), json.dumps(about, indent=2) + "\n")
    return about


def features_of(network: Extractor, images: Tensor, progress: bool = False) -> np.ndarray:
    """The features of images, uint8 (N, C, H, W), by a network that has no file yet: (N, DIM)."""
    return LearntFeatures(network, {}, {}, "")(images, progress=progress)
