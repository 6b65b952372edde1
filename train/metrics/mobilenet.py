"""mobilenetv2_100, an ImageNet network small enough to measure with on any machine.

A distance on it is the *Fréchet distance on mobilenetv2_100 features*. It is not the published FID,
which is defined on one particular Inception network, and the two are not on the same scale.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from train.metrics.checks import MetricsError
from train.metrics.features import Device, Features

if TYPE_CHECKING:
    from timm.models.efficientnet import EfficientNet

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


class FeatureNetwork(Features):
    """The average-pooled last layer of timm's ``mobilenetv2_100``; make one with :meth:`load`.

    Each image is resized to ``input_size`` (bicubic, antialiased, clipped to 0..255; one that is
    not square is stretched).
    """

    name = NETWORK
    input_size = INPUT_SIZE

    def __init__(self, network: EfficientNet, device: Device = "cpu") -> None:
        super().__init__(device)
        self.fingerprint = _fingerprint(network)
        self._mean, self._std = (
            255 * torch.tensor(value, device=device).view(1, 3, 1, 1)
            for value in INPUT_STATISTICS[network.num_classes]
        )
        network.reset_classifier(0)
        self.dim = int(network.num_features)
        network.eval().requires_grad_(False)
        # channels_last is a third faster on a CPU and changes nothing but the last digits.
        self._network = network.to(device).to(memory_format=torch.channels_last)

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

    def embed(self, batch: Tensor) -> Tensor:
        """Features (n, ``dim``) of uint8 images (n, 1 or 3, H, W) that lie on the device."""
        batch = batch.to(torch.float32)
        batch = F.interpolate(batch, size=self.input_size, mode="bicubic", antialias=True)
        batch = (batch.clamp(0, 255).expand(-1, 3, -1, -1) - self._mean) / self._std
        return self._network(batch.contiguous(memory_format=torch.channels_last))


def _download() -> EfficientNet:
    import timm  # takes seconds, and those who only train do not measure
    from timm.models.efficientnet import EfficientNet

    try:
        network = timm.create_model(PRETRAINED, pretrained=True)
    except Exception as error:  # timm, the hub and the connection each raise their own
        advice = "connect to the internet once, or give a file of feature weights"
        raise MetricsError(f"timm could not download {PRETRAINED}; {advice}.") from error
    assert isinstance(network, EfficientNet)
    return network


def _from_file(path: Path) -> EfficientNet:
    import timm
    from timm.models.efficientnet import EfficientNet

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
    assert isinstance(network, EfficientNet)
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
