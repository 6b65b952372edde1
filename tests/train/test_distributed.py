"""Several processes train what one process trains."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sharing
import torch
from styled_recipes import STYLED
from torch import Tensor, nn
from trainings import flat

from train.devices.distributed import Processes, ProcessesError, join
from train.recipes import Recipe, for_classes, for_words, taught_by
from train.teachers import features, targets

ROOT = Path(__file__).resolve().parents[2]
STEPS = 3


def torchrun(processes: int, *program: Any, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program as several processes, as a person would."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*command, f"--nproc-per-node={processes}", *map(str, program)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def recipes(tiny: Recipe) -> dict[str, Recipe]:
    """Trainings of every teacher, and with all that looks at more than one image at a time."""
    style = {"kind": "self-modulated", "latent_dim": 4, "style_dim": 6, "widths": [8, 8, 4]}
    penalised = replace(tiny, r1=0.5, r2=0.5, penalty_every=2, flip=True)
    worded = replace(
        for_words(
            replace(
                tiny,
                generator={**style, "words": 1},
                discriminator={"kind": "dcgan", "widths": [4, 8], "words": 1},
            ),
            TERMS,
        ),
        matching=True,
        caption_dropout=0.3,
    )
    coded = replace(tiny, flip=True, clip=1.0, **CODED)
    styled = for_classes(replace(tiny, **{**STYLED, "balanced": True}), 3)
    return {
        "plain": tiny,
        "augmented": replace(tiny, augment="color,translation,cutout"),
        "self-modulated": replace(tiny, generator=style),
        "penalties": penalised,
        "paired": replace(penalised, loss="relativistic"),
        "words": worded,
        "categories": styled,
        "likeness": replace(taught_by(tiny, ["likeness"]), batch=8, flip=True),
        "likeness-of-words": replace(taught_by(worded, ["likeness"]), batch=8),
        "both": taught_by(worded, ["game", "likeness"]),
        "codec": replace(coded, teachers={"reconstruction": 1.0}),
        # Each of two processes looks at as many of its photos as one does of both's.
        "codes": for_classes(
            replace(coded, teachers={"styles": 1.0, "flow": 1.0}, conditional=True, batch=16), 3
        ),
    }


CODED: dict[str, Any] = {
    "generator": {
        **{"kind": "coded", "style_dim": 6, "code_channels": 6, "code_size": 4},
        **{"synthesis_widths": [8, 6], "decoder_widths": [8, 6, 4]},
        **{"flow_width": 8, "flow_blocks": 1},
    },
    "encoders": {"photo": {"widths": [6, 8]}},
}


TERMS = 5
NAMES = (
    *("plain", "augmented", "self-modulated", "penalties", "paired", "words", "categories"),
    *("likeness", "likeness-of-words", "both", "codec", "codes"),
)


@pytest.fixture(scope="module")
def shared(
    tiny_recipe: Recipe, squares: Tensor, lite0: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """What this process makes of some trainings, then what each of two processes makes of them."""
    folder = tmp_path_factory.mktemp("shared")
    random = torch.Generator().manual_seed(0)
    # Photos that differ: features of ones that hardly do would be far from any picture.
    coarse = torch.randint(0, 256, (len(squares), 3, 4, 4), generator=random).float()
    images = nn.functional.interpolate(coarse, size=16, mode="bicubic").clamp(0, 255)
    # Some have the same text as their neighbour, and some have none.
    texts = (torch.randint(0, 2, (len(squares), TERMS), generator=random) > 0).float()
    made = {name: recipe.to_dict() for name, recipe in recipes(tiny_recipe).items()}
    for name in made:
        for count in (1, 2):
            (folder / f"{name}-{count}").mkdir()
    given = {
        "recipes": made,
        "images": images.to(torch.uint8),
        "texts": texts * (torch.arange(len(squares)) % 5 > 0)[:, None],
        "labels": torch.arange(len(squares)) % 3,
        "feature_weights": str(lite0),
    }
    torch.save(given, folder / "given.pt")
    with pytest.MonkeyPatch.context() as patched:  # puts back what it sets there
        for module, name in ((features, "LEAST_SIZE"), (targets, "TURNS")):
            patched.setattr(module, name, getattr(module, name))
        sharing.main(folder, STEPS)
    done = torchrun(2, sharing.__file__, folder, STEPS)
    assert done.returncode == 0, done.stderr
    files = [folder / f"results-{name}.pt" for name in ("0-of-1", "0-of-2", "1-of-2")]
    return [torch.load(file, weights_only=True) for file in files]


@pytest.fixture(params=NAMES)
def results(shared: list[dict[str, Any]], request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return [each[request.param] for each in shared]


def test_two_processes_end_with_the_same_weights(results: list[dict[str, Any]]) -> None:
    _, first, second = (flat(result["state"]) for result in results)
    for name, value in first.items():
        if isinstance(value, Tensor) and "means" not in name:
            # The kernels may round differently from one process to the other.
            torch.testing.assert_close(value, second[name], rtol=1e-4, atol=1e-5, msg=name)


def test_two_processes_learn_what_one_learns(results: list[dict[str, Any]]) -> None:
    alone, shared = flat(results[0]["state"]), flat(results[1]["state"])
    assert alone.keys() == shared.keys()
    coded = "encoders" in results[0]["state"]
    # Where a rectifier's input is nearly nothing, it may let a gradient through in one of them.
    kinked = [name for name in alone if "styles/critic/optimiser" in name and "exp_avg" in name]
    if kinked:
        mine, ours = (
            torch.cat([each[name].flatten() for name in kinked]) for each in (alone, shared)
        )
        assert 0 < (ours - mine).norm() < 0.05 * mine.norm()
    for name, value in alone.items():
        if isinstance(value, Tensor) and "means" not in name and name not in kinked:
            # Only the order in which numbers are added differs.
            # A gradient of the critic may be nearly nothing, and Adam's first steps are as long for
            # it as for any other: the optimisers' means tell whether gradients are the same.
            # So it is where statistics take a layer's bias away, in the encoder of photos.
            near = STEPS * 1e-3 if "critic" in name or coded else 1e-5
            if "optimiser" in name:
                near = 1e-4 + 1e-2 * value.abs().max().item()
            torch.testing.assert_close(shared[name], value, rtol=1e-4, atol=near, msg=name)
    for mine, ours in zip(results[0]["numbers"], results[1]["numbers"], strict=True):
        assert ours == pytest.approx(mine, rel=1e-3 if coded else 1e-4, abs=1e-5)
    shown = [result["state"]["images_shown"] for result in results[:2]]
    assert shown == [STEPS * result["batch"] for result in results[:2]]


def test_all_processes_hear_the_same_numbers_and_decisions(results: list[dict[str, Any]]) -> None:
    _, first, second = results
    assert first["numbers"] == second["numbers"]
    assert first["agreed"] == second["agreed"] == 7.0


def test_a_share_is_a_processes_rows() -> None:
    assert [Processes(rank, 4).share(12) for rank in range(4)] == [
        slice(0, 3),
        slice(3, 6),
        slice(6, 9),
        slice(9, 12),
    ]
    assert Processes().share(5) == slice(0, 5)


@pytest.mark.parametrize(
    ("total", "count", "advice"), [(128, 3, "126 or 129"), (2, 3, "3 or 3"), (10, 4, "8 or 12")]
)
def test_a_batch_that_cannot_be_shared_is_a_sentence(total: int, count: int, advice: str) -> None:
    with pytest.raises(ProcessesError, match=f"choose --batch {advice}"):
        Processes(0, count).share(total)


def test_alone_nothing_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, network = Processes(), nn.BatchNorm2d(3)
    assert alone.is_first
    assert alone.synchronise(network) is network
    assert alone.agree(3.5, torch.device("cpu")) == 3.5
    assert join("cpu") == (Processes(), "cpu")
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)  # as torchrun does for one process
    assert join("cpu") == (Processes(), "cpu")
    alone.wait()
