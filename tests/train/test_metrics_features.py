"""The feature network: the layer it gives, the images it takes, files that aren't weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from measuring import half_precision_state, random_network
from safetensors.torch import save_file
from torch import Tensor

from train.metrics import FeatureNetwork, MetricsError


def pixels(count: int) -> Tensor:
    """Random pixels at the network's input size, where nothing is resized."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, 128, 128), generator=generator, dtype=torch.uint8)


def test_features_are_the_pooled_layer_of_the_network_in_the_file(feature_weights: Path) -> None:
    network = random_network()
    network.load_state_dict(half_precision_state(network))
    images = pixels(3)
    with torch.inference_mode():
        maps = network.forward_features(images / 127.5 - 1)  # 1001 classes read [-1, 1]
        expected = maps.mean((2, 3)).numpy()
    features = FeatureNetwork.load(feature_weights)
    found = features(images)
    assert (features.name, features.dim, features.input_size) == ("mobilenetv2_100", 1280, 128)
    assert found.shape == (3, 1280) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_a_download_has_1000_classes_and_imagenet_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = random_network(classes=1000)
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: network)
    images = pixels(2)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    scaled = (images / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    with torch.inference_mode():
        expected = network.forward_features(scaled).mean((2, 3)).numpy()
    found = FeatureNetwork.load()(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_a_failed_download_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(MetricsError, match="could not download mobilenetv2_100"):
        FeatureNetwork.load()


def test_the_fingerprint_names_the_weights_not_the_file(
    features: FeatureNetwork, tmp_path: Path
) -> None:
    save_file(half_precision_state(random_network()), tmp_path / "same.safetensors")
    save_file(half_precision_state(random_network(seed=1)), tmp_path / "other.safetensors")
    assert FeatureNetwork.load(tmp_path / "same.safetensors").fingerprint == features.fingerprint
    other = FeatureNetwork.load(str(tmp_path / "other.safetensors"))
    assert other.fingerprint != features.fingerprint
    assert other.fingerprint in other.protocol


def test_loading_leaves_the_random_state_of_a_training_alone(feature_weights: Path) -> None:
    before = torch.get_rng_state()
    FeatureNetwork.load(feature_weights)
    assert torch.equal(torch.get_rng_state(), before)


class Payload:
    """Unpickling this would create the file it names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_a_file_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"classifier.weight": Payload(tmp_path / "ran")}, tmp_path / "evil.pt")
    with pytest.raises(MetricsError, match="not a readable file"):
        FeatureNetwork.load(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["bytes.pt", "bytes.safetensors", "empty.pt", "folder", "missing"])
def test_what_is_not_a_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "bytes.pt").write_bytes(b"no weights here" * 50)
    (tmp_path / "bytes.safetensors").write_bytes(b"no weights here" * 50)
    (tmp_path / "empty.pt").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(MetricsError, match=name):
        FeatureNetwork.load(tmp_path / name)


def test_a_truncated_file_is_refused(feature_weights: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.pt").write_bytes(feature_weights.read_bytes()[:-1000])
    with pytest.raises(MetricsError, match="not a readable file"):
        FeatureNetwork.load(tmp_path / "cut.pt")


HEAD = "classifier.weight"


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(3)],
        {},
        {"conv1.weight": torch.zeros(64, 3, 7, 7)},
        {HEAD: torch.zeros(1001, 1280)},
        {HEAD: torch.zeros(0, 1280)},
        {HEAD: torch.tensor(1001.0)},
        {HEAD: "text"},
        {HEAD: torch.zeros(1001, 1280), 7: torch.zeros(1)},
        None,
    ],
    ids=["list", "empty", "resnet", "head only", "no rows", "scalar", "text", "key", "none"],
)
def test_weights_of_something_else_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(MetricsError, match="does not hold the weights of mobilenetv2_100"):
        FeatureNetwork.load(tmp_path / "other.pt")


def test_a_layer_of_another_width_is_refused(feature_weights: Path, tmp_path: Path) -> None:
    state = torch.load(feature_weights, weights_only=True)
    torch.save({**state, "conv_head.weight": torch.zeros(640, 320, 1, 1)}, tmp_path / "other.pt")
    with pytest.raises(MetricsError, match="does not hold the weights"):
        FeatureNetwork.load(tmp_path / "other.pt")


def test_an_unknown_input_range_or_broken_numbers_are_refused(tmp_path: Path) -> None:
    torch.save(random_network(classes=37).state_dict(), tmp_path / "tuned.pt")
    with pytest.raises(MetricsError, match="neither 1000 nor 1001"):
        FeatureNetwork.load(tmp_path / "tuned.pt")
    state = random_network().state_dict()
    state["bn1.bias"][3] = float("nan")
    torch.save(state, tmp_path / "broken.pt")
    with pytest.raises(MetricsError, match="finite"):
        FeatureNetwork.load(tmp_path / "broken.pt")


def test_grey_is_repeated_to_three_channels(features: FeatureNetwork, real: Tensor) -> None:
    grey = real[:4, :1]
    np.testing.assert_array_equal(features(grey), features(grey.expand(-1, 3, -1, -1)))


def test_features_depend_on_the_image_alone(
    features: FeatureNetwork, real: Tensor, real_features: np.ndarray
) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        again = features(real[:7], batch_size=3)
    scale = np.abs(real_features).max()
    np.testing.assert_allclose(again, real_features[:7], rtol=0, atol=1e-5 * scale)


def test_any_size_is_resized(features: FeatureNetwork) -> None:
    small, large = torch.full((1, 3, 7, 11), 90), torch.full((1, 3, 300, 200), 90)
    np.testing.assert_allclose(features(small.byte()), features(large.byte()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 3, 8, 8),
        torch.zeros(2, 2, 8, 8, dtype=torch.uint8),
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.zeros(0, 3, 8, 8, dtype=torch.uint8),
    ],
    ids=["float", "two channels", "one image", "none"],
)
def test_images_of_another_kind_are_refused(features: FeatureNetwork, images: Tensor) -> None:
    with pytest.raises(MetricsError, match="must be uint8"):
        features(images)
