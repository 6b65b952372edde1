"""A last activation for learning that does not get stuck at its ends."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

LEAK = 0.1  # of the gradient, besides the activation's own
WHITEST = 250


class UnsaturatingTanh(nn.Module):
    """A hyperbolic tangent that passes a share of every gradient, however far out it is.

    A generator that has been drawing a white ground is so far out there that its gradient is lost,
    and photos may have a grey ground. Values are those of the plain one.
    """

    def forward(self, x: Tensor) -> Tensor:
        return _UnsaturatingTanh.apply(x)


class _UnsaturatingTanh(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        result = torch.tanh(x)
        context.save_for_backward(result)
        return result

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (result,) = context.saved_tensors
        # The same either way: a leak towards the middle alone turns noise into a push there, and
        # what was to stay white becomes grey.
        return gradient * (1 - result.square() + LEAK)


def has_grey_ground(photos: Tensor) -> bool:
    """Whether the ground of most photos uint8 (N, C, S, S), their corners, is no pure white."""
    corners = photos[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].float()
    return corners.median().item() < WHITEST
