"""The network: a few convolutions with residual blocks, small enough to be learnt on one core."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 96  # pixels of its input
DIM = 256  # of a feature vector
WIDTHS = (24, 48, 96, 192)


class Extractor(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to features (N, DIM), not negative; 0.68 M parameters.

    It is fully convolutional: sizes other than ``SIDE`` go through it too, as early in its
    training, but what it measures it sees at ``SIDE``.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = WIDTHS
        self.layers = nn.Sequential(
            _Layer(3, first, 4, 2),
            _Layer(first, second, 3, 2),
            _Layer(second, third, 3, 2),
            _Residual(third),
            _Layer(third, last, 3, 2),
            _Residual(last),
            _Layer(last, DIM, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).mean((2, 3))


class _Layer(nn.Sequential):
    def __init__(self, incoming: int, outgoing: int, kernel: int, stride: int) -> None:
        padding = (kernel - 1) // 2
        super().__init__(
            nn.Conv2d(incoming, outgoing, kernel, stride, padding, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(),
        )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.convolution(x)))


def scaled(images: Tensor) -> Tensor:
    """Images in 0..255 as the network takes them, in [-1, 1]."""
    return images.to(torch.float32) / 127.5 - 1
