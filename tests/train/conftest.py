"""What tests of training share: runs by the command line, trainings, a feature network."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import ON_CPU
from measuring import half_precision_state, random_network, shapes
from service_parts import ONE_CPU, send
from styled_recipes import GARMENTS
from torch import Tensor
from trainings import CPU
from worker_runs import empty_export

from studio import checkpoint, onnx_files
from studio.checkpoint import Checkpoint
from train import discriminators
from train.__main__ import main
from train.devices.hardware import Hardware
from train.engine.training import Training
from train.metrics import FeatureNetwork
from train.page.service import Service
from train.recipes import RECIPES, Recipe
from train.runs.run import Run
from train.teachers.features import NETWORK

# --- runs by the command line ------------------------------------------------------------------


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tiny_recipe: Recipe) -> None:
    """The tiny recipe is one of the recipes: two epochs of two updates on the photos."""
    monkeypatch.setitem(RECIPES, "tiny", tiny_recipe)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]) -> Path:
    """Twenty photos, not to be written to."""
    return make_photos(tmp_path_factory.mktemp("data") / "bags")


@pytest.fixture
def captioned(photos: Path, tmp_path: Path) -> Path:
    """Twelve photos, every other one of "blue"."""
    shutil.copytree(photos, tmp_path / "captioned")
    names = sorted(each.name for each in photos.iterdir())[:12]
    rows = [f"{name},{('red shirt', 'blue')[at % 2]}" for at, name in enumerate(names)]
    (tmp_path / "captioned" / "metadata.csv").write_text("\n".join(["file_name,text", *rows]))
    return tmp_path / "captioned"


@pytest.fixture
def train(tiny: None, photos: Path, tmp_path: Path) -> Callable[..., int]:
    """``train(name, *options)`` starts a run called ``name`` under ``tmp_path``."""

    def train(name: str, *options: Any, data: Path = photos) -> int:
        start = ["--data", data, "--recipe", "tiny", "--out", tmp_path / name]
        return main([str(each) for each in (*start, *ON_CPU, *options)])

    return train


@pytest.fixture
def make_garments(
    tmp_path: Path, make_checkpoint: Callable[..., Checkpoint]
) -> Callable[..., Path]:
    """``make_garments(config, judge, **card)`` writes a checkpoint of three categories.

    Its discriminator is one for its own size, and its card knows measures of it.
    """

    def make(config: dict[str, Any], judge: dict[str, Any], **card: Any) -> Path:
        known = {"classes": GARMENTS, "title": "Garments", "discriminator": judge, **card}
        outdated = {"quality": {"frechet": 1.0}, "onnx_sha256": "0" * 64}
        folder = make_checkpoint(tmp_path / "styled", config, **known, **outdated).folder
        network = discriminators.build(judge)
        checkpoint.save_weights(network, folder / checkpoint.DISCRIMINATOR, half=True)
        return folder

    return make


# --- trainings ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def squares() -> Tensor:
    """24 noisy squares of one strong colour, which a tiny generator can learn in moments."""
    random = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 20, (24, 3, 16, 16), generator=random)
    return (noise + torch.tensor([220, 30, 60]).view(3, 1, 1)).to(torch.uint8)


@pytest.fixture
def start(tiny_recipe: Recipe, squares: Tensor) -> Callable[..., Training]:
    """``start(seed=…, count=…, **changes)``: a new training of the tiny recipe."""

    def start(seed: int = 5, count: int = 24, hardware: Hardware = CPU, **changes: Any) -> Training:
        return Training(replace(tiny_recipe, **changes), squares[:count], hardware, seed)

    return start


@pytest.fixture(scope="session")
def lite0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights for what pictures are brought nearer to photos with."""
    import timm  # takes a second, and few tests need it

    path = tmp_path_factory.mktemp("weights") / "lite0.pt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(timm.create_model(NETWORK, pretrained=False).state_dict(), path)
    return path


# --- the feature network -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def feature_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights for the feature network."""
    path = tmp_path_factory.mktemp("weights") / "network.pt"
    torch.save(half_precision_state(random_network()), path)
    return path


@pytest.fixture(scope="session")
def features(feature_weights: Path) -> FeatureNetwork:
    """The feature network of those weights, at a smaller input size."""
    network = FeatureNetwork.load(feature_weights)
    network.input_size = 64  # a quarter of the work
    return network


@pytest.fixture(scope="session")
def real() -> Tensor:
    """Forty images to measure against."""
    return shapes(40, seed=1)


@pytest.fixture(scope="session")
def real_features(features: FeatureNetwork, real: Tensor) -> np.ndarray:
    return features(real)


# --- run folders ---------------------------------------------------------------------------------


@pytest.fixture
def settings(tiny_recipe: Recipe) -> dict[str, Any]:
    """The settings of a run of the tiny recipe on photos that are not there."""
    return {
        "recipe": tiny_recipe.to_dict(),
        "data": "photos",
        "data_digest": "0" * 64,
        "seed": 5,
        "length": {},
        "card": {"title": "Taschen – bags", "data": {"name": "photos", "images": 16}},
    }


@pytest.fixture
def run(tmp_path: Path, settings: dict[str, Any]) -> Run:
    """A new run's folder."""
    return Run.create(tmp_path / "run", settings)


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``at_step(number, action, times=1)``: do something after a step of a training."""

    def at_step(number: int, action: Callable[[Training], None], times: int = 1) -> None:
        step, left = Training.step, [times]

        def acting(training: Training, done: float = 0.0) -> None:
            step(training, done)
            if training.step_count == number and left[0]:
                left[0] -= 1
                action(training)

        monkeypatch.setattr(Training, "step", acting)

    return at_step


@pytest.fixture
def quick_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends in this process gets an empty network for browsers.

    The real one takes a process of its own some ten seconds; ``test_worker_looking`` waits for one.
    """

    monkeypatch.setattr(onnx_files, "exported", empty_export)


@pytest.fixture
def prepare(tmp_path: Path, settings: dict[str, Any], photos: Path) -> Callable[..., Run]:
    """``prepare(name, **settings)``: a run on the photos that nobody trained yet."""

    def prepare(name: str = "run", **changes: Any) -> Run:
        given = {"data": str(photos), "data_digest": None, "length": {"epochs": 3}}
        return Run.create(tmp_path / name, {**settings, **given, **changes})

    return prepare


# --- the service behind the page ---------------------------------------------------------------


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """(run, devices) of each process that would have been started."""
    found: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(
        Run, "start_process", lambda run, devices: found.append((run.id, list(devices)))
    )
    return found


@pytest.fixture
def service(tmp_path: Path, checkpoints: Path, begun: list) -> Service:
    """A service that starts no processes."""
    return Service(tmp_path / "runs", checkpoints, machine=ONE_CPU)


@pytest.fixture
def data(service: Service, photos: Path) -> str:
    """The id of an upload of the photos."""
    return send(service, photos)
