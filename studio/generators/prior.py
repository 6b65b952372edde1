"""How the codes of photos are distributed: a mapping from z to styles such as photos have."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_PARTS = 256
HIDDEN = 256  # between a text's terms and what they add


class Prior(nn.Module):
    """z to the styles of every layer, distributed as the codes of photos are.

    A code is the styles of all layers of one photo (:mod:`train.codes.encoder`). Codes are written
    in their first principal components, where they follow a mixture of Gaussians for each category,
    or one whose means follow the terms of a text. All of it is fitted once
    (:mod:`train.codes.priors`) and then stays: nothing here is a parameter that a training changes.

    Each Gaussian takes z by the symmetric root of its covariance, the optimal transport from the
    standard normal to it. So with one Gaussian to each, one z is nearly the same thing in every
    category, and with or without words. Where there are more, the last value of z tells which.

    Args:
        latent_dim: length of z: as many principal components and, for several parts, one more.
        layers, style_dim: of the styles.
        parts: Gaussians in each mixture.
        classes: categories, each with a mixture of its own; 0 for none.
        words: length of the vector of a text; 0 for none.

    Raises:
        ValueError: there are more components than a code has values, or too many parts.
    """

    centre: Tensor
    components: Tensor
    shares: Tensor
    means: Tensor
    roots: Tensor
    told: Tensor
    offset: Tensor
    meant: Tensor

    def __init__(
        self,
        latent_dim: int,
        layers: int,
        style_dim: int,
        *,
        parts: int = 1,
        classes: int = 0,
        words: int = 0,
    ) -> None:
        super().__init__()
        size, count = layers * style_dim, latent_dim - (parts > 1)
        if not 1 <= count <= size:
            raise ValueError(f"Codes of {size} values have no {count} components.")
        if not 1 <= parts <= MAX_PARTS:
            raise ValueError(f"A prior has 1 to {MAX_PARTS} parts, not {parts}.")
        self.latent_dim, self.layers, self.style_dim = latent_dim, layers, style_dim
        self.parts, self.classes, self.words = parts, classes, words
        # One for each category; one without words and one with; or just one.
        rows = 2 if words else max(1, classes)
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("components", torch.eye(count, size))
        self.register_buffer("shares", torch.full((rows, parts), 1 / parts))
        self.register_buffer("means", torch.zeros(rows, parts, count))
        self.register_buffer("roots", torch.eye(count).repeat(rows, parts, 1, 1))
        if words:
            self.register_buffer("told", torch.zeros(words, HIDDEN))
            self.register_buffer("offset", torch.zeros(HIDDEN))
            self.register_buffer("meant", torch.zeros(HIDDEN, count))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Latents (batch, latent_dim) to styles (batch, layers, style_dim), each as it is told."""
        if (condition is None) != (self.words + self.classes == 0):
            needs = "needs a label or text" if condition is None else "takes no label or text"
            raise ValueError(f"This generator {needs} for each picture.")
        with torch.autocast(z.device.type, enabled=False):
            z = z.float()
            rows = torch.zeros(len(z), dtype=torch.int64, device=z.device)
            if condition is not None:
                rows = condition.any(1).long() if self.words else condition
            parts = self.part(z, rows)
            within = z[:, None, : len(self.components)] @ self.roots[rows, parts]
            codes = self.means[rows, parts] + within[:, 0]
            if condition is not None and self.words:
                codes = codes + self.of_terms(condition)
            return self.styles(codes)

    def part(self, z: Tensor, rows: Tensor) -> Tensor:
        """Which part of its row each latent is of, int64 (batch,): each part as often as it is."""
        if self.parts == 1:
            return torch.zeros_like(rows)
        ends = self.shares.float().cumsum(1)
        ends = ends / ends[:, -1:]  # exactly 1 where parts without a share follow
        return (ends[rows, :-1] < torch.special.ndtr(z[:, -1:])).sum(1)

    def of_terms(self, texts: Tensor) -> Tensor:
        """What the terms of texts (batch, words) add to codes, (batch, components): 0 for none.

        Whether a term is there counts, not its weight: vectors have a length of 1, so a term of a
        short prompt would count several times what it counts in a caption.
        """
        hidden = (texts > 0).to(self.told) @ self.told + self.offset
        return F.gelu(hidden) @ self.meant * texts.any(1, keepdim=True)

    def middle(self, z: Tensor) -> Tensor:
        """The latents of the middles of the parts that latents (batch, latent_dim) are of."""
        middle = z.clone()
        middle[:, : len(self.components)] = 0
        return middle

    def styles(self, codes: Tensor) -> Tensor:
        """Codes by their components (batch, components) to styles (batch, layers, style_dim)."""
        return (self.centre + codes @ self.components).unflatten(1, (self.layers, self.style_dim))
