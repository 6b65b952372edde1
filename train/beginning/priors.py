"""A prior's weights for a generator of other categories, of none, or of other levels.

See :class:`studio.generators.prior.Prior`; as :mod:`train.beginning.conditions` does for mappings
that are learnt, what was known stays: a new category is the earlier one of its name, or all.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from studio.generators.prior import Prior
from train.codes.priors import square_root

PART = "mapping."
CENTRE, COMPONENTS, SHARES, MEANS, ROOTS = (
    f"{PART}{name}" for name in ("centre", "components", "shares", "means", "roots")
)
OF_TEXTS = tuple(f"{PART}{name}" for name in ("told", "offset", "meant"))


def has_prior(weights: Mapping[str, Tensor]) -> bool:
    """Whether a generator's weights hold a prior's."""
    return ROOTS in weights


def told_shares(weights: Mapping[str, Tensor], shares: Tensor) -> dict[str, Tensor]:
    """A generator's weights for one that is told categories, or nothing, instead of earlier ones.

    ``shares`` (rows, earlier rows) are how much of each is in each, see
    :func:`train.beginning.conditions.shares_of`; without words is the first of two rows where there
    are words. Several become one part by part: a part of theirs is the Gaussian of the mean and
    covariance that their parts have together.
    """
    weights = {name: each for name, each in weights.items() if name not in OF_TEXTS}
    before = [weights[name] for name in (SHARES, MEANS, ROOTS)]
    rows = [mixed([each.double() for each in before], row.double()) for row in shares]
    for name, old, new in zip((SHARES, MEANS, ROOTS), before, zip(*rows, strict=True), strict=True):
        weights[name] = torch.stack(new).float()
        for row, share in enumerate(shares):
            if share.max() == 1:  # as it was, to the last bit
                weights[name][row] = old[int(share.argmax())]
    return weights


def mixed(prior: list[Tensor], row: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shares (parts,), means and roots of rows that are mixed as ``row`` (earlier rows,) says."""
    shares, means, roots = prior
    weights = row[:, None] * shares  # (earlier rows, parts)
    total = weights.sum(0)
    inside = torch.where(total > 0, weights / total.clamp(min=1e-12), row[:, None])
    middles = torch.einsum("rp,rpi->pi", inside, means)
    apart = means - middles
    covariances = torch.einsum("rp,rpij->pij", inside, roots @ roots)
    covariances = covariances + torch.einsum("rp,rpi,rpj->pij", inside, apart, apart)
    return total, middles, square_root(covariances)


def told_texts(prior: Prior, texts: Tensor) -> dict[str, Tensor]:
    """The weights of a prior whose category ``i`` is what text ``i`` (classes, words) is for it."""
    state = prior.state_dict()
    for name in OF_TEXTS:
        del state[name.removeprefix(PART)]
    state["means"] = prior.means[1] + prior.of_terms(texts)[:, None]
    for name in ("shares", "roots"):
        own = state[name][1]
        state[name] = own.expand(len(texts), *own.shape).clone()
    return state


def with_layers_of(weights: Mapping[str, Tensor], now: Prior) -> dict[str, Tensor]:
    """Weights for a generator of more levels or fewer; new ones have the style of the last."""
    result = dict(weights)
    for name in (CENTRE, COMPONENTS):
        codes = weights[name].unflatten(-1, (-1, now.style_dim))[..., : now.layers, :]
        missing = now.layers - codes.shape[-2]
        new = codes[..., -1:, :].expand(*codes.shape[:-2], missing, -1)
        result[name] = torch.cat([codes, new], -2).flatten(-2)
    return result
