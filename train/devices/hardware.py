"""Where a training computes, in which precision, and how its tensors lie in memory."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from studio.errors import UserError

Network = TypeVar("Network", bound=nn.Module)


class HardwareError(UserError):
    """A device that is not there; the message is a sentence for a person."""


@dataclass(frozen=True)
class Hardware:
    """A device and how to use it well.

    ``bf16`` computes in bfloat16 under autocast, with float32 weights; ``channels_last`` lays
    images out as NHWC, which both matrix units of CPUs and tensor cores prefer.
    """

    device: torch.device
    bf16: bool
    channels_last: bool = True

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto") -> Hardware:
        """The best there is, or what was asked for.

        Args:
            device: ``auto``, or a torch device such as ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
            precision: ``auto``, ``bf16`` or ``fp32``.

        Raises:
            HardwareError: the device is not there.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            chosen = torch.device(device)
            torch.empty(1, device=chosen)
        except (RuntimeError, AssertionError) as error:
            raise HardwareError(
                f"There is no device {device!r} here. Say --device auto, or cpu."
            ) from error
        bf16 = precision == "bf16" or (precision == "auto" and has_fast_bf16(chosen))
        return cls(chosen, bf16)

    @property
    def name(self) -> str:
        """What people call the device."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        cores = torch.get_num_threads()
        return f"{cores} CPU core{'' if cores == 1 else 's'}"

    @property
    def precision(self) -> str:
        """What it computes in: ``bf16`` or ``fp32``."""
        return "bf16" if self.bf16 else "fp32"

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which networks run forward."""
        if not self.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def place(self, network: Network) -> Network:
        """Move a network here, its convolutions laid out as this hardware likes them."""
        network = network.to(self.device)
        return network.to(memory_format=torch.channels_last) if self.channels_last else network

    def lay_out(self, images: Tensor) -> Tensor:
        """Give a batch (B, C, H, W) the memory layout that the networks have."""
        if self.channels_last:
            return images.contiguous(memory_format=torch.channels_last)
        return images

    def place_images(self, images: Tensor) -> Tensor:
        """Keep all uint8 images on the device where a quarter of its free memory holds them."""
        if self.device.type != "cuda":
            return images
        free, _ = torch.cuda.mem_get_info(self.device)
        return images.to(self.device) if images.numel() < free / 4 else images


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware rather than imitated."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.ops.mkldnn._is_mkldnn_bf16_supported() and _has_bf16_instructions()
    return False


def _has_bf16_instructions() -> bool:
    """AVX-512 BF16 or AMX; without them bfloat16 is slower than float32."""
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)
