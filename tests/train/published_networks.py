"""The published networks, layer by layer, and the settings they were trained with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

NAMES = (
    "handbags-dcgan",
    "deepfashion-dcgan",
    "fashion-mnist-dcgan",
    "fashion-mnist-mlp",
    "text-dcgan",
)


def layers(network: nn.Module) -> list[tuple]:
    """Every layer in order, as a short tuple of all that makes it what it is."""
    return [described(layer) for layer in leaves(network)]


def leaves(network: nn.Module) -> Iterator[nn.Module]:
    children = list(network.children())
    if not children:
        yield network
    for child in children:
        yield from leaves(child)


def described(layer: nn.Module) -> tuple:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        name = "up" if isinstance(layer, nn.ConvTranspose2d) else "conv"
        assert layer.kernel_size[0] == layer.kernel_size[1]
        assert (layer.groups, layer.dilation) == (1, (1, 1))
        geometry = layer.kernel_size[0], layer.stride[0], layer.padding[0]
        return (name, layer.in_channels, layer.out_channels, *geometry)
    if isinstance(layer, nn.Linear):
        return "dense", layer.in_features, layer.out_features
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        assert (layer.eps, layer.affine) == (1e-5, True)
        return "norm", layer.num_features, round(layer.momentum, 6)
    if isinstance(layer, nn.LeakyReLU):
        return "leaky", layer.negative_slope
    return (type(layer).__name__.lower(),)


RELU, LEAKY, TANH, SIGMOID = ("relu",), ("leaky", 0.2), ("tanh",), ("sigmoid",)


def norm(width: int, momentum: float = 0.1) -> tuple:
    return "norm", width, momentum


def up64(latent_dim: int) -> list[tuple]:
    """The DCGAN generator of 64 x 64 x 3, as in the paper and both notebooks."""
    return [
        ("up", latent_dim, 512, 4, 1, 0),
        *(norm(512), RELU, ("up", 512, 256, 4, 2, 1)),
        *(norm(256), RELU, ("up", 256, 128, 4, 2, 1)),
        *(norm(128), RELU, ("up", 128, 64, 4, 2, 1)),
        *(norm(64), RELU, ("up", 64, 3, 4, 2, 1)),
        TANH,
    ]


WORDS = 256
GENERATORS = {
    "handbags-dcgan": up64(128),
    "deepfashion-dcgan": up64(100),
    "fashion-mnist-dcgan": [
        ("up", 100, 128, 7, 1, 0),
        *(norm(128), RELU, ("up", 128, 64, 4, 2, 1)),
        *(norm(64), RELU, ("up", 64, 1, 4, 2, 1)),
        SIGMOID,
    ],
    "fashion-mnist-mlp": [
        *(("dense", 100, 256), LEAKY, norm(256, 0.2)),
        *(("dense", 256, 512), LEAKY, norm(512, 0.2)),
        *(("dense", 512, 1024), LEAKY, norm(1024, 0.2)),
        ("dense", 1024, 784),
        TANH,
    ],
    "text-dcgan": [
        ("up", 100 + WORDS, 512, 4, 1, 0),
        *(norm(512), RELU, ("up", 512, 256, 4, 2, 1)),
        *(norm(256), RELU, ("up", 256, 128, 4, 2, 1)),
        *(norm(128), RELU, ("up", 128, 64, 4, 2, 1)),
        *(norm(64), RELU, ("up", 64, 32, 4, 2, 1)),
        *(norm(32), RELU, ("up", 32, 3, 4, 2, 1)),
        TANH,
    ],
}
DISCRIMINATORS = {
    "handbags-dcgan": [
        *(("conv", 3, 64, 4, 2, 1), norm(64), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        *(("conv", 128, 256, 4, 2, 1), norm(256), LEAKY),
        *(("conv", 256, 512, 4, 2, 1), norm(512), LEAKY),
        ("conv", 512, 1, 4, 1, 0),
    ],
    "deepfashion-dcgan": [
        *(("conv", 3, 64, 4, 2, 1), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        *(("conv", 128, 256, 4, 2, 1), norm(256), LEAKY),
        *(("conv", 256, 512, 4, 2, 1), norm(512), LEAKY),
        ("conv", 512, 1, 4, 1, 0),
    ],
    "fashion-mnist-dcgan": [
        *(("conv", 1, 64, 4, 2, 1), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        ("conv", 128, 1, 7, 1, 0),  # as large as its input: one dense output
    ],
    "fashion-mnist-mlp": [
        ("flatten",),
        *(("dense", 784, 512), LEAKY),
        *(("dense", 512, 256), LEAKY),
        ("dense", 256, 1),
    ],
    "text-dcgan": [
        *(("conv", 3, 32, 4, 2, 1), LEAKY),
        *(("conv", 32, 64, 4, 2, 1), norm(64), LEAKY),
        *(("conv", 64, 128, 4, 2, 1), norm(128), LEAKY),
        *(("conv", 128, 256, 4, 2, 1), norm(256), LEAKY),
        *(("conv", 256, 512, 4, 2, 1), norm(512), LEAKY),
        ("conv", 512, 1 + WORDS, 4, 1, 0),  # the logit, and each word's view
    ],
}
SETTINGS: dict[str, dict[str, Any]] = {
    "handbags-dcgan": {
        "batch": 128,
        "epochs": 50,
        "steps": None,
        "log_steps": None,
        "learning_rate": 3e-4,
        "betas": (0.5, 0.999),
        "init": "torch",
        "sample_grid": (8, 8),
    },
    "deepfashion-dcgan": {
        "batch": 128,
        "epochs": 40,
        "steps": None,
        "log_steps": None,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "seed": 999,
        "init": "dcgan",
        "sample_grid": (8, 8),
    },
    "fashion-mnist-dcgan": {
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "steps": None,
        "log_steps": None,
        "init": "torch",
    },
    "fashion-mnist-mlp": {
        "batch": 32,
        "epochs": None,
        "steps": 5_000,
        "log_steps": 1_000,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "init": "torch",
        "sample_grid": (5, 10),
    },
    "text-dcgan": {
        "batch": 64,
        "epochs": None,
        "steps": 300_000,
        "log_steps": 1_000,
        "learning_rate": 2e-4,
        "betas": (0.5, 0.999),
        "init": "dcgan",
        "augment": "",
        "caption_dropout": 0.0,
        "matching": False,
        "loss": "bce",
    },
}
IMAGES = {
    "handbags-dcgan": (3, 64),
    "deepfashion-dcgan": (3, 64),
    "fashion-mnist-dcgan": (1, 28),
    "fashion-mnist-mlp": (1, 28),
    "text-dcgan": (3, 128),
}
