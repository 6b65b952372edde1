"""What a discriminator is told of an image besides the image: its class, or a text.

Several conditions of the same images, stacked in front, give as many rows of logits for the price
of one: the image is looked at once.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def length(classes: int, words: int) -> int:
    """How many values a condition has as a row of numbers; 0 if there is none.

    Raises:
        ValueError: both are asked for.
    """
    if classes and words:
        raise ValueError("A discriminator is told classes or words, not both.")
    return classes or words


def rows(condition: Tensor, values: int) -> Tensor:
    """A condition as rows of numbers (…, batch, values): one-hot where it is int64 labels."""
    if condition.is_floating_point():
        return condition
    return F.one_hot(condition, values).float()
