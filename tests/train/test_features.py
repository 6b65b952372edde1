"""Frozen features: timm's own numbers, gradients that are right, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from train.discriminators import build
from train.features import NETWORK, FeaturesError, FrozenFeatures

WIDTHS = (4, 6, 8, 10)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    network = timm.create_model(NETWORK, pretrained=False)
    for module in network.modules():  # statistics that a fold can't ignore
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def weights(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "lite0.pt"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def features(weights: Path) -> FrozenFeatures:
    return FrozenFeatures(weights, size=64, widths=WIDTHS)


@pytest.mark.parametrize("size", [64, 96])
def test_stages_and_their_gradients_are_timms(
    features: FrozenFeatures, weights: Path, size: int
) -> None:
    timms = timm.create_model(NETWORK, pretrained=False, features_only=True)
    timms.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    timms.eval().requires_grad_(False).double()
    images = torch.randn(2, 3, size, size, dtype=torch.double, requires_grad=True)
    ours, theirs = features.network.double()(images), timms(images)[1:]
    features.network.float()
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    weighed = [torch.randn_like(each) for each in theirs]
    gradients = [
        torch.autograd.grad(sum((m * w).sum() for m, w in zip(maps, weighed, strict=True)), images)
        for maps in (ours, theirs)
    ]
    # A value that is rounded to the other side of a rectifier's corner has another slope.
    ours, theirs = (each[0] for each in gradients)
    assert (ours - theirs).norm() < 1e-2 * theirs.norm()


def test_maps_of_four_scales_from_images_of_any_size(features: FrozenFeatures) -> None:
    for channels, size in ((3, 64), (1, 28)):
        maps = features(torch.rand(2, channels, size, size) * 2 - 1)
        assert [tuple(each.shape[1:]) for each in maps] == [
            (4, 16, 16), (6, 8, 8), (8, 4, 4), (10, 2, 2)
        ]  # fmt: skip
        assert all(each.isfinite().all() and each.std() > 0 for each in maps)


def test_they_are_the_same_in_every_process_and_leave_chance_alone(weights: Path) -> None:
    images = torch.rand(1, 3, 64, 64)
    state = torch.get_rng_state()
    first, second = (FrozenFeatures(weights, size=64, widths=WIDTHS)(images) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert all(map(torch.equal, first, second))


def test_the_projected_discriminator_judges_their_places(features: FrozenFeatures) -> None:
    network = build({"kind": "projected", "widths": WIDTHS, "size": 64, "classes": 3})
    maps = features(torch.rand(4, 3, 64, 64))
    logits = network(*maps, condition=torch.tensor([0, 1, 2, 0]))
    assert logits.shape == (4, 16 + 16 + 16 + 4)
    others = network.eval()(*maps, condition=torch.tensor([1, 1, 2, 0]))
    assert not torch.allclose(others[0], network(*maps, condition=torch.tensor([0, 1, 2, 0]))[0])
    logits.sum().backward()
    assert all(each.grad.isfinite().all() for each in network.parameters())
    assert not any(each.requires_grad for each in features.parameters())


def test_a_file_that_is_missing_broken_or_of_another_network_is_named(tmp_path: Path) -> None:
    broken, other = tmp_path / "broken.pt", tmp_path / "other.pt"
    broken.write_bytes(b"no weights")
    torch.save(timm.create_model("mobilenetv2_100", pretrained=False).state_dict(), other)
    for path in (tmp_path / "missing.pt", broken, other):
        with pytest.raises(FeaturesError, match=path.name):
            FrozenFeatures(path, size=64, widths=WIDTHS)


def test_without_a_connection_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(FeaturesError, match="--feature-weights"):
        FrozenFeatures(None, size=64, widths=WIDTHS)
