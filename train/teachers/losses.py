"""GAN losses, on logits: small functions, each with its paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus


def discriminator_bce(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Binary cross-entropy of calling real images real and drawn ones fake (Goodfellow, 2014).

    Takes logits of shape (batch,) and returns the scalar -log D(x) - log(1 - D(G(z))), each term a
    mean over its batch. On logits it is stable where D is sure; softplus(-l) = -log sigmoid(l).
    """
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def generator_bce(fake_logits: Tensor) -> Tensor:
    """The non-saturating generator loss -log D(G(z)) (Goodfellow, 2014), a scalar."""
    return softplus(-fake_logits).mean()


def discriminator_hinge(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The hinge loss (Lim and Ye, 2017): only logits within the margin of 1 count, a scalar."""
    return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()


def generator_hinge(fake_logits: Tensor) -> Tensor:
    """The generator's side of the hinge loss, -D(G(z)) (Lim and Ye, 2017), a scalar."""
    return -fake_logits.mean()


def discriminator_relativistic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """The relativistic pairing loss (Jolicoeur-Martineau, 2019; R3GAN, Huang et al., 2024).

    Each drawn picture is judged against the real one in the same row: log(1 + exp(D(G(z)) - D(x))),
    a scalar mean. It needs R1 and R2 to converge.
    """
    return softplus(fake_logits - real_logits).mean()


def generator_relativistic(fake_logits: Tensor, real_logits: Tensor) -> Tensor:
    """The generator's side of the relativistic pairing loss, a scalar."""
    return softplus(real_logits - fake_logits).mean()


@dataclass(frozen=True)
class Loss:
    """What each network minimises.

    ``discriminator`` takes real and fake logits. ``generator`` takes fake ones, and real ones too
    where ``paired``.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[..., Tensor]
    paired: bool = False


LOSSES = {
    "bce": Loss(discriminator_bce, generator_bce),
    "hinge": Loss(discriminator_hinge, generator_hinge),
    "relativistic": Loss(discriminator_relativistic, generator_relativistic, paired=True),
}


def gradient_penalty(images: Tensor, logits: Tensor) -> Tensor:
    """Half the mean squared norm of D's gradient at ``images`` (Mescheder et al., 2018).

    On real images it is R1, on drawn ones R2. ``images`` (batch, …) require gradients, and
    ``logits`` were computed from them. The result, a scalar, can be differentiated again.
    """
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradients.float().square().flatten(1).sum(1).mean() / 2
