"""What many tests share: tiny networks with seeded weights, in checkpoints that the code writes."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

# What is so small is slower on several threads than on one, above all where others compute too.
# Processes started here inherit it; numpy and torch look when they are imported.
os.environ["OMP_NUM_THREADS"] = "1"

import hypothesis
import numpy as np
import pytest
import torch
from PIL import Image
from xdist.scheduler import LoadScopeScheduling

from studio import checkpoint, onnx_export, pictures
from studio.checkpoint import Checkpoint
from studio.generators import Generator, build
from studio.generators.base import to_uint8
from studio.onnx_export import ExportError
from studio.render import Renderer
from studio.words import Encoder
from train import discriminators
from train.recipes import Recipe

# The same examples each time, however slow the machine is.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, max_examples=60
)
hypothesis.settings.load_profile("repeatable")

COLOUR = {
    "kind": "dcgan",
    "latent_dim": 8,
    "widths": [16, 8],
    "start": 4,
    "channels": 3,
    "output": "tanh",
}
GREY = {
    "kind": "mlp",
    "latent_dim": 6,
    "widths": [16, 24],
    "image_size": 28,
    "channels": 1,
    "output": "sigmoid",
}
STYLE = {
    "kind": "style",
    "latent_dim": 6,
    "style_dim": 10,
    "widths": [8, 8, 6],
    "classes": 3,
}
CATEGORIES = ["Dress", "Tank top", "Coat"]
JUDGES = {
    "dcgan": {"kind": "dcgan", "widths": [8, 16], "end": 4, "channels": 3},
    "mlp": {"kind": "mlp", "widths": [16], "image_size": 28, "channels": 1},
    "style": {"kind": "style", "widths": [8, 8], "image_size": 16, "classes": 3},
}


class SharedOut(LoadScopeScheduling):
    """A file's tests stay in one process. The first begins with those of the browser, which need a
    server and Chromium, the others at the other end: two browsers run only where that saves time.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedOut:
    return SharedOut(config, log)


@pytest.fixture(autouse=True)
def same_random_numbers() -> None:
    """Every test starts from the same random state, whichever ran before it."""
    torch.manual_seed(0)


def lively(config: dict[str, Any], seed: int) -> Generator:
    """A generator with seeded weights whose batch norms are settled: pictures of good contrast."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network = build(config)
        for _ in range(20):
            drawn(network, 64)
    return network.eval()


def drawn(network: Generator, count: int) -> torch.Tensor:
    """Images of random latents, of all categories in turn or of random words."""
    told = torch.arange(count) % network.classes if network.classes else None
    if network.words:
        told = torch.rand(count, network.words)
    return network(torch.randn(count, network.latent_dim), told)


@pytest.fixture(scope="session")
def make_generator() -> Callable[..., Generator]:
    """``make_generator(config, seed)``: a generator that draws pictures of good contrast."""
    return lively


@pytest.fixture(scope="session")
def make_checkpoint() -> Callable[..., Checkpoint]:
    """``make_checkpoint(folder, config, seed=…, half=…, **card)`` writes a checkpoint folder."""

    def make(
        folder: Path,
        config: dict[str, Any] = COLOUR,
        *,
        seed: int = 0,
        half: bool = True,
        **card: Any,
    ) -> Checkpoint:
        network = lively(config, seed)
        judge = JUDGES[config["kind"]]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            discriminator = discriminators.build(judge)
        with torch.inference_mode():
            samples = to_uint8(drawn(network, 4), network.value_range)
        card = {"title": folder.name.title(), "discriminator": judge, **card}
        preview = pictures.sheet(samples, 2)
        return checkpoint.save(folder, network, discriminator, card, preview, half=half)

    return make


@pytest.fixture(scope="session")
def another() -> Iterator[ProcessPoolExecutor]:
    """A process that exports, as the studio starts one each time, which takes seconds.

    After an export in this one, what tests fork from it could not train (torch 2.14).
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="session")
def exported_by(another: ProcessPoolExecutor) -> Callable[[Checkpoint], bytes]:
    """Stands in for ``onnx_files.exported``: that process makes the very file."""

    def exported(checkpoint: Checkpoint) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "generator.onnx")
            given = str(checkpoint.folder.resolve()), str(path)
            if said := another.submit(onnx_export.main, *given).result():
                raise ExportError(said)
            return path.read_bytes()

    return exported


@pytest.fixture(scope="session")
def make_colourist() -> Callable[..., Checkpoint]:
    """``make_colourist(folder, **card)`` writes a generator that paints the colours it is told.

    It knows red, green and blue, and shirt, which changes nothing; its latent makes stripes.
    """

    def make(folder: Path, **card: Any) -> Checkpoint:
        words = ("blue", "green", "red", "shirt")
        network = build(
            {"kind": "dcgan", "latent_dim": 4, "widths": [3], "start": 8, "words": len(words)}
        )
        first, second = network.layers[0].weight, network.layers[3].weight
        with torch.no_grad():
            first.normal_(0, 0.3, generator=torch.Generator().manual_seed(0))
            first[4:] = 0
            for word, channel in ((0, 2), (1, 1), (2, 0)):
                first[4 + word, channel] = 1.5
            second.fill_(-0.25)
            for channel in range(3):
                second[channel, channel] = 0.25
        encoder = Encoder(words, (1.0, 1.0, 1.0, 1.0), {"shirt": "shirts"}, ("red shirt", "blue"))
        judge = {"kind": "dcgan", "widths": [8, 16], "end": 4, "words": len(words)}
        preview = Image.new("RGB", (16, 16), "red")
        card = {"title": folder.name.title(), "discriminator": judge, **card}
        return checkpoint.save(
            folder, network.eval(), discriminators.build(judge), card, preview, encoder=encoder
        )

    return make


@pytest.fixture(scope="session")
def checkpoints(
    tmp_path_factory: pytest.TempPathFactory, make_checkpoint: Callable[..., Checkpoint]
) -> Path:
    """A folder with two checkpoints, not to be written to: ``colour`` (16 px), ``grey`` (28 px)."""
    root = tmp_path_factory.mktemp("checkpoints")
    make_checkpoint(root / "colour", COLOUR, seed=1, order=1, description="Colourful noise")
    make_checkpoint(root / "grey", GREY, seed=2, order=2, enlargement="nearest")
    return root


@pytest.fixture(scope="session")
def styled_checkpoints(
    tmp_path_factory: pytest.TempPathFactory, make_checkpoint: Callable[..., Checkpoint]
) -> Path:
    """As :func:`checkpoints`, with ``colour`` and ``styled``: layers, and three categories."""
    root = tmp_path_factory.mktemp("styled")
    make_checkpoint(root / "colour", COLOUR, seed=1, order=1)
    make_checkpoint(root / "styled", STYLE, seed=4, order=2, classes=CATEGORIES)
    return root


@pytest.fixture(scope="session")
def renderer(checkpoints: Path) -> Renderer:
    """A renderer over :func:`checkpoints`; what needs its own state makes its own."""
    return Renderer(checkpoints)


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    """A recipe of 16 px colour images that takes milliseconds a step."""
    return Recipe(
        name="tiny",
        title="Tiny things",
        source="made up for tests",
        generator=COLOUR,
        discriminator=JUDGES["dcgan"],
        batch=8,
        learning_rate=1e-3,
        betas=(0.5, 0.999),
        epochs=2,
        seed=5,
        init="dcgan",
        sample_grid=(2, 3),
    )


@pytest.fixture(scope="session")
def make_photos() -> Callable[..., Path]:
    """``make_photos(folder, count)`` fills a folder with small seeded PNG files."""

    def make(folder: Path, count: int = 20, seed: int = 0) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        for index in range(count):
            pixels = np.full((16, 16, 3), 255, np.uint8)
            left, top = random.integers(2, 6, 2)
            pixels[top : top + 8, left : left + 8] = random.integers(0, 200, 3)
            Image.fromarray(pixels).save(folder / f"{index:03d}.png")
        return folder

    return make
