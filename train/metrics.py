"""How far generated images are from real ones: Fréchet distance, precision and recall.

All of them compare features of a named ImageNet network, not pixels. The network here is timm's
``mobilenetv2_100``, so the distance is the *Fréchet distance on mobilenetv2_100 features*. It is
not the published FID, which is defined on one particular Inception network, and the two are not
on the same scale. Compare numbers of the same real images and the same ``protocol`` only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from studio.errors import UserError

Device = str | torch.device
NETWORK = "mobilenetv2_100"
# The tag pins the download: a change of timm's default weights must not change anyone's numbers.
PRETRAINED = f"{NETWORK}.ra_in1k"
# The number of classes tells the input range (mean and deviation of RGB in 0..1): 1000 is timm's
# own training, 1001 (class 0 is background) is TensorFlow's, which reads RGB in [-1, 1].
INPUT_STATISTICS = {
    1000: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    1001: ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
# Part of the protocol. 2,375 images take 10 s at 128 and 43 s at the network's native 224 on two
# cores, and a slight blur scores about 2.5 times the floor at either size.
INPUT_SIZE = 128
MAX_IMAGES = 5000
K = 3  # the neighbour of precision and recall, as in their paper


class MetricsError(UserError):
    """A measurement that cannot be made; the message is a sentence to show to a person."""


class FeatureNetwork:
    """A frozen network that turns images into feature vectors; make one with :meth:`load`.

    Attributes:
        name: the network's name, to be shown next to every number made with it.
        dim: length of a feature vector (1280, the average-pooled last layer).
        input_size: side in pixels to which every image is resized.
        fingerprint: first 8 hex digits of the weights' SHA-256; other weights, other numbers.
    """

    name = NETWORK
    input_size = INPUT_SIZE

    def __init__(self, network: nn.Module, device: Device = "cpu") -> None:
        self.fingerprint = _fingerprint(network)
        self._device = torch.device(device)
        self._mean, self._std = (
            255 * torch.tensor(value, device=device).view(1, 3, 1, 1)
            for value in INPUT_STATISTICS[network.num_classes]
        )
        network.reset_classifier(0)
        self.dim: int = network.num_features
        network.eval().requires_grad_(False)
        # channels_last is a third faster on a CPU and changes nothing but the last digits.
        self._network = network.to(device, memory_format=torch.channels_last)

    @classmethod
    def load(cls, weights: str | Path | None = None, device: Device = "cpu") -> FeatureNetwork:
        """Load the network from a file, or let timm download its weights.

        ``weights`` is a state dict under timm's names (``.safetensors``, else ``torch.save``) with
        1000 or 1001 classes in any float type; None downloads timm's ImageNet weights.

        Raises:
            MetricsError: the file is missing or of another network, or the download failed.
        """
        # Building a network draws random weights; a measurement must not disturb the random
        # state of the training it is called from.
        with torch.random.fork_rng(devices=[]):
            return cls(_download() if weights is None else _from_file(Path(weights)), device)

    @property
    def protocol(self) -> str:
        """How images become features, for a sentence: the network, its weights, the input."""
        return f"{self.name} features (weights {self.fingerprint}, input {self.input_size} px)"

    @torch.inference_mode()
    def __call__(self, images: Tensor, batch_size: int = 64, progress: bool = False) -> np.ndarray:
        """Features of ``images``, uint8 (N, C, H, W) with C of 1 or 3: float32 (N, ``dim``).

        Grey is repeated to three channels. Each image is resized to ``input_size`` (bicubic,
        antialiased, clipped to 0..255; one that is not square is stretched). The network runs in
        float32 everywhere: bfloat16 would save 40 % of the time on a CPU that has it, and give
        each machine its own numbers. ``progress`` shows a bar.

        Raises:
            MetricsError: ``images`` is of another type or shape.
        """
        _check_images(images, "The images")
        features = []
        # Otherwise a GPU rounds to TF32, and a caller's autocast to bfloat16.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with exact, torch.autocast(self._device.type, enabled=False):
            for block in tqdm(images.split(batch_size), "features", disable=not progress):
                batch = block.to(self._device, torch.float32)
                batch = F.interpolate(batch, size=self.input_size, mode="bicubic", antialias=True)
                batch = (batch.clamp(0, 255).expand(-1, 3, -1, -1) - self._mean) / self._std
                pooled = self._network(batch.contiguous(memory_format=torch.channels_last))
                features.append(pooled.cpu())
        return torch.cat(features).numpy()


@dataclass(frozen=True)
class Quality:
    """How good a generator is, and how that was measured.

    ``frechet`` is the distance of ``samples`` generated images from ``real_images`` real ones
    (0 is best), ``floor`` that of two halves of the real ones, see :func:`evaluate`. ``precision``
    and ``recall`` lie in 0..1. ``features`` is the network's name, ``protocol`` one sentence.
    """

    features: str
    frechet: float
    floor: float
    precision: float
    recall: float
    samples: int
    real_images: int
    seed: int
    protocol: str

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON-able data."""
        return asdict(self)


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet distance of the Gaussians fitted to two sets of features.

    Heusel et al., 2017: |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)). Few images make
    it too large: compare distances of equal counts only. ``a`` and ``b`` are (N, D) and
    (M, D) with N, M >= 2, which may differ and be less than D.

    Raises:
        MetricsError: the shapes do not fit, or a number is not finite.
    """
    a, b = _check_features(a, b, least=2)
    # With C = X^T X, the trace of the root is the sum of the singular values of X_a X_b^T. That
    # needs no root of a (rank-deficient) matrix: nothing turns complex, and no digits are lost.
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = np.square(a.mean(0) - b.mean(0)).sum() - 2 * cross
    distance += np.square(root_a).sum() + np.square(root_b).sum()
    return max(float(distance), 0.0)


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = K) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al., 2019).

    A set's manifold is the union of balls around its points, each reaching to the point's k-th
    nearest neighbour in the set. Precision is the share of ``fake`` inside the manifold of
    ``real``, recall the share of ``real`` inside that of ``fake``. Both depend on the counts.
    ``real`` and ``fake`` are features (N, D) and (M, D), both with more than k >= 1 rows.

    Raises:
        MetricsError: the shapes do not fit, or a number is not finite.
    """
    if k < 1:
        raise MetricsError(f"k is at least 1, not {k}.")
    points = _check_features(real, fake, least=k + 1)
    real_points, fake_points = (torch.from_numpy(some) for some in points)
    return _share_inside(fake_points, real_points, k), _share_inside(real_points, fake_points, k)


def evaluate(
    generate: Callable[[int, int], Tensor],
    real: Tensor,
    features: FeatureNetwork,
    *,
    samples: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Quality:
    """Measure a generator against at most 5000 real images, a subset chosen by ``seed``.

    ``floor`` is the Fréchet distance between two random halves of these real images. It is
    pessimistic (too high): each half has only half the images, and fewer images mean a larger
    distance. A good generator can get below it.

    Args:
        generate: ``generate(count, seed)`` returns uint8 (count, C, H, W); called once.
        real: uint8 (N, C, H, W) with N >= 4.
        samples: how many images to generate; None for as many as real ones are used.
        seed: chooses the generated images, the subset and the halves.

    Raises:
        MetricsError: there are too few images, or they are of another type or shape.
    """
    _check_images(real, "The real images")
    samples = min(MAX_IMAGES, len(real)) if samples is None else samples
    if min(samples, len(real)) <= K:
        raise MetricsError(f"Measuring needs at least {K + 1} images of each kind.")
    fake = generate(samples, seed)
    _check_images(fake, "The generated images")
    if len(fake) != samples:
        raise MetricsError(f"The generator made {len(fake)} images where {samples} were asked for.")
    order = np.random.default_rng(seed).permutation(len(real))[:MAX_IMAGES]
    chosen = torch.from_numpy(order).to(real.device)
    real_features = features(real[chosen], progress=progress)
    fake_features = features(fake, progress=progress)
    half = len(order) // 2  # already in random order
    precision, recall = precision_recall(real_features, fake_features, K)
    return Quality(
        features=features.name,
        frechet=frechet_distance(real_features, fake_features),
        floor=frechet_distance(real_features[:half], real_features[half : 2 * half]),
        precision=precision,
        recall=recall,
        samples=samples,
        real_images=len(order),
        seed=seed,
        protocol=f"Fréchet distance, precision and recall (k={K}) on {features.protocol} of "
        f"{samples} generated and {len(order)} real images; floor between halves of {half}.",
    )


def _download() -> nn.Module:
    import timm  # takes seconds, and those who only train do not measure

    try:
        return timm.create_model(PRETRAINED, pretrained=True)
    except Exception as error:  # timm, the hub and the connection each raise their own
        advice = "connect to the internet once, or give a file of feature weights"
        raise MetricsError(f"timm could not download {PRETRAINED}; {advice}.") from error


def _from_file(path: Path) -> nn.Module:
    import timm

    if not path.is_file():
        raise MetricsError(f"There is no file of feature weights at {path}.")
    try:
        safe = path.suffix == ".safetensors"
        state = load_file(path) if safe else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # a broken file fails in a dozen ways, each with its own exception
        raise MetricsError(f"{path} is not a readable file of weights.") from error
    try:
        network = timm.create_model(NETWORK, num_classes=len(state["classifier.weight"]))
        network.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError, TypeError, IndexError) as error:
        raise MetricsError(f"{path} does not hold the weights of {NETWORK}.") from error
    if network.num_classes not in INPUT_STATISTICS:
        raise MetricsError(f"The network in {path} has neither 1000 nor 1001 classes.")
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise MetricsError(f"The weights in {path} are not all finite.")
    return network


def _fingerprint(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()[:8]


def _check_images(images: Tensor, what: str) -> None:
    shape = tuple(images.shape)
    if images.dtype != torch.uint8 or len(shape) != 4 or shape[1] not in (1, 3) or 0 in shape:
        found = f"{images.dtype} of shape {shape}"
        raise MetricsError(f"{what} must be uint8 (N, 1 or 3, H, W), not {found}.")


def _check_features(a: np.ndarray, b: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in float64, moved together so that ``a`` has mean zero: less rounding."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        shapes = f"not {a.shape} and {b.shape}"
        raise MetricsError(f"Features must be (N, D) and (M, D), N, M >= {least}, {shapes}.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise MetricsError("The features hold numbers that are not finite.")
    return a - a.mean(0), b - a.mean(0)


def _covariance_root(x: np.ndarray) -> np.ndarray:
    """A matrix R of at most D rows with R^T R the covariance of ``x``."""
    root = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    return np.linalg.qr(root, mode="r") if len(root) > root.shape[1] else root


def _share_inside(points: Tensor, centres: Tensor, k: int, block: int = 1000) -> float:
    """The share of ``points`` inside the balls around ``centres``."""
    inside = torch.zeros(len(points), dtype=torch.bool)
    for some in centres.split(block):
        # A centre is its own nearest point, so its k-th neighbour is the (k + 1)-th smallest.
        radii = torch.cdist(some, centres).kthvalue(k + 1, dim=1).values
        inside |= (torch.cdist(some, points) <= radii[:, None]).any(dim=0)
    return inside.double().mean().item()
