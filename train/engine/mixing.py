"""Two styles in one picture, so that layers learn not to rely on each other."""

from __future__ import annotations

import torch
from torch import Tensor


def mixed(styles: Tensor, others: Tensor, draws: Tensor, share: float) -> Tensor:
    """Style mixing (Karras et al., 2019, StyleGAN): from some layer on, another style.

    Args:
        styles, others: of each layer, (batch, layers, style_dim); the first layer always has the
            first, and the last of a mixed picture the second.
        draws: random numbers in 0..1, (2, batch): whether a picture is mixed, and from which layer.
        share: of pictures that are mixed, 0..1.

    Returns:
        Of the same shape.
    """
    layers = styles.shape[1]
    happens, place = draws
    first = 1 + (place * (layers - 1)).floor()
    first = torch.where(happens < share, first, layers)
    other = torch.arange(layers, device=styles.device) >= first[:, None]
    return torch.where(other[:, :, None], others, styles)
