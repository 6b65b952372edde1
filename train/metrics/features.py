"""From images to feature vectors: what a feature network does, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from train.metrics.checks import check_images

Device = str | torch.device


class Features(ABC):
    """A frozen network that turns images into feature vectors.

    Attributes:
        name: the network's name, to be shown next to every number made with it.
        dim: length of a feature vector.
        input_size: side in pixels to which every image is resized.
        fingerprint: first 8 hex digits of the weights' SHA-256; other weights, other numbers.
        distances: what the Fréchet and the kernel distance on these features are called.
    """

    name: str
    dim: int
    input_size: int
    fingerprint: str
    distances = ("Fréchet distance", "kernel distance")

    def __init__(self, device: Device = "cpu") -> None:
        self._device = torch.device(device)

    @property
    def protocol(self) -> str:
        """How images become features, for a sentence: the network, its weights, the input."""
        return f"{self.name} features (weights {self.fingerprint}, input {self.input_size} px)"

    @torch.inference_mode()
    def __call__(self, images: Tensor, batch_size: int = 64, progress: bool = False) -> np.ndarray:
        """Features of ``images``, uint8 (N, C, H, W) with C of 1 or 3: float32 (N, ``dim``).

        Grey is repeated to three channels. The network runs in float32 everywhere: bfloat16 would
        save 40 % of the time on a CPU that has it, and give each machine its own numbers.
        ``progress`` shows a bar.

        Raises:
            MetricsError: ``images`` is of another type or shape.
        """
        check_images(images, "The images")
        features = []
        # Otherwise a GPU rounds to TF32, and a caller's autocast to bfloat16.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with exact, torch.autocast(self._device.type, enabled=False):
            for block in tqdm(images.split(batch_size), "features", disable=not progress):
                features.append(self.embed(block.to(self._device)).float().cpu())
        return torch.cat(features).numpy()

    @abstractmethod
    def embed(self, batch: Tensor) -> Tensor:
        """Features (n, ``dim``) of uint8 images (n, 1 or 3, H, W) that lie on the device."""
