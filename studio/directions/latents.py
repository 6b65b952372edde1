"""Directions among latents, for generators without a mapping network."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.directions.base import (
    COUNT,
    TRIAL_STEPS,
    Directions,
    coarse_looks,
    ends,
    named,
    rounded,
    traits,
)
from studio.generators import Generator

SAMPLES = 2048
# On how many designs a direction is tried out to find its name.
TRIAL_DESIGNS = 48


@torch.inference_mode()
def find(generator: Generator, count: int = COUNT, seed: int = 0) -> Directions:
    """Find the ``count`` strongest directions of a generator, and name them by what they change.

    Pictures of random latents are shrunk and regressed on their latents; the right singular
    vectors of that linear map are the latent directions that change pictures most, strongest
    first. This is GANSpace's way from principal components of what a generator makes back to
    its latents (Härkönen et al., 2020), with pixels in place of activations, which needs no
    knowledge of the network.
    """
    random = torch.Generator().manual_seed(seed)
    latents = torch.randn(SAMPLES, generator.latent_dim, generator=random)
    looks = coarse_looks(generator, latents)
    looks -= looks.mean(0)
    response = torch.linalg.lstsq(latents, looks).solution.T  # (look, latent_dim)
    _, strengths, vectors = torch.linalg.svd(response, full_matrices=False)
    vectors = vectors[:count]
    effects = strengths[: len(vectors)] / looks.shape[1] ** 0.5
    changes = tried(generator, vectors)
    names = []
    for index, trait in enumerate(named(changes)):
        names.append(ends(trait, index))
        if trait is not None and changes[index, trait] < 0:  # turned so that its trait grows
            vectors[index] = -vectors[index]
    return rounded(vectors[:, None], names, effects)


def tried(generator: Generator, vectors: Tensor) -> Tensor:
    """What each vector changes on average, in the traits' standard deviations: (count, traits)."""
    random = torch.Generator().manual_seed(1)
    latents = torch.randn(TRIAL_DESIGNS, generator.latent_dim, generator=random)
    spread = traits(generator, latents).std(0).clamp_min(1e-6)
    changes = []
    for vector in vectors:
        step = TRIAL_STEPS * vector
        change = traits(generator, latents + step) - traits(generator, latents - step)
        changes.append(change.mean(0) / spread)
    return torch.stack(changes)
