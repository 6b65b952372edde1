"""GAN losses, on logits: small functions, each with its paper."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus


def discriminator_bce(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy of calling real images real and drawn ones fake (Goodfellow, 2014).

    Takes logits of shape (batch,) and returns the scalar -log D(x) - log(1 - D(G(z))), each term a
    mean over its batch. On logits it is stable where D is sure; softplus(-l) = -log sigmoid(l).
    """
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def generator_bce(fake_logits: Tensor) -> Tensor:
    """The non-saturating generator loss -log D(G(z)) (Goodfellow, 2014), a scalar."""
    return softplus(-fake_logits).mean()
