"""Fitting a prior to the codes of photos: principal components, and mixtures of Gaussians there.

Flows (RealNVP) were tried beside them and drew pictures farther from photos (docs/experiments.md).
"""

from __future__ import annotations

import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.nn import functional as F

from studio.generators import build
from studio.generators.prior import Prior
from studio.generators.style import StyleGenerator
from train.codes.encoder import Encoder, Photos

COMPONENTS = 64
# A category's, or a part's, covariance counts as if so many more photos of any had been seen.
SHRINKAGE = 100.0
# Parts of a mixture are at least so wide while it is looked for, in terms of a component's mean
# variance; and there is one for so many codes at most.
REGULARISATION = 0.02
CODES_OF_PART = 20
# Of what is learnt of texts.
TERM_STEPS, TERM_BATCH, TERM_RATE, TERM_DECAY = 1500, 256, 3e-3, 0.05
FIRST_WEIGHTS = 0.05
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
        codes: at least two; see :meth:`train.codes.encoder.Encoder.codes`.
        condition: int64 labels (n,), or texts as vectors (n, words), or None.
        classes: how many labels there are.
        components: of all codes that are kept, fewer where there are fewer codes.
        parts: Gaussians in each mixture, as many for all; a category of few codes uses fewer.
        seed: decides where mixtures begin.

    Covariances are shrunk towards that within all categories or parts (regularised discriminant
    analysis: Friedman, 1989), so that one of few photos has one too. The mean of a text is what a
    small network learns of its terms, and mixtures are of what is left; without a text it is all
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
        assert condition is not None
        telling = condition.any(1)  # photos without a text tell nothing of texts
        own, texts = rows[telling], condition[telling]
        learn_terms(result, own, texts, seed)
        # What is left where all is said: of a short text, other things vary more, and with them
        # those that it does tell.
        left = own - result.of_terms(texts)
        groups.append(left - left.mean(0))
        means.append(left.mean(0))
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


def learn_terms(prior: Prior, rows: Tensor, texts: Tensor, seed: int) -> None:
    """Teach a prior the mean code of what texts say, from codes (n, k) and vectors (n, words).

    Captions say all that is to be said, and prompts a few words. So of each text it is shown
    random terms, more or less of them, and what is left out may be anything.
    """
    random = torch.Generator().manual_seed(seed)
    deviation = rows.std(0).clamp(min=LEAST_VARIANCE)
    wanted, terms = (rows / deviation).float(), texts > 0
    weights = [prior.told, prior.offset, prior.meant]
    prior.told.copy_(torch.randn(prior.told.shape, generator=random) * FIRST_WEIGHTS)
    prior.meant.copy_(torch.randn(prior.meant.shape, generator=random) * FIRST_WEIGHTS)
    learning = [each.clone().requires_grad_(True) for each in weights]
    optimiser = torch.optim.AdamW(learning, TERM_RATE, weight_decay=TERM_DECAY)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, TERM_STEPS)
    for _ in range(TERM_STEPS):
        chosen = torch.randint(len(rows), (TERM_BATCH,), generator=random)
        share = torch.rand(TERM_BATCH, 1, generator=random)
        kept = torch.rand(TERM_BATCH, terms.shape[1], generator=random) < share
        told, offset, meant = learning
        found = F.gelu((terms[chosen] & kept).float() @ told + offset) @ meant
        loss = (found - wanted[chosen]).square().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        rates.step()
    for own, learnt in zip(weights, learning, strict=True):
        own.copy_(learnt.detach())
    prior.meant.mul_(deviation)


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
    assert isinstance(result, StyleGenerator)
    kept = {
        name: value
        for name, value in generator.state_dict().items()
        if not name.startswith("mapping.")
    }
    result.load_state_dict(kept, strict=False)
    result.mapping.load_state_dict(prior.state_dict())
    return result.requires_grad_(False).eval()


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
