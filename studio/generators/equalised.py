"""Layers whose learning rate does not depend on their size, and the modulated convolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
# Leaky ReLU halves the variance, about. Layers before one restore it with their gain: a product by
# a positive number passes through it, and costs nothing where it is part of another.
RECTIFIER_GAIN = 2**0.5


def rectified(x: Tensor) -> Tensor:
    """Leaky ReLU, in place."""
    return F.leaky_relu(x, SLOPE, inplace=True)


class EqualisedLinear(nn.Module):
    """A dense layer with an equalised learning rate (Karras et al., 2018).

    Weights are kept at unit variance and scaled where they are used, so that an optimiser's step
    means the same to every layer. ``rate`` multiplies the learning rate of this one. ``bias`` is
    what its bias begins with, or None for none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: float | None = 0.0,
        rate: float = 1.0,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), bias / rate))
        self.gain, self.rate = gain * rate / math.sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) to (batch, outputs)."""
        bias = None if self.bias is None else self.bias * self.rate
        return F.linear(x, self.weight * self.gain, bias)


class EqualisedConv(nn.Module):
    """A convolution that keeps the size, with an equalised learning rate (Karras et al., 2018)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, bias: bool = True, gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain, self.padding = gain / math.sqrt(inputs * kernel**2), kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) to (batch, outputs, h, w)."""
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.padding)


class ModulatedConv(nn.Module):
    """A convolution with weights scaled by a style (Karras et al., 2020, StyleGAN2), and a bias.

    For each picture, input channel i of the weights is multiplied by s_i = affine(style)_i, and
    with ``demodulate`` every output channel is then divided by the norm of its weights. A
    convolution is linear: scaling the activations, by s before it and by the norms after it,
    computes the same with weights that are constant, which runs fast everywhere. The result is
    multiplied by ``gain``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        style_dim: int,
        *,
        demodulate: bool = True,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.affine = EqualisedLinear(style_dim, inputs, bias=1.0)
        self.fan_in, self.padding = inputs * kernel**2, kernel // 2
        self.demodulate, self.gain = demodulate, gain

    def scales(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Of each picture's inputs (batch, inputs), and of its outputs (batch or 1, outputs).

        Computed in float32: a sum of thousands of squares is more than bfloat16 can hold.
        """
        with torch.autocast(style.device.type, enabled=False):
            before = self.affine(style.float())
            if not self.demodulate:
                return before, before.new_full((1, len(self.weight)), self.gain)
            squares = self.weight.square().sum((2, 3)) / self.fan_in
            return before, self.gain * torch.rsqrt(before.square() @ squares.T + 1e-8)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(batch, inputs, h, w) and styles (batch, style_dim) to (batch, outputs, h, w)."""
        before, after = self.scales(style)
        x = x * before.to(x.dtype)[:, :, None, None]
        x = F.conv2d(x, self.weight / math.sqrt(self.fan_in), padding=self.padding)
        bias, after = self.bias.to(x.dtype), after.to(x.dtype)
        return torch.addcmul(bias[None, :, None, None], x, after[:, :, None, None])
