"""Unselected pictures of a generator, to measure: with classes, with words, or with neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image

from studio import spaces
from studio.generators import Generator
from studio.generators.base import to_uint8
from studio.photos import prepare
from studio.words import Encoder

BATCH = 100
# Added to the seeds of latents, so that no training has them. Torch takes 32 bits of a seed.
APART = 0x5EED_0000


def drawer(
    generator: Generator, psi: float = 1.0, classes: Tensor | None = None
) -> Callable[..., Tensor]:
    """A function that draws unselected pictures to measure: uint8 (count, C, S, S).

    It is called ``draw(count, seed)``, or for a generator with classes ``draw(count, seed,
    labels)``. Labels are int64 (count,); with ``classes``, the generator's are looked up in it.
    """

    @torch.inference_mode()
    def drawn(count: int, seed: int, labels: Tensor | None = None) -> Tensor:
        latents = latents_of(seed, count, generator.latent_dim)
        if labels is not None and classes is not None:
            labels = classes[labels]
        batches = [None] * count if labels is None else labels.split(BATCH)
        return torch.cat(
            [
                to_uint8(generator.draw(truncated(z, wanted)), generator.value_range)
                for z, wanted in zip(latents.split(BATCH), batches, strict=False)
            ]
        )

    truncated = truncation(generator, psi)
    return drawn


def latents_of(seed: int, count: int, latent_dim: int) -> Tensor:
    """Standard normal latents (count, latent_dim), the same for a seed each time.

    They are those of no training's seed. A network's first weights are drawn from it, and stay
    nearly as they are: of the same seed, the first latents would be these very numbers, and their
    pictures as far out as none else.
    """
    random = torch.Generator().manual_seed(APART + seed)
    return torch.randn(count, latent_dim, generator=random)


def truncation(generator: Generator, psi: float) -> Callable[[Tensor, Tensor | None], Tensor]:
    """A function from latents (n, latent_dim) and labels (n,) to styles, as the studio draws them.

    ``psi`` scales what sets a style apart from its category's centre or, where there is no mapping
    network or nothing whole between styles, the latent, whose centre is zero.
    """

    @lru_cache(None)
    def centre(label: int) -> Tensor:
        wish = spaces.Wish(label)
        return torch.from_numpy(spaces.centre_and_deviation(generator, wish)[0])

    def centres(latents: Tensor, labels: Tensor | None) -> Tensor:
        middle = generator.middle(latents)
        if middle is not None:
            return generator.per_layer(generator.map(middle, labels))
        own = [0] * len(latents) if labels is None else labels.tolist()
        return torch.stack([centre(label) for label in own])

    def truncated(latents: Tensor, labels: Tensor | None) -> Tensor:
        if not generator.mapped:
            return psi * latents
        if not generator.whole_between:
            return generator.per_layer(generator.map(psi * latents, labels))
        styles = generator.per_layer(generator.map(latents, labels))
        if psi == 1:
            return styles
        return styles + (psi - 1) * (styles - centres(latents, labels))

    return truncated


def worded_drawer(
    generator: Generator, encoder: Encoder, psi: float = 1.0, guidance: float = 1.0
) -> Callable[[Sequence[str], int], Tensor]:
    """A function ``draw(texts, seed)`` to a picture of each text as the studio draws it.

    They are uint8 (len(texts), C, S, S); ``guidance`` is how closely the words are followed.
    """

    @lru_cache(None)
    def centre(text: str) -> Tensor:
        wish = spaces.Wish(text=text, guidance=guidance)
        return torch.from_numpy(spaces.centre_and_deviation(generator, wish, encoder)[0])

    def centres(latents: Tensor, vectors: Tensor, texts: Sequence[str]) -> Tensor:
        middle = generator.middle(latents)
        if middle is not None:
            return generator.per_layer(generator.guided(middle, vectors, guidance))
        return torch.stack([centre(text) for text in texts])

    @torch.inference_mode()
    def drawn(texts: Sequence[str], seed: int) -> Tensor:
        latents = latents_of(seed, len(texts), generator.latent_dim)
        vectors = torch.from_numpy(encoder.vectors(texts))
        pictures = []
        for start in range(0, len(texts), BATCH):
            some = slice(start, start + BATCH)
            own = latents[some] if generator.whole_between else psi * latents[some]
            styles = generator.per_layer(generator.guided(own, vectors[some], guidance))
            if psi != 1 and generator.whole_between:
                centre_of_each = centres(latents[some], vectors[some], texts[some])
                styles = styles + (psi - 1) * (styles - centre_of_each)
            pictures.append(to_uint8(generator.draw(styles), generator.value_range))
        return torch.cat(pictures)

    return drawn


def made_smaller(draw: Callable[..., Tensor], size: int) -> Callable[..., Tensor]:
    """The same function, but its pictures are made ``size`` pixels as photos are for a training."""

    def drawn(*wanted: object) -> Tensor:
        pictures = draw(*wanted)
        if pictures.shape[-1] == size:
            return pictures
        small = [prepare(to_pil_image(each), size, len(each)) for each in pictures]
        return torch.from_numpy(np.stack(small))

    return drawn
