"""How near enlarged pictures are to the photos that they came from, beside Lanczos alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from studio import pictures
from studio.enlarging import STRENGTH, Detail
from train.detail.pairs import Pairs
from train.metrics.distances import frechet_distance
from train.metrics.features import Features

CROP = 224  # what feature networks learnt from, at the photos' own scale
ACROSS = 2  # crops of a photo, and down
WAYS = {"lanczos": 0.0, "detail": STRENGTH}


def measure(pairs: Pairs, detail: Detail, features: Features | None = None) -> dict[str, Any]:
    """Numbers for a card, over the photos that are held out; lower is nearer.

    For each way of enlarging, of which detail is added as strongly as is usual: ``pixels`` is the
    mean absolute difference, in levels of 255. With ``features``, of crops at the photos' own
    scale: ``features`` is 1 less the cosine of a crop's and its photo's, ``frechet`` the Fréchet
    distance of all crops and all photos' crops. ``moved`` is by how many levels a picture's mean
    colour moves at most.
    """
    rows = pairs.held_out.nonzero()[:, 0]
    photos = pairs.photos[rows]
    result: dict[str, Any] = {"photos": len(rows)}
    seen = of_crops(photos, features) if features else None
    means: dict[str, Tensor] = {}
    for way, strength in WAYS.items():
        enlarged = torch.stack([enlarge(pairs.back[row], detail, strength) for row in rows])
        means[way] = enlarged.float().mean((2, 3))
        numbers = {"pixels": round(difference(enlarged, photos), 4)}
        if features and seen is not None:
            mine = of_crops(enlarged, features)
            numbers["features"] = round(apart(mine, seen), 4)
            numbers["frechet"] = round(frechet_distance(mine, seen), 3)
        result[way] = numbers
    moved = (means["detail"] - means["lanczos"]).abs().max()
    result["moved"] = round(moved.item(), 3)
    if features:
        result["protocol"] = f"{features.protocol}, crops of {CROP} px"
    return result


def enlarge(picture: Tensor, detail: Detail, strength: float) -> Tensor:
    """A picture uint8 (3, s, s) at twice its size, uint8 (3, 2s, 2s)."""
    image = pictures.to_image(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()))
    return torch.from_numpy(np.array(detail(image, strength))).permute(2, 0, 1)


def difference(enlarged: Tensor, photos: Tensor) -> float:
    """The mean absolute difference of uint8 pictures, in levels."""
    each = [(a.float() - b.float()).abs().mean() for a, b in zip(enlarged, photos, strict=True)]
    return torch.stack(each).mean().item()


def of_crops(images: Tensor, features: Features) -> np.ndarray:
    """Features (N * 4, dim) of four crops of each image, float32; of the whole of small ones."""
    side = min(CROP, images.shape[-1] // ACROSS)
    begin = (images.shape[-1] - ACROSS * side) // 2
    places = [begin + at * side for at in range(ACROSS)]
    crops = [images[..., y : y + side, x : x + side] for y in places for x in places]
    # Not resized: what is measured is detail.
    features.input_size = side
    return np.concatenate([features(each.contiguous()) for each in crops])


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """1 less the cosine of two sets' rows, the mean over all."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(1 - ((a * b).sum(1) / np.maximum(lengths, 1e-12)).mean())
