"""What every measure asks of its images and features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from studio.errors import UserError


class MetricsError(UserError):
    """A measurement that cannot be made; the message is a sentence to show to a person."""


def check_images(images: Tensor, what: str) -> None:
    """Raise a MetricsError unless ``images`` are uint8 (N, 1 or 3, H, W), none of them 0."""
    shape = tuple(images.shape)
    if images.dtype != torch.uint8 or len(shape) != 4 or shape[1] not in (1, 3) or 0 in shape:
        found = f"{images.dtype} of shape {shape}"
        raise MetricsError(f"{what} must be uint8 (N, 1 or 3, H, W), not {found}.")


def check_labels(labels: Tensor, count: int) -> None:
    """Raise a MetricsError unless ``labels`` are int64 (``count``,), none of them negative."""
    shape = tuple(labels.shape)
    if labels.dtype != torch.int64 or shape != (count,) or labels.min() < 0:
        found = f"{labels.dtype} of shape {shape}"
        raise MetricsError(f"The labels of {count} images must be int64 from 0 on, not {found}.")


def check_features(a: np.ndarray, b: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in float64.

    Raises:
        MetricsError: they are not (N, D) and (M, D) with N and M at least ``least``, and finite.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        shapes = f"not {a.shape} and {b.shape}"
        raise MetricsError(f"Features must be (N, D) and (M, D), N, M >= {least}, {shapes}.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise MetricsError("The features hold numbers that are not finite.")
    return a, b
