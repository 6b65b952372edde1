"""One training on several processes: each computes its share of every batch.

``torchrun --nproc-per-node N -m train …`` starts them. Every process draws the same random numbers
for the whole batch and uses its own rows; gradients, the statistics of norms and means are taken
over all. So N processes do what one does, but for the order in which numbers are added.
(Li et al., 2020, describe torch's own wrapper for this. It wants one forward pass for each backward
pass, which a GAN does not have, so gradients are averaged here by hand, as StyleGAN2-ADA does.)
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from studio.errors import UserError
from studio.inversion.encoders import Standardised

Network = TypeVar("Network", bound=nn.Module)


class ProcessesError(UserError):
    """A way to share the work that can't be; the message says why, for a person."""


@dataclass(frozen=True)
class Processes:
    """This process among those of one training: number ``rank`` of ``count``."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    def share(self, total: int) -> slice:
        """This process's rows of a batch of ``total``.

        Raises:
            ProcessesError: the rows can't be shared equally.
        """
        size, rest = divmod(total, self.count)
        if rest:
            lower, higher = total - rest, total - rest + self.count
            raise ProcessesError(
                f"A batch of {total} images can't be shared equally by {self.count} processes; "
                f"choose --batch {lower or higher} or {higher}."
            )
        return slice(self.rank * size, (self.rank + 1) * size)

    def average(self, tensor: Tensor) -> Tensor:
        """The mean of ``tensor`` over the processes, in place."""
        if self.count > 1:
            distributed.all_reduce(tensor)
            tensor /= self.count
        return tensor

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make every process's gradients those of the whole batch, in one exchange."""
        if self.count == 1:
            return
        gradients = [each.grad for each in parameters if each.grad is not None]
        flat = self.average(torch.cat([each.flatten() for each in gradients]))
        parts = flat.split([each.numel() for each in gradients])
        torch._foreach_copy_(
            gradients, [p.view(g.shape) for p, g in zip(parts, gradients, strict=True)]
        )

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, in their order; each may have another number of them.

        What is computed of them is the same everywhere. Gradients reach this process's own rows,
        and are right after :meth:`average_gradients`.
        """
        return rows if self.count == 1 else _Gathered.apply(rows, self)

    def offset(self, count: int, device: torch.device) -> int:
        """Where this process's ``count`` rows begin among those that :meth:`gather` puts together.

        The rows before them are counted, not drawn: every process is asked.
        """
        if self.count == 1:
            return 0
        return int(sum(self._counts(count, device)[: self.rank]))

    def _counts(self, count: int, device: torch.device) -> list[int]:
        """How many rows each process has."""
        own = torch.tensor([count], device=device)
        counts = [torch.zeros_like(own) for _ in range(self.count)]
        distributed.all_gather(counts, own)
        return [int(each) for each in counts]

    def agree(self, value: float, device: torch.device) -> float:
        """The first process's ``value``, for all: decisions that depend on time or on a person."""
        if self.count == 1:
            return value
        told = torch.tensor(value, dtype=torch.float64, device=device)
        distributed.broadcast(told, src=0)
        return told.item()

    def share_first(self, tensor: Tensor) -> Tensor:
        """The first process's ``tensor``, for all, in place."""
        if self.count > 1:
            distributed.broadcast(tensor, src=0)
        return tensor

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.count > 1:
            distributed.barrier()

    def synchronise(self, network: Network) -> Network:
        """Have the norms in a network take their statistics over all processes."""
        if self.count == 1:
            return network
        for each in network.modules():
            if isinstance(each, Standardised):
                each.over_all = self.average
        return _synchronise(network)


def join(device: str) -> tuple[Processes, str]:
    """Join the processes that torchrun started, if it did.

    Returns this process's place and the device it computes on: with several GPUs each its own.

    Raises:
        ProcessesError: there are more processes than GPUs.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "LOCAL_RANK" not in os.environ:
        return Processes(), device
    local = int(os.environ["LOCAL_RANK"])
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpu:
        if local >= torch.cuda.device_count():
            raise ProcessesError(
                f"There are {torch.cuda.device_count()} GPUs here, too few for one process each; "
                "give torchrun a smaller --nproc-per-node, or --device cpu."
            )
        device = f"cuda:{local}"
        torch.cuda.set_device(local)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if on_gpu else "gloo")
    return Processes(distributed.get_rank(), distributed.get_world_size()), device


def leave() -> None:
    """Part from the other processes at the end, if there are any."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes, which gradients flow through."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        # As a function that is differentiable itself: gradient penalties come back this way.
        return _Sum.apply(gradient.contiguous())


class _Gathered(torch.autograd.Function):
    """The rows of all processes, of which gradients reach the own ones."""

    @staticmethod
    def forward(context: Any, rows: Tensor, processes: Processes) -> Tensor:
        counts = processes._counts(len(rows), rows.device)
        before = sum(counts[: processes.rank])
        context.own, context.processes = slice(before, before + len(rows)), processes
        # Shorter ones are filled up: not every backend exchanges tensors of several sizes.
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # Every process has computed the same of all rows, and gradients will be averaged.
        return gradient[context.own] * context.processes.count, None


class _SynchronisedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the batches of all processes together.

    torch's own SyncBatchNorm does the same, but only on GPUs.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"Batch norm needs 2 dimensions or more, not {input.dim()}.")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        values = input.float()
        axes = [axis for axis in range(values.dim()) if axis != 1]
        count = values.new_full((1,), values.numel() / values.shape[1])
        sums = _Sum.apply(torch.cat([values.sum(axes), values.square().sum(axes), count]))
        total = sums[-1].detach()
        mean, square = sums[:-1].view(2, -1) / total
        variance = (square - mean.square()).clamp_min(0)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * total / (total - 1), self.momentum)
        shape = [1, -1] + [1] * (values.dim() - 2)
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        return (values * scale.view(shape) + shift.view(shape)).to(input.dtype)


def _synchronise(network: Network) -> Network:
    for name, child in network.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(network, name, _synchronised(child))
        else:
            _synchronise(child)
    return network


def _synchronised(norm: nn.modules.batchnorm._BatchNorm) -> nn.Module:
    result = _SynchronisedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine)
    # The same tensors, not copies: optimisers may hold them already.
    result._parameters, result._buffers = norm._parameters, norm._buffers
    return result.train(norm.training)
