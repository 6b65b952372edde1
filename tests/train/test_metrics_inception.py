"""Inception features: only the published weights may be called FID, and what can't be loaded.

The network is torch-fidelity's, which the tests do without: a stand-in takes its place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from train.metrics import Inception, MetricsError, evaluate, inception


class StandIn(nn.Module):
    """Made and called as torch-fidelity's FeatureExtractorInceptionV3 is."""

    def __init__(self, name: str, features: list[str], weights: str) -> None:
        super().__init__()
        assert (name, features) == ("inception-v3-compat", ["2048"])
        self.layer = nn.Linear(3, 2048)
        self.load_state_dict(torch.load(weights))

    def forward(self, images: Tensor) -> tuple[Tensor]:
        assert images.dtype == torch.uint8 and images.shape[1] == 3
        return (self.layer(images.float().mean((2, 3))),)


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("torch_fidelity")
    module.FeatureExtractorInceptionV3 = StandIn
    monkeypatch.setitem(sys.modules, "torch_fidelity", module)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "inception.pth"
    torch.save({"layer.weight": torch.randn(2048, 3), "layer.bias": torch.zeros(2048)}, path)
    return path


def test_features_are_the_networks_of_colour_and_grey(weights: Path) -> None:
    features = Inception.load(weights)
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    found = features(images)
    assert found.shape == (5, 2048) and found.dtype == np.float32
    np.testing.assert_array_equal(found, features(images.expand(-1, 3, -1, -1)))
    state = torch.load(weights)
    expected = images.float().mean((2, 3)).expand(-1, 3) @ state["layer.weight"].T
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-3)


def test_only_the_published_weights_give_an_fid(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8)
    other = evaluate(lambda count, seed: real, real, Inception.load(weights))
    assert other.protocol.startswith("Fréchet distance, kernel distance, precision")
    monkeypatch.setattr(inception, "PUBLISHED", Inception.load(weights).fingerprint)
    published = evaluate(lambda count, seed: real, real, Inception.load(weights))
    assert published.protocol.startswith("FID, KID, precision")


def test_loading_leaves_the_random_state_of_a_training_alone(weights: Path) -> None:
    before = torch.get_rng_state()
    Inception.load(weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_library_is_a_sentence(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(MetricsError, match="pip install torch-fidelity"):
        Inception.load(weights)


class Payload:
    """Unpickling this would create the file it names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_files_that_are_not_its_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "junk.pth").write_bytes(b"hello")
    torch.save({"layer.weight": Payload(tmp_path / "ran")}, tmp_path / "evil.pth")
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    for name, message in (
        ("none.pth", "no file of Inception weights"),
        ("junk.pth", "not a readable file of weights"),
        ("evil.pth", "not a readable file of weights"),
        ("other.pth", "does not hold the weights of Inception-v3"),
    ):
        with pytest.raises(MetricsError, match=message):
            Inception.load(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_weights_are_downloaded_once(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads = []

    def download(url: str, path: str, prefix: str, progress: bool) -> None:
        downloads.append((url, prefix))
        Path(path).write_bytes(weights.read_bytes())

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    for _ in range(2):
        assert Inception.load().dim == 2048
    assert downloads == [(inception.URL, inception.PUBLISHED)]


def test_a_failed_download_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(MetricsError, match="could not be downloaded"):
        Inception.load()
