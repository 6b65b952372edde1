"""Fitting a prior to the codes of photos: principal components, and mixtures of Gaussians there.

Flows (RealNVP) were tried beside them and drew pictures farther from photos (docs/experiments.md).
"""

from __future__ import annotations

import torch
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture
from torch import Tensor

from studio.generators import build
from studio.generators.prior import Prior
from studio.generators.style import StyleGenerator
from train.encoder import Encoder, Photos

COMPONENTS = 64
# A category's, or a part's, covariance counts as if so many more photos of any had been seen.
SHRINKAGE = 100.0
# Parts of a mixture are at least so wide while it is looked for, in terms of a component's mean
# variance; and there is one for so many codes at most.
REGULARISATION = 0.02
CODES_OF_PART = 20
RIDGE = 10.0
KEPT_TERMS = (0.6, 0.4, 0.25, 0.15)  # of a text, in the shorter ones made of it
LEAST_VARIANCE = 1e-8


def fitted(
    codes: Tensor,
    condition: Tensor | None = None,
    *,
    classes: int = 0,
    components: int = COMPONENTS,
    parts: int = 1,
    seed: int = 0,
) -> Prior:
    """The prior of codes (n, layers, style_dim), for what each was told.

    Args:
        codes: at least two; see :meth:`train.encoder.Encoder.codes`.
        condition: int64 labels (n,), or texts as vectors (n, words), or None.
        classes: how many labels there are.
        components: of all codes that are kept, fewer where there are fewer codes.
        parts: Gaussians in each mixture, as many for all; a category of few codes uses fewer.
        seed: decides where mixtures begin.

    Covariances are shrunk towards that within all categories or parts (regularised discriminant
    analysis: Friedman, 1989), so that one of few photos has one too. The mean of a text is a ridge
    regression of codes on its terms, and mixtures are of what is left; without a text it is all
    codes that count.
    """
    layers, style_dim = codes.shape[1:]
    flat = codes.flatten(1).double().cpu()
    condition = None if condition is None else condition.cpu()
    components = min(components, flat.shape[1], len(flat) - 1)
    words = condition.shape[1] if condition is not None and condition.is_floating_point() else 0
    told = {"classes": classes, "words": words}
    result = Prior(components + (parts > 1), layers, style_dim, parts=parts, **told)
    centre = flat.mean(0)
    apart = flat - centre
    _, vectors = torch.linalg.eigh(apart.T @ apart)
    vectors = vectors.T.flip(0)[:components]
    rows = apart @ vectors.T
    result.centre.copy_(centre)
    result.components.copy_(vectors)
    groups, means = [rows], [rows.new_zeros(components)]
    if words:
        telling = condition.any(1)  # photos without a text tell nothing of texts
        own, terms = shortened(rows[telling], condition[telling] > 0, seed)
        told, offset = regression(own, terms)
        result.told.copy_(told)
        # What is left where all is said: of a short text, other things vary more, and with them
        # those that it does tell.
        whole = slice(int(telling.sum()))
        groups.append(own[whole] - terms[whole] @ told - offset)
        means.append(offset)
    elif classes:
        groups = [rows[condition == label] for label in range(classes)]
        means = [each.mean(0) if len(each) else rows.new_zeros(components) for each in groups]
        groups = [each - mean for each, mean in zip(groups, means, strict=True)]
    within = covariance(torch.cat(groups)) if classes else None
    for at, (group, mean) in enumerate(zip(groups, means, strict=True)):
        shares, middles, covariances = mixture(group, parts, within, seed)
        result.shares[at].copy_(shares)
        result.means[at].copy_(mean + middles)
        result.roots[at].copy_(square_root(covariances))
    return result


def shortened(rows: Tensor, terms: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Codes (n, k) and their texts' terms, bool (n, words), several times with less and less said.

    Captions say all that is to be said and prompts a few words. So what a term adds has to be told
    from texts in which others are missing. Returns the codes and float terms, (m, k), (m, words).
    """
    random = torch.Generator().manual_seed(seed)
    kept = [terms]
    for share in KEPT_TERMS:
        kept.append(terms & (torch.rand(terms.shape, generator=random) < share))
    return rows.repeat(len(kept), 1), torch.cat(kept).to(rows)


def of_photos(encoder: Encoder, photos: Photos, **form: int) -> Prior:
    """The prior of photos' codes, plain and mirrored ones alike."""
    told = photos.condition
    if told is not None:
        told = torch.cat([told] * len(photos.seen))
    return fitted(encoder.codes(photos), told, classes=photos.classes, **form)


def refit(prior: Prior, encoder: Encoder, photos: Photos) -> None:
    """Let a prior follow the encoder's codes as they are now."""
    encoder.eval()
    form = {"components": len(prior.components), "parts": prior.parts}
    prior.load_state_dict(of_photos(encoder, photos, **form).state_dict())
    encoder.train()


def with_prior(generator: StyleGenerator, prior: Prior) -> StyleGenerator:
    """A copy of a generator whose styles are drawn from a prior."""
    config = {
        **generator.config,
        "latent_dim": prior.latent_dim,
        "classes": prior.classes,
        "words": prior.words,
        "prior": prior.parts,
    }
    result = build(config)
    kept = {
        name: value
        for name, value in generator.state_dict().items()
        if not name.startswith("mapping.")
    }
    result.load_state_dict(kept, strict=False)
    result.mapping.load_state_dict(prior.state_dict())
    return result.requires_grad_(False).eval()


def regression(rows: Tensor, terms: Tensor) -> tuple[Tensor, Tensor]:
    """How codes (n, k) follow terms (n, words): what each adds (words, k), and the rest (k,)."""
    found = Ridge(alpha=RIDGE).fit(terms.numpy(), rows.numpy())
    return torch.from_numpy(found.coef_.T.copy()), torch.from_numpy(found.intercept_)


def mixture(
    rows: Tensor, parts: int, within: Tensor | None, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """A mixture of Gaussians of codes (n, k): shares (parts,), means and covariances (parts, k, k).

    One of a single part has a mean of zero, as ``rows`` have. ``within`` is the covariance within
    all categories, if there are any. Parts that are not needed have no share.
    """
    used = max(1, min(parts, len(rows) // CODES_OF_PART))
    own = covariance(rows) if within is None else shrunk(covariance(rows), len(rows), within)
    shares, means = rows.new_zeros(parts), rows.new_zeros(parts, rows.shape[1])
    covariances = own.repeat(parts, 1, 1)
    shares[0] = 1
    if used > 1:
        width = float(REGULARISATION * rows.var(0).mean())
        found = GaussianMixture(used, reg_covar=width, random_state=seed).fit(rows.numpy())
        weights, each = (torch.from_numpy(value) for value in (found.weights_, found.covariances_))
        common = (weights[:, None, None] * each).sum(0)
        shares[:used] = weights
        means[:used] = torch.from_numpy(found.means_)
        for part, (weight, covariance_) in enumerate(zip(weights.tolist(), each, strict=True)):
            covariances[part] = shrunk(covariance_, weight * len(rows), common)
    return shares, means, covariances


def covariance(rows: Tensor) -> Tensor:
    """Of rows (n, k) with mean zero: (k, k)."""
    return rows.T @ rows / max(1, len(rows))


def shrunk(own: Tensor, count: float, common: Tensor) -> Tensor:
    """A covariance of ``count`` rows, with as many of ``common`` as :data:`SHRINKAGE`."""
    return torch.lerp(common, own, count / (count + SHRINKAGE))


def square_root(matrices: Tensor) -> Tensor:
    """The symmetric roots of covariances (…, k, k)."""
    variances, vectors = torch.linalg.eigh(matrices)
    return (vectors * variances.clamp(min=LEAST_VARIANCE).sqrt()[..., None, :]) @ vectors.mT
