"""A judge that learns, beside the feature distance: what single pictures lack, place by place.

The distance compares many pictures with many photos, and a hole in one of them weighs little. A
critic on the same frozen features (as in "Projected GANs", Sauer et al., 2021) sees it. Alone, such
ones made generators draw one good thing for every latent; the distance keeps the variety.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from train.devices.distributed import Processes
from train.devices.hardware import Hardware
from train.discriminators import conditions
from train.teachers.feature_distance import Look
from train.teachers.losses import discriminator_hinge, generator_hinge

WIDTH = 48
SLOPE = 0.2
RATE, BETAS = 1e-3, (0.0, 0.99)


class Critic:
    """Tells photos from drawn pictures by maps of a frozen network, and learns to as it goes.

    Args:
        deviations: of the channels of each map that is judged, (1, channels, 1, 1):
            :attr:`train.teachers.feature_distance.FeatureDistance.deviations`.
        condition: of the photos, int64 labels (N,) or texts as vectors (N, words), or None.
        seed: decides its first weights.
        hardware: where to compute.
        processes: among which each batch is shared.
    """

    def __init__(
        self,
        deviations: Sequence[Tensor],
        condition: Tensor | None,
        *,
        seed: int,
        hardware: Hardware,
        processes: Processes | None = None,
    ) -> None:
        self.deviations = list(deviations)
        self.processes = processes or Processes()
        views = 0
        if condition is not None:
            texts = condition.is_floating_point()
            views = condition.shape[1] if texts else int(condition.max()) + 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.heads = nn.ModuleList(Head(each.shape[1], views) for each in self.deviations)
        self.heads = self.heads.to(hardware.device)
        self.optimiser = torch.optim.Adam(self.heads.parameters(), RATE, BETAS, fused=True)

    def blame(self, seen: Look, told: Tensor | None) -> Tensor:
        """How much pictures look like drawn ones: the generator's hinge loss, a scalar."""
        self.heads.requires_grad_(False)
        logits = self.logits(judged(seen), told)
        self.heads.requires_grad_(True)
        return torch.stack([generator_hinge(self.processes.gather(e)) for e in logits]).mean()

    def learn(
        self,
        seen: Look,
        told: Tensor | None,
        photos: Look,
        own: Tensor | None,
        others: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One step of telling photos from pictures, and from photos of something else.

        A photo with another's condition is as false as a drawn picture (Reed et al., 2016).

        Args:
            seen, told: what is seen of drawn pictures, and what they are meant to be.
            photos, own: what is seen of photos, and what they are of.
            others: what other photos are of; without it, each one's neighbour in ``own``.

        Returns:
            How much photos and pictures looked real to it before, 0..1.
        """
        false = self.logits([each.detach() for each in judged(seen)], told)
        maps = judged(photos)
        real = self.logits(maps, own)
        scores = looking_real(real), looking_real(false)
        all_of = self.processes.gather
        false = [all_of(each) for each in false]
        if own is not None:
            wrong = self.logits(*mistold(maps, own, own.roll(1, 0) if others is None else others))
            false = [torch.cat([a, all_of(b)]) for a, b in zip(false, wrong, strict=True)]
        real = [all_of(each) for each in real]
        losses = [discriminator_hinge(*pair) for pair in zip(real, false, strict=True)]
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(losses).mean().backward()
        self.processes.average_gradients(self.heads.parameters())
        self.optimiser.step()
        return scores

    def logits(self, maps: list[Tensor], told: Tensor | None) -> list[Tensor]:
        """Of every place of each map (b, C, s, s): (b, s, s)."""
        return [
            head(each / deviation, told)
            for head, each, deviation in zip(self.heads, maps, self.deviations, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """The heads and their optimiser."""
        return {"heads": self.heads.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state_dict` was taken."""
        self.heads.load_state_dict(state["heads"])
        self.optimiser.load_state_dict(state["optimiser"])


def looking_real(logits: list[Tensor]) -> Tensor:
    """How much pictures look real, 0..1, by the logits of their maps."""
    return torch.stack([each.detach().sigmoid().mean() for each in logits]).mean()


def judged(seen: Look) -> list[Tensor]:
    """The maps that are judged: all but the finest, which tells only edges."""
    return seen.maps[1:]


def mistold(maps: list[Tensor], own: Tensor, others: Tensor) -> tuple[list[Tensor], Tensor]:
    """Those of the maps that others' conditions do not fit, and these; an empty text fits all."""
    differ = (own != others).view(len(own), -1).any(1)
    if others.is_floating_point():
        differ &= others.any(1)
    return [each[differ] for each in maps], others[differ]


class Head(nn.Module):
    """From a map of so many channels to logits of its places, with a condition of ``views``."""

    def __init__(self, channels: int, views: int) -> None:
        super().__init__()
        self.views = views
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, WIDTH, 3, padding=1)),
            nn.LeakyReLU(SLOPE),
            spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1)),
            nn.LeakyReLU(SLOPE),
        )
        self.logit = spectral_norm(nn.Conv2d(WIDTH, 1, 3, padding=1))
        self.embedding = nn.Linear(views, WIDTH, bias=False) if views else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight)

    def forward(self, maps: Tensor, told: Tensor | None) -> Tensor:
        seen = self.layers(maps)
        logits = self.logit(seen)[:, 0]
        if self.embedding is not None:
            assert told is not None, "it is told of what each picture is"
            known = self.embedding(conditions.rows(told, self.views))
            logits = logits + (seen * known[..., None, None]).sum(1) / WIDTH**0.5
        return logits
