"""A judge that learns, beside the feature distance: what single pictures lack, place by place.

The distance compares many pictures with many photos, and a hole in one of them weighs little. A
critic on the same frozen features (as in "Projected GANs", Sauer et al., 2021) sees it. Alone, such
ones made generators draw one good thing for every latent; the distance keeps the variety.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from train.devices.hardware import Hardware
from train.discriminators import conditions
from train.engine.batches import Batches
from train.teachers.feature_distance import Look
from train.teachers.losses import discriminator_hinge, generator_hinge

WIDTH = 48
SLOPE = 0.2
RATE, BETAS = 1e-3, (0.0, 0.99)


class Critic:
    """Tells photos from drawn pictures by maps of a frozen network, and learns to as it goes.

    Args:
        look: what is seen of pictures (b, C, s, s) in -1..1:
            :meth:`train.teachers.feature_distance.FeatureDistance.look`.
        photos: uint8 (N, C, S, S).
        condition: of the photos, int64 labels (N,) or texts as vectors (N, words), or None.
        batch: how many photos it learns from at a time, fewer where there are fewer.
        mirrored: whether photos count mirrored too.
        seed: decides its first weights and the order of the photos.
        hardware: where to compute.
    """

    def __init__(
        self,
        look: Callable[[Tensor], Look],
        photos: Tensor,
        condition: Tensor | None,
        *,
        batch: int,
        mirrored: bool,
        seed: int,
        hardware: Hardware,
    ) -> None:
        self.look, self.mirrored = look, mirrored
        self.batches = Batches(
            photos,
            condition,
            size=min(batch, len(photos)),
            seed=seed,
            balanced=False,
            hardware=hardware,
        )
        self.random = torch.Generator().manual_seed(seed)
        maps = judged(self._photos()[0])
        self.deviations = [each.std((0, 2, 3), keepdim=True).clamp(min=1e-6) for each in maps]
        views = 0
        if condition is not None:
            texts = condition.is_floating_point()
            views = condition.shape[1] if texts else int(condition.max()) + 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.heads = nn.ModuleList(Head(each.shape[1], views) for each in maps)
        self.heads = self.heads.to(hardware.device)
        self.optimiser = torch.optim.Adam(self.heads.parameters(), RATE, BETAS, fused=True)

    def blame(self, seen: Look, told: Tensor | None) -> Tensor:
        """How much pictures look like drawn ones: the generator's hinge loss, a scalar."""
        self.heads.requires_grad_(False)
        logits = self.logits(judged(seen), told)
        self.heads.requires_grad_(True)
        return torch.stack([generator_hinge(each) for each in logits]).mean()

    def learn(
        self, seen: Look, told: Tensor | None, photos: tuple[Look, Tensor | None] | None = None
    ) -> None:
        """One step of telling photos from these pictures, and from photos of something else.

        A photo with another's condition is as false as a drawn picture (Reed et al., 2016).
        ``photos`` are what is seen of some and what they are of; without them it takes the next.
        """
        false = self.logits([each.detach() for each in judged(seen)], told)
        photos, own = self._photos() if photos is None else photos
        maps = judged(photos)
        real = self.logits(maps, own)
        if own is not None:
            wrong = self.logits(*mistold(maps, own, own.roll(1, 0)))
            false = [torch.cat(pair) for pair in zip(false, wrong, strict=True)]
        losses = [discriminator_hinge(*pair) for pair in zip(real, false, strict=True)]
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(losses).mean().backward()
        self.optimiser.step()

    def logits(self, maps: list[Tensor], told: Tensor | None) -> list[Tensor]:
        """Of every place of each map (b, C, s, s): (b, s, s)."""
        return [
            head(each / deviation, told)
            for head, each, deviation in zip(self.heads, maps, self.deviations, strict=True)
        ]

    @torch.no_grad()
    def _photos(self) -> tuple[Look, Tensor | None]:
        """What is seen of the next photos, and told of them."""
        photos, told = self.batches.take(slice(None), (-1.0, 1.0))
        if self.mirrored:
            turned = torch.rand(len(photos), generator=self.random) < 0.5
            turned = turned.to(photos.device)[:, None, None, None]
            photos = torch.where(turned, photos.flip(3), photos)
        return self.look(photos), told


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
            known = self.embedding(conditions.rows(told, self.views))
            logits = logits + (seen * known[..., None, None]).sum(1) / WIDTH**0.5
        return logits
