"""How a network's weights start."""

from __future__ import annotations

from torch import nn


def dcgan(module: nn.Module) -> None:
    """Convolutions N(0, 0.02), batch norm scales N(1, 0.02), shifts 0 (Radford et al., 2015)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def torch_default(module: nn.Module) -> None:
    """Leave the weights as torch's own layers start them."""


SCHEMES = {"dcgan": dcgan, "torch": torch_default}
