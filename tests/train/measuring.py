"""A feature network with random weights, and images for it to tell apart."""

from __future__ import annotations

import numpy as np
import timm
import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur


def random_network(classes: int = 1001, seed: int = 0) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model("mobilenetv2_100", num_classes=classes).eval()


def half_precision_state(network: torch.nn.Module) -> dict[str, Tensor]:
    """The network's state with its convolutions in float16, as dequantised weights come."""
    state = network.state_dict()
    return {name: v.half() if v.ndim == 4 else v for name, v in state.items()}


def shapes(count: int, seed: int, kinds: tuple[str, ...] = ("disc", "bar")) -> Tensor:
    """Coloured discs and bars on white, uint8 (count, 3, 32, 32)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    images = np.full((count, 3, 32, 32), 255, np.uint8)
    for index, image in enumerate(images):
        cx, cy, radius = rng.uniform(10, 22), rng.uniform(10, 22), rng.uniform(5, 10)
        colour = rng.integers(0, 200, (3, 1))
        if kinds[index % len(kinds)] == "disc":
            image[:, np.hypot(x - cx, y - cy) < radius] = colour
        else:
            image[:, abs(x - cx) < radius / 3] = colour
    return torch.from_numpy(images)


def blurred(images: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(images, [9, 9], [sigma, sigma])
