"""``python -m train enlarge``: a new checkpoint that draws the same at twice the size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from studio import checkpoint
from studio.design import from_seed
from studio.render import Renderer
from train.__main__ import main
from train.recipes.starting import recipe_for, shape_of

QUICKLY = ["--patches", "64", "--pictures", "32"]
STYLED = {"kind": "style", "latent_dim": 6, "style_dim": 10, "widths": [8, 8, 6], "classes": 3}
JUDGE = {"kind": "dcgan", "widths": [8, 12], "classes": 3}


@pytest.fixture
def styled(make_garments: Callable[..., Path]) -> Path:
    """A checkpoint of 16 px."""
    return make_garments({**STYLED, "output": "tanh"}, JUDGE)


def test_it_draws_the_same_designs_larger(styled: Path, photos: Path, tmp_path: Path) -> None:
    before = checkpoint.read(styled)
    out = tmp_path / "larger"
    assert main(["enlarge", str(styled), "--data", str(photos), "--out", str(out), *QUICKLY]) == 0
    found = checkpoint.read(out)
    generator = found.load_generator()
    assert generator.image_size == 32 and generator.widths == (8, 8, 6, 8)
    told = {"from": 16, "photos": 20, "patches": 64, "pictures": 32, "seed": 0}
    assert found.card["enlarged"] == told
    assert found.classes == before.classes and found.title == "Garments"
    assert not {"quality", "onnx_sha256"} & set(found.card)
    renderer = Renderer(tmp_path)
    designs = [from_seed(name, 5, truncation=0.7, label=2) for name in ("styled", "larger")]
    small, large = (renderer.pixels(each).astype(int) for each in designs)
    halved = large.reshape(16, 2, 16, 2, 3).mean((1, 3))
    assert np.abs(halved - small).mean() < 8 < np.abs(halved - halved.mean((0, 1))).mean()
    # A training can go on from it, its discriminator having a layer more.
    recipe = recipe_for("", found)
    assert shape_of(recipe).size == 32 and recipe.discriminator["widths"] == [8, 8, 12]
    judges = [load_file(folder / checkpoint.DISCRIMINATOR) for folder in (styled, out)]
    assert torch.equal(judges[0]["layers.2.weight"], judges[1]["layers.5.weight"])


def test_the_same_command_gives_the_same_weights(styled: Path, photos: Path, tmp_path: Path):
    for name in ("first", "second"):
        torch.manual_seed(len(name))
        options = ["--data", str(photos), "--out", str(tmp_path / name), *QUICKLY]
        assert main(["enlarge", str(styled), *options, "--width", "4", "--seed", "3"]) == 0
    first, second = (checkpoint.read(tmp_path / name) for name in ("first", "second"))
    assert first.fingerprint == second.fingerprint
    assert first.card["generator"]["widths"] == [8, 8, 6, 4]


def test_what_stands_in_the_way_is_a_sentence(
    styled: Path, photos: Path, checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = ["--data", str(photos), "--out"]
    assert main(["enlarge", str(styled), *data, str(styled)]) == 1
    assert "is there already. Choose another --out." in capsys.readouterr().err
    plain = checkpoints / "colour"
    assert main(["enlarge", str(plain), *data, str(tmp_path / "new")]) == 1
    assert "can't be enlarged: a generator of kind “dcgan” has no levels" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["enlarge", str(styled), *data, str(tmp_path / "new"), "--width", "0"])
    assert "0 is not a number above 0" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
