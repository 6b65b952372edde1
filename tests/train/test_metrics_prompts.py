"""Whether prompts are heeded: a generator that does is told from one that does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from studio import spaces
from studio.checkpoint import Checkpoint
from studio.design import from_dict
from studio.latents import of_seed
from studio.render import Renderer
from train.data import held_out
from train.data.captions import Captions
from train.metrics import colours as colours_module
from train.metrics import prompts
from train.metrics.drawing import worded_drawer
from train.metrics.features import Features
from train.metrics.store import Store

COLOURS = {"red": (210, 40, 40), "green": (40, 180, 60), "blue": (50, 60, 210)}
TYPES = ("belts", "shirts", "caps")


class Coarse(Features):
    """4 x 4 means of the pixels: enough to compare by."""

    name, dim, input_size, fingerprint = "coarse", 48, 4, "0" * 8

    def embed(self, batch: Tensor) -> Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(batch.float() / 255, 4).flatten(1)


def picture(colour: str, kind: str, random: np.random.Generator) -> Tensor:
    """A belt is wide, a shirt is tall, a cap is a small square at the top: uint8 (3, 16, 16)."""
    image = torch.full((3, 16, 16), 255, dtype=torch.uint8)
    shift = int(random.integers(-1, 2))
    places = {
        "belts": (slice(6 + shift, 10 + shift), slice(1, 15)),
        "shirts": (slice(1, 15), slice(5 + shift, 11 + shift)),
        "caps": (slice(2, 7), slice(5 + shift, 10 + shift)),
    }
    tone = np.clip(np.array(COLOURS[colour]) + random.integers(-15, 16, 3), 0, 255)
    image[(slice(None), *places[kind])] = torch.tensor(tone, dtype=torch.uint8)[:, None, None]
    return image


@pytest.fixture(scope="module")
def real() -> tuple[Tensor, Captions]:
    """40 pictures of each combination."""
    random = np.random.default_rng(0)
    pairs = list(itertools.product(COLOURS, TYPES)) * 40
    images = torch.stack([picture(*pair, random) for pair in pairs])
    texts = tuple(f"{colour} {kind}, casual. No. {n}" for n, (colour, kind) in enumerate(pairs))
    colours, types = zip(*pairs, strict=True)
    return images, Captions(texts, {"colour": colours, "type": types})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "COMBINATIONS", 2)
    monkeypatch.setattr(held_out, "COMMON", 30)
    for module, name in ((colours_module, "LEAST"), (prompts, "COMMON")):
        monkeypatch.setattr(module, name, 10)
    monkeypatch.setattr(prompts, "REPEATED", 5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Where the judge stays once it is trained."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def measured(
    real: tuple[Tensor, Captions], store: Store
) -> Callable[[Callable[..., Tensor]], dict[str, Any]]:
    return lambda draw: prompts.evaluate_prompts(draw, *real, Coarse(), prompts=60, store=store)


def heeding(texts: Sequence[str], seed: int) -> Tensor:
    random = np.random.default_rng(seed)
    wanted = [text.split(",")[0].split() for text in texts]
    return torch.stack([picture(colour, kind, random) for colour, kind in wanted])


def heedless(texts: Sequence[str], seed: int) -> Tensor:
    random = np.random.default_rng(seed)
    return torch.stack(
        [picture(random.choice(list(COLOURS)), random.choice(TYPES), random) for _ in texts]
    )


def repeating(texts: Sequence[str], seed: int) -> Tensor:
    return torch.cat([heeding([text], 0) for text in texts])


def test_heeding_heedless_and_repeating_are_told_apart(measured: Callable) -> None:
    good, bad, same = (measured(draw) for draw in (heeding, heedless, repeating))
    for part in ("seen", "unseen"):
        assert good[part]["real_type_accuracy"] > 0.9 and good[part]["real_colour_accuracy"] > 0.9
        assert good[part]["type_accuracy"] > 0.9 and good[part]["colour_accuracy"] > 0.9
        assert bad[part]["type_accuracy"] < 0.6 and bad[part]["colour_accuracy"] < 0.6
        assert good[part]["distance"] < bad[part]["distance"]
        assert good[part]["diversity"] == pytest.approx(1, abs=0.5)
        assert same[part]["diversity"] == 0 and same[part]["type_accuracy"] > 0.9
    assert "60 prompts each" in good["protocol"]


def test_the_same_prompts_are_asked_each_time(
    real: tuple[Tensor, Captions], measured: Callable
) -> None:
    asked: list[Sequence[str]] = []

    def noting(texts: Sequence[str], seed: int) -> Tensor:
        asked.append(tuple(texts))
        return heeding(texts, seed)

    first = measured(noting)
    half = len(asked)
    assert measured(noting) == first and asked[:half] == asked[half:]
    combinations = held_out.hold_out(real[1]).combinations
    unseen = {" ".join(pair) for pair in combinations}
    seen_prompts, unseen_prompts = (each for each in asked[:half] if len(each) == 60)
    assert {text.split(",")[0] for text in unseen_prompts} <= unseen
    assert not {text.split(",")[0] for text in seen_prompts} & unseen
    assert not any("No." in text for text in (*seen_prompts, *unseen_prompts))


@pytest.mark.parametrize("guidance", [1.0, 1.5])
@pytest.mark.parametrize("psi", [1.0, 0.7])
def test_what_is_measured_is_what_the_studio_draws(
    make_colourist: Callable[..., Checkpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    psi: float,
    guidance: float,
) -> None:
    found = make_colourist(tmp_path / "colourist")
    values = {"generator": "colourist", "seed": 7, "text": "red shirt", "truncation": psi}
    design = from_dict({**values, "guidance": guidance})
    expected = torch.tensor(Renderer(tmp_path).pixels(design)).int()
    generator = found.load_generator()
    latent = torch.tensor(of_seed(7, generator.latent_dim))
    monkeypatch.setattr(torch, "randn", lambda *shape, generator: latent[None])
    drawn = worded_drawer(generator, found.load_words(), psi, guidance)(["red shirt"], 0)
    assert (drawn[0].permute(1, 2, 0).int() - expected).abs().max() <= 1


def test_guidance_extrapolates(make_colourist: Callable[..., Checkpoint], tmp_path: Path) -> None:
    found = make_colourist(tmp_path / "colourist")
    generator, encoder = found.load_generator(), found.load_words()
    latents = np.random.default_rng(0).standard_normal((3, 4), np.float32)
    free, told, far = (
        spaces.mapped(generator, latents, spaces.Wish(text="blue", guidance=each), encoder)
        for each in (0.0, 1.0, 2.0)
    )
    np.testing.assert_allclose(far, free + 2 * (told - free), rtol=1e-5)
    assert not np.array_equal(free, told)
