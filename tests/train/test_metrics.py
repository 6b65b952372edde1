"""Distances between sets of images: known answers, sane order, and files that are not weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from train import metrics
from train.metrics import (
    FeatureNetwork,
    MetricsError,
    evaluate,
    frechet_distance,
    precision_recall,
)


def random_network(classes: int = 1001, seed: int = 0) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return timm.create_model("mobilenetv2_100", num_classes=classes).eval()


def half_precision_state(network: torch.nn.Module) -> dict[str, Tensor]:
    """The network's state with its convolutions in float16, as dequantised weights come."""
    state = network.state_dict()
    return {name: v.half() if v.ndim == 4 else v for name, v in state.items()}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "network.pt"
    torch.save(half_precision_state(random_network()), path)
    return path


@pytest.fixture(scope="module")
def features(weights: Path) -> FeatureNetwork:
    network = FeatureNetwork.load(weights)
    network.input_size = 64  # a quarter of the work
    return network


def pixels(count: int) -> Tensor:
    """Random pixels at the network's input size, where nothing is resized."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, 128, 128), generator=generator, dtype=torch.uint8)


def shapes(count: int, seed: int, kinds: tuple[str, ...] = ("disc", "bar")) -> Tensor:
    """Coloured discs and bars on white, uint8 (count, 3, 32, 32)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    images = np.full((count, 3, 32, 32), 255, np.uint8)
    for index, image in enumerate(images):
        cx, cy, radius = rng.uniform(10, 22), rng.uniform(10, 22), rng.uniform(5, 10)
        colour = rng.integers(0, 200, (3, 1))
        if kinds[index % len(kinds)] == "disc":
            image[:, np.hypot(x - cx, y - cy) < radius] = colour
        else:
            image[:, abs(x - cx) < radius / 3] = colour
    return torch.from_numpy(images)


@pytest.fixture(scope="module")
def real() -> Tensor:
    return shapes(40, seed=1)


@pytest.fixture(scope="module")
def real_features(features: FeatureNetwork, real: Tensor) -> np.ndarray:
    return features(real)


# --- the network -------------------------------------------------------------------------------


def test_features_are_the_pooled_layer_of_the_network_in_the_file(weights: Path) -> None:
    network = random_network()
    network.load_state_dict(half_precision_state(network))
    images = pixels(3)
    with torch.inference_mode():
        maps = network.forward_features(images / 127.5 - 1)  # 1001 classes read [-1, 1]
        expected = maps.mean((2, 3)).numpy()
    features = FeatureNetwork.load(weights)
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


def test_loading_leaves_the_random_state_of_a_training_alone(weights: Path) -> None:
    before = torch.get_rng_state()
    FeatureNetwork.load(weights)
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


def test_a_truncated_file_is_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.pt").write_bytes(weights.read_bytes()[:-1000])
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


def test_a_layer_of_another_width_is_refused(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
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


# --- the Fréchet distance ----------------------------------------------------------------------


def gaussian(mean: np.ndarray, covariance: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Points whose mean and covariance are exactly the given ones."""
    points = np.random.default_rng(seed).standard_normal((count, len(mean)))
    points -= points.mean(0)
    white = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_distance_of_a_set_from_itself_is_zero(real_features: np.ndarray) -> None:
    scale = np.var(real_features.astype(np.float64), axis=0).sum()
    assert scale > 0
    assert frechet_distance(real_features, real_features) <= 1e-9 * scale
    assert frechet_distance(real_features, real_features[::-1]) <= 1e-9 * scale


def test_distance_matches_the_closed_form_of_diagonal_gaussians() -> None:
    mean_a, mean_b = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.5])
    std_a, std_b = np.array([1.0, 3.0, 0.2]), np.array([2.0, 0.5, 0.2])
    a = gaussian(mean_a, np.diag(std_a**2), 50, seed=0)
    b = gaussian(mean_b, np.diag(std_b**2), 80, seed=1)
    expected = ((mean_a - mean_b) ** 2).sum() + ((std_a - std_b) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_distance_matches_the_closed_form_of_correlated_gaussians() -> None:
    first, second = np.array([[2.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    product = first @ second  # 2 x 2: tr(P^(1/2)) = (tr P + 2 det(P)^(1/2))^(1/2)
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(first) + np.trace(second) - 2 * root
    zero = np.zeros(2)
    a, b = gaussian(zero, first, 30, seed=0), gaussian(zero, second, 40, seed=1)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_distance_with_fewer_images_than_dimensions() -> None:
    rng = np.random.default_rng(0)
    a, b = np.zeros((5, 40)), np.zeros((7, 40))
    a[:, :20], b[:, 20:] = rng.normal(3, 1, (5, 20)), rng.normal(0, 2, (7, 20))
    # Covariances in orthogonal subspaces have no common part: the root's trace is zero.
    expected = np.square(a.mean(0) - b.mean(0)).sum() + a.var(0, ddof=1).sum()
    expected += b.var(0, ddof=1).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(a, a + 1) == pytest.approx(40, rel=1e-9)
    # Dimensions in which nothing varies change nothing, whichever side of N = D they lead to.
    narrow, shifted = rng.normal(0, 1, (30, 6)), rng.normal(1, 2, (30, 6))
    wide, wide_shifted = (np.pad(x, ((0, 0), (0, 60))) for x in (narrow, shifted))
    assert frechet_distance(wide, wide_shifted) == pytest.approx(frechet_distance(narrow, shifted))


def test_distance_keeps_its_digits_far_from_the_origin() -> None:
    a = gaussian(np.full(3, 1e6), np.eye(3), 50, seed=0)
    assert frechet_distance(a, a + 0.01) == pytest.approx(3e-4, rel=1e-4)


def test_distance_refuses_what_it_cannot_compare() -> None:
    good = np.zeros((4, 3))
    for bad in (np.zeros((4, 2)), np.zeros((1, 3)), np.zeros(3), np.full((4, 3), np.nan)):
        with pytest.raises(MetricsError):
            frechet_distance(good, bad)


def blurred(images: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(images, [9, 9], [sigma, sigma])


def noisy(images: Tensor, amount: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + amount * noise).clamp(0, 255).byte()


def lopsided(images: Tensor, share: float) -> Tensor:
    """The same count with a share of the bars replaced by discs."""
    images = images.clone()
    swapped = round(share * len(images) / 2)
    images[1 : 2 * swapped : 2] = shapes(swapped, seed=9, kinds=("disc",))
    return images


@pytest.mark.parametrize(
    ("spoil", "steps"),
    [(blurred, (0.6, 1.2, 2.4)), (noisy, (4, 16, 64)), (lopsided, (0.25, 0.5, 1.0))],
    ids=["blur", "noise", "missing mode"],
)
def test_distance_grows_with_what_is_wrong(
    features: FeatureNetwork, real: Tensor, real_features: np.ndarray, spoil, steps
) -> None:
    found = [frechet_distance(real_features, features(spoil(real, step))) for step in steps]
    assert 0 < found[0] < found[1] < found[2]


# --- precision and recall ----------------------------------------------------------------------


def test_equal_sets_have_full_precision_and_recall(real_features: np.ndarray) -> None:
    assert precision_recall(real_features, real_features) == (1.0, 1.0)


def test_a_collapsed_generator_has_precision_without_recall() -> None:
    real = np.random.default_rng(0).standard_normal((200, 4))
    fake = real[7] + 1e-3 * np.random.default_rng(1).standard_normal((200, 4))
    precision, recall = precision_recall(real, fake)
    assert precision == 1.0
    assert recall <= 0.01


def test_a_generator_of_too_much_has_recall_without_precision() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((200, 2)), rng.uniform(-40, 40, (200, 2))
    precision, recall = precision_recall(real, fake)
    assert precision < 0.1
    assert recall > 0.9


def test_a_shifted_set_has_neither() -> None:
    real = np.random.default_rng(0).standard_normal((60, 8))
    assert precision_recall(real, real + 100) == (0.0, 0.0)


def test_a_half_right_generator_has_half_of_both() -> None:
    rng = np.random.default_rng(0)
    here, there, nowhere = (rng.standard_normal((50, 3)) + shift for shift in (0, 100, -100))
    real, fake = np.concatenate([here, there]), np.concatenate([here, nowhere])
    assert precision_recall(real, fake) == (0.5, 0.5)


def test_a_ball_reaches_to_the_kth_neighbour() -> None:
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # radii for k=1: 1, 1, 2, 4; for k=2: 3, 2, 3, 6
    fake = np.array([[-2.0], [5.0], [12.0], [50.0]])
    assert precision_recall(real, fake, k=1)[0] == 0.25
    assert precision_recall(real, fake, k=2)[0] == 0.75


def test_blocks_change_nothing() -> None:
    rng = np.random.default_rng(0)
    points, centres = (torch.from_numpy(rng.standard_normal((50, 6))) for _ in range(2))
    whole = metrics._share_inside(points, centres, 3)
    assert metrics._share_inside(points, centres, 3, block=7) == whole
    assert 0 < whole < 1


def test_precision_recall_refuses_too_few_points_and_no_neighbour() -> None:
    with pytest.raises(MetricsError):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)), k=3)
    with pytest.raises(MetricsError, match="at least 1"):
        precision_recall(np.zeros((9, 2)), np.zeros((9, 2)), k=0)


# --- the whole measurement ---------------------------------------------------------------------


def test_a_perfect_generator(features: FeatureNetwork, real: Tensor) -> None:
    real = real[:12]
    asked = []

    def generate(count: int, seed: int) -> Tensor:
        asked.append((count, seed))
        return real

    quality = evaluate(generate, real, features, seed=5)
    assert asked == [(12, 5)]
    assert (quality.samples, quality.real_images, quality.seed) == (12, 12, 5)
    assert (quality.precision, quality.recall) == (1.0, 1.0)
    assert quality.frechet < 1e-6 * quality.floor
    assert quality.features == "mobilenetv2_100"
    assert features.fingerprint in quality.protocol and "FID" not in quality.protocol


def test_the_measurement_repeats_and_its_seed_matters(
    features: FeatureNetwork, real: Tensor
) -> None:
    def generate(count: int, seed: int) -> Tensor:
        return blurred(shapes(count, seed), 2.0)

    first, again, other = (
        evaluate(generate, real[:16], features, samples=12, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again
    assert first.frechet != other.frechet and first.floor != other.floor
    assert json.loads(json.dumps(first.to_dict())) == first.to_dict()
    assert first.to_dict()["samples"] == 12


def test_many_real_images_are_subsampled(
    features: FeatureNetwork, real: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MAX_IMAGES", 12)
    quality = evaluate(lambda count, seed: real[:count], real, features)
    assert (quality.samples, quality.real_images) == (12, 12)
    assert quality.frechet > 0  # a random twelve, not the first twelve


def test_measuring_refuses_too_few_or_unsuitable_images(
    features: FeatureNetwork, real: Tensor
) -> None:
    with pytest.raises(MetricsError, match="at least 4"):
        evaluate(lambda count, seed: real[:count], real[:3], features)
    with pytest.raises(MetricsError, match="at least 4"):
        evaluate(lambda count, seed: real[:count], real, features, samples=2)
    with pytest.raises(MetricsError, match="made 5 images where 8"):
        evaluate(lambda count, seed: real[:5], real, features, samples=8)
    with pytest.raises(MetricsError, match="generated images must be uint8"):
        evaluate(lambda count, seed: real[:count] / 255, real, features, samples=8)
    with pytest.raises(MetricsError, match="real images must be uint8"):
        evaluate(lambda count, seed: real[:count], real / 255, features)
