"""Frozen features of a network trained on ImageNet, by which pictures come nearer to photos."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from studio.errors import UserError
from train.devices.hardware import Hardware

if TYPE_CHECKING:
    from timm.models.efficientnet import EfficientNet

NETWORK = "tf_efficientnet_lite0"
# Smaller pictures are enlarged to it: the network learnt from photos of 224 px.
LEAST_SIZE = 128
# Names a file of its weights for all runs on a computer.
WEIGHTS = "STUDIO_FEATURE_WEIGHTS"


class FeaturesError(UserError):
    """Pretrained features that can't be had; the message says what to do."""


def weights_file(named: str | None = None) -> Path | None:
    """The file of weights that is named, else this computer's; None to download them."""
    path = named or os.environ.get(WEIGHTS, "").strip()
    return Path(path).expanduser() if path else None


class Stages(nn.Module):
    """The layers of the network up to its last stage, giving the maps of some ``stages``."""

    def __init__(self, network: EfficientNet, stages: Sequence[int]) -> None:
        super().__init__()
        self.stages = tuple(stages)
        self.stem = nn.Sequential(network.conv_stem, network.bn1)
        self.blocks = network.blocks
        # After which block each stage's map is taken.
        self.taken = {info["module"]: info["num_chs"] for info in network.feature_info}

    def forward(self, images: Tensor) -> list[Tensor]:
        maps, result = self.stem(images), []
        for index, block in enumerate(self.blocks):
            maps = block(maps)
            if f"blocks.{index}" in self.taken:
                result.append(maps)
        return [result[stage] for stage in self.stages]


class Eye:
    """The frozen network at work: what it sees of pictures, whatever their size and channels.

    Args:
        network: pictures (b, 3, s, s) in -1..1 to maps, see :func:`frozen_stages`.
        hardware: where to compute; the network is moved there.
    """

    def __init__(self, network: nn.Module, hardware: Hardware) -> None:
        self.hardware = hardware
        self.precision = torch.bfloat16 if hardware.bf16 else torch.float32
        self.network = hardware.place(network).to(self.precision)

    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Maps float32, finest first, of pictures (b, 1 or 3, s, s) in -1..1."""
        if pictures.shape[-1] < LEAST_SIZE:
            pictures = F.interpolate(
                pictures, size=LEAST_SIZE, mode="bilinear", align_corners=False
            )
        pictures = self.hardware.lay_out(pictures.expand(-1, 3, -1, -1)).to(self.precision)
        return [each.float() for each in self.network(pictures)]


class SameConv(nn.Module):
    """A frozen convolution with TensorFlow's padding."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        return self.convolve(same_padded(maps, self.weight.shape[-1], self.stride))

    def convolve(self, maps: Tensor) -> Tensor:
        return F.conv2d(maps, self.weight, self.bias, self.stride)


class DepthwiseConv(SameConv):
    """A depthwise one, whose gradient is fast too.

    torch's gradient of one with respect to its input takes seven times as long as the convolution
    on a CPU. It is itself a depthwise convolution, and here is computed as one.
    """

    def convolve(self, maps: Tensor) -> Tensor:
        return _Depthwise.apply(maps, self.weight, self.bias, self.stride)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, maps: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        context.save_for_backward(weight)
        context.stride, context.shape = stride, maps.shape
        return F.conv2d(
            maps, weight.to(maps.dtype), bias.to(maps.dtype), stride, groups=len(weight)
        )

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = context.saved_tensors
        stride, kernel = context.stride, weight.shape[-1]
        if stride > 1:
            count, channels, height, width = gradient.shape
            spaced = gradient.new_zeros(
                (count, channels, (height - 1) * stride + 1, (width - 1) * stride + 1)
            ).contiguous(memory_format=torch.channels_last)
            spaced[:, :, ::stride, ::stride] = gradient
            gradient = spaced
        back = F.conv2d(
            gradient, weight.flip(2, 3).to(gradient.dtype), padding=kernel - 1, groups=len(weight)
        )
        # Rows and columns that the stride never reached.
        down, right = (context.shape[axis] - back.shape[axis] for axis in (2, 3))
        return F.pad(back, (0, right, 0, down)) if down or right else back, None, None, None


def same_padded(maps: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "same" padding, the odd pixel below and to the right."""
    needed = [
        max((math.ceil(size / stride) - 1) * stride + kernel - size, 0) for size in maps.shape[2:]
    ]
    if not any(needed):
        return maps
    (top, left), (below, right) = zip(
        *((each // 2, each - each // 2) for each in needed), strict=True
    )
    return F.pad(maps, (left, right, top, below))


def frozen_stages(weights: Path | None, stages: Sequence[int]) -> Stages:
    """The frozen network, from images (batch, 3, s, s) in -1..1 to maps of ``stages``, 0 to 4.

    Raises:
        FeaturesError: the weights can't be downloaded, or are not of this network.
    """
    import timm  # takes seconds, and most trainings don't need it
    from timm.models.efficientnet import EfficientNet

    try:
        with torch.random.fork_rng(devices=[]):  # building draws random weights
            network = timm.create_model(NETWORK, pretrained=weights is None, features_only=False)
    except Exception as error:  # timm, the hub and the connection each raise their own
        raise FeaturesError(
            f"timm could not download {NETWORK}; connect to the internet once, or give a file of "
            f"its weights with --feature-weights or ${WEIGHTS}."
        ) from error
    if weights is not None:
        try:
            state = torch.load(weights, "cpu", weights_only=True)
            missing, _ = network.load_state_dict(state, strict=False)
        except Exception as error:  # a broken file fails in a dozen ways
            raise FeaturesError(f"{weights} is not a readable file of weights.") from error
        if any(not name.startswith("classifier") for name in missing):
            raise FeaturesError(f"{weights} does not hold the weights of {NETWORK}.")
    assert isinstance(network, EfficientNet)
    network.eval().float()
    _fold(network)
    return Stages(network, stages).requires_grad_(False).eval()


def _fold(module: nn.Module) -> None:
    """Put every batch norm into the convolution before it; both are frozen, so it is the same."""
    conv: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            conv = name, child
        elif isinstance(child, nn.modules.batchnorm._BatchNorm):
            assert conv is not None, "in this network each follows a convolution"
            setattr(module, conv[0], _frozen_conv(conv[1], child))
            setattr(module, name, getattr(child, "act", nn.Identity()))
        else:
            _fold(child)


def _frozen_conv(conv: nn.Conv2d, norm: nn.modules.batchnorm._BatchNorm) -> nn.Module:
    assert norm.running_mean is not None and norm.running_var is not None
    weight, bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
    kind = DepthwiseConv if conv.groups > 1 else SameConv
    return kind(weight.detach(), bias.detach(), conv.stride[0])
