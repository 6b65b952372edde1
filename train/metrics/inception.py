"""The Inception network that the published FID and KID are defined on.

torch-fidelity has it, with its input resized as TensorFlow 1 did; its weights are downloaded once.
Only features of exactly these weights may be called by the published names.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from studio.files import sha256
from train.metrics.checks import MetricsError
from train.metrics.features import Device, Features

URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
PUBLISHED = "6726825d"  # the beginning of the file's SHA-256, as its name says
LAYER = "2048"


class Inception(Features):
    """The pooled layer of Inception-v3 as of 2015; make one with :meth:`load`."""

    name = "inception"
    input_size = 299
    dim = 2048

    def __init__(self, network: nn.Module, fingerprint: str, device: Device = "cpu") -> None:
        super().__init__(device)
        self.fingerprint = fingerprint
        if fingerprint == PUBLISHED:
            self.distances = ("FID", "KID")
        self._network = network.eval().requires_grad_(False).to(device)

    @classmethod
    def load(cls, weights: str | Path | None = None, device: Device = "cpu") -> Inception:
        """Load the network from a file, or download its weights (91 MB) to torch.hub's folder.

        ``weights`` is a file as torch-fidelity publishes it. Other weights than the published ones
        can be used, but their distances are not called FID and KID.

        Raises:
            MetricsError: torch-fidelity is not installed, the file is missing or of another
                network, or the download failed.
        """
        try:
            from torch_fidelity import FeatureExtractorInceptionV3 as Network
        except ImportError as error:
            raise MetricsError(
                "Inception features need torch-fidelity: pip install torch-fidelity."
            ) from error
        path = _download() if weights is None else Path(weights)
        if not path.is_file():
            raise MetricsError(f"There is no file of Inception weights at {path}.")
        try:
            # The library would run code that is in the file; this refuses to.
            torch.load(path, "cpu", weights_only=True)
        except Exception as error:  # a broken file fails in a dozen ways
            raise MetricsError(f"{path} is not a readable file of weights.") from error
        try:
            with torch.random.fork_rng(devices=[]):  # building draws weights
                network = Network("inception-v3-compat", [LAYER], str(path))
        except Exception as error:  # and a file of other things in as many
            raise MetricsError(f"{path} does not hold the weights of Inception-v3.") from error
        return cls(network, sha256(path)[:8], device)

    def embed(self, batch: Tensor) -> Tensor:
        """Features (n, 2048) of uint8 images (n, 1 or 3, H, W) that lie on the device."""
        return self._network(batch.expand(-1, 3, -1, -1).contiguous())[0]


def _download() -> Path:
    """The file of published weights, where torch-fidelity would keep it too."""
    path = Path(torch.hub.get_dir(), "checkpoints", URL.rpartition("/")[2])
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Moved there once complete and of the right hash.
        torch.hub.download_url_to_file(URL, str(path), PUBLISHED, progress=False)
    except Exception as error:  # the connection, the disk and the hash each raise their own
        advice = "connect to the internet once, or give the file with --feature-weights"
        raise MetricsError(f"The Inception weights could not be downloaded; {advice}.") from error
    return path
