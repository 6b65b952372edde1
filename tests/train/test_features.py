"""Frozen features: timm's own numbers, gradients that are right, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

from train.teachers.features import (
    NETWORK,
    WEIGHTS,
    FeaturesError,
    Stages,
    frozen_stages,
    weights_file,
)

STAGES = range(1, 5)


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
def stages(weights: Path) -> Stages:
    return frozen_stages(weights, STAGES)


@pytest.mark.parametrize("size", [64, 96])
def test_stages_and_their_gradients_are_timms(stages: Stages, weights: Path, size: int) -> None:
    timms = timm.create_model(NETWORK, pretrained=False, features_only=True)
    timms.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    timms.eval().requires_grad_(False).double()
    images = torch.randn(2, 3, size, size, dtype=torch.double, requires_grad=True)
    ours, theirs = stages.double()(images), timms(images)[1:]
    stages.float()
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    weighed = [torch.randn_like(each) for each in theirs]
    gradients = [
        torch.autograd.grad(sum((m * w).sum() for m, w in zip(maps, weighed, strict=True)), images)
        for maps in (ours, theirs)
    ]
    # A value that is rounded to the other side of a rectifier's corner has another slope.
    ours, theirs = (each[0] for each in gradients)
    assert (ours - theirs).norm() < 1e-2 * theirs.norm()


def test_building_it_leaves_chance_alone_and_nothing_to_train(weights: Path) -> None:
    state = torch.get_rng_state()
    network = frozen_stages(weights, STAGES)
    assert torch.equal(state, torch.get_rng_state())
    assert not network.training and not any(each.requires_grad for each in network.parameters())


def test_a_file_that_is_missing_broken_or_of_another_network_is_named(tmp_path: Path) -> None:
    broken, other = tmp_path / "broken.pt", tmp_path / "other.pt"
    broken.write_bytes(b"no weights")
    torch.save(timm.create_model("mobilenetv2_100", pretrained=False).state_dict(), other)
    for path in (tmp_path / "missing.pt", broken, other):
        with pytest.raises(FeaturesError, match=path.name):
            frozen_stages(path, STAGES)


def test_a_file_for_all_runs_of_a_computer_gives_way_to_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(WEIGHTS, raising=False)
    assert weights_file() is None
    monkeypatch.setenv(WEIGHTS, " ~/lite0.pt ")
    assert weights_file() == Path.home() / "lite0.pt"
    assert weights_file("other.pt") == Path("other.pt")


def test_without_a_connection_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(FeaturesError, match="--feature-weights"):
        frozen_stages(None, STAGES)
