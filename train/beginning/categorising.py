"""Making a generator by category of one by words: each category draws what a text of it draws.

A text is embedded by a linear layer, and a category by a table; a row of the table that holds a
text's embedding draws the very same, and so does a category whose Gaussian is a text's. So nothing
is trained: what garments are is known from captions, and photos of categories can improve it
afterwards (:mod:`train.teachers.likeness`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators import Generator, build
from studio.generators.style import Mapping as MappingNetwork
from studio.generators.style import StyleGenerator, normalised
from train import discriminators
from train.beginning.conditions import discriminator_told
from train.beginning.priors import MEANS, OF_TEXTS, ROOTS, SHARES, told_texts

PRIOR_PARTS = SHARES, MEANS, ROOTS, *OF_TEXTS


def by_category(generator: Generator, texts: Tensor) -> StyleGenerator:
    """A generator whose label ``i`` draws what ``generator`` draws for text ``i``.

    Args:
        generator: draws by words.
        texts: as vectors (classes, words), none of zeros only.

    Raises:
        ValueError: it is not style-based.
    """
    if not isinstance(generator, StyleGenerator):
        raise ValueError(f"a generator of kind “{generator.kind}” has no styles of words")
    result = build({**generator.config, "words": 0, "classes": len(texts)})
    assert isinstance(result, StyleGenerator)
    weights = {
        name: value
        for name, value in generator.state_dict().items()
        if not name.startswith(("mapping.embedding.", *PRIOR_PARTS))
    }
    if generator.prior:
        result.load_state_dict(weights, strict=False)
        result.mapping.load_state_dict(told_texts(generator.prior, texts))
        return result.requires_grad_(False).eval()
    assert isinstance(generator.mapping, MappingNetwork) and generator.mapping.embedding is not None
    with torch.no_grad():
        # As long as a new table's rows, whose length decides how soon they learn.
        rows = normalised(generator.mapping.embedding(texts))
    result.load_state_dict({**weights, "mapping.embedding.weight": rows})
    return result.requires_grad_(False).eval()


def judged_by_category(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], texts: Tensor
) -> tuple[dict[str, Any], nn.Module]:
    """The configuration and discriminator that judge label ``i`` as another judges text ``i``.

    Args:
        config: of a DCGAN discriminator that is told words.
        weights: its own.
        texts: as vectors (classes, words).
    """
    told = {name: value for name, value in config.items() if name != "words"}
    told["classes"] = len(texts)
    result = discriminators.build(told)
    weights = discriminator_told(weights, texts, len(texts))
    result.load_state_dict(weights)
    return told, result.eval()
