"""``python -m train categorise``: categories that draw what texts draw, and are judged likewise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from studio import checkpoint
from studio.checkpoint import Checkpoint
from studio.design import from_seed
from studio.generators import Generator, build
from studio.render import Renderer
from studio.words import Encoder
from train import discriminators
from train.__main__ import main
from train.recipes import RECIPES
from train.recipes.starting import recipe_for

WORDS = ("dress", "red", "shirt", "shoe")
STYLED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 8], "output": "tanh", "words": 4}
JUDGE = {"kind": "dcgan", "widths": [8], "words": 4}


@pytest.fixture(params=["style", "self-modulated"])
def worded(
    request: pytest.FixtureRequest, tmp_path: Path, make_generator: Callable[..., Generator]
) -> Checkpoint:
    """A checkpoint of 8 px that draws dresses, shirts and shoes by words."""
    torch.manual_seed(3)
    return checkpoint.save(
        tmp_path / "worded",
        make_generator({**STYLED, "kind": request.param}, 2),
        discriminators.build(JUDGE),
        {"title": "Words", "discriminator": JUDGE, "guidance": 1.5, "truncation": 0.7, "order": 2},
        Image.new("RGB", (8, 8)),
        half=False,
        encoder=Encoder(WORDS, (1.0, 2.0, 1.0, 1.0), {"shoe": "shoes"}, ("red shirt",)),
    )


def test_a_category_draws_what_its_words_draw(worded: Checkpoint, tmp_path: Path) -> None:
    out = tmp_path / "garments"
    texts = {"shoes": "shoes", "Sunday best": "a red dress"}
    categories = ["shoes", "Sunday best = a red dress"]
    assert main(["categorise", str(worded.folder), *categories, "--out", str(out)]) == 0
    found = checkpoint.read(out)
    assert found.classes == tuple(texts) and not found.draws_by_words
    assert found.card["categorised"] == {"from": "worded", "texts": texts}
    assert found.title == "garments" and found.card["truncation"] == 0.7
    assert not {"guidance", "order", "quality"} & set(found.card)

    latents = torch.randn(2, 6, generator=torch.Generator().manual_seed(5))
    vectors = torch.from_numpy(worded.load_words().vectors(texts.values()))
    by_words = worded.load_generator()(latents, vectors)
    by_category = found.load_generator()(latents, torch.arange(2))
    torch.testing.assert_close(by_category, by_words, atol=2e-3, rtol=0)  # saved in halves
    assert (by_category[0] - by_category[1]).abs().max() > 0.1
    drawn = Renderer(tmp_path).pixels(from_seed("garments", 4, label=1))
    assert drawn.shape == (8, 8, 3) and drawn.std() > 5

    judges = [discriminators.build(each.card["discriminator"]).eval() for each in (worded, found)]
    for each, judge in zip((worded, found), judges, strict=True):
        judge.load_state_dict(load_file(each.folder / checkpoint.DISCRIMINATOR))
    told = judges[0](by_words, vectors), judges[1](by_words, torch.arange(2))
    torch.testing.assert_close(told[1], told[0], atol=1e-3, rtol=0)
    assert (judges[1](by_words, torch.tensor([1, 0])) - told[1]).abs().min() > 0.01

    recipe = recipe_for("", found)  # a training can go on from it
    assert recipe.conditional and recipe.balanced and not recipe.worded


def test_its_recipe_is_that_of_its_size(tmp_path: Path) -> None:
    wide = build({**RECIPES["words-wide"].generator, "words": 4})
    folder = tmp_path / "wide"
    encoder = Encoder(WORDS, (1.0, 1.0, 1.0, 1.0), {})
    checkpoint.save(folder, wide, None, {}, Image.new("RGB", (8, 8)), encoder=encoder)
    assert main(["categorise", str(folder), "dress", "shoe", "--out", str(tmp_path / "out")]) == 0
    found = checkpoint.read(tmp_path / "out")
    assert found.card["recipe"] == "deepfashion-wide" and "discriminator" not in found.card
    assert not (found.folder / checkpoint.DISCRIMINATOR).exists()


@pytest.mark.parametrize(
    ("categories", "sentence"),
    [
        (["dress", "hat"], "hat: No word of this is known here: “hat”. Try “red shirt”."),
        (["dress", "x=<i>bad"], "x: No word of this is known here: “bad”"),
        (["dress", "x=="], "x: No word here can be read: write in English"),
        (["dress", "x="], "x: There are no words. Say what it draws as x=TEXT."),
        (["dress", "=red"], "'=red' is no name of a category."),
        (["dress", "x" * 300 + "=red"], "is no name of a category."),
        (["dress", "Dress=red"], "The category Dress is named twice."),
        (["dress"], "Name at least two categories"),
    ],
)
def test_categories_that_cannot_be_are_refused_in_a_sentence(
    tmp_path: Path,
    make_colourist: Callable[..., Checkpoint],
    capsys: pytest.CaptureFixture,
    categories: list[str],
    sentence: str,
) -> None:
    folder = make_colourist(tmp_path / "worded").folder
    checkpoint.words.save(Encoder(WORDS, (1.0, 1.0, 1.0, 1.0), {}, ("red shirt",)), folder)
    out = tmp_path / "out"
    assert main(["categorise", str(folder), *categories, "--out", str(out)]) == 1
    assert sentence in capsys.readouterr().err and not out.exists()


def test_generators_that_cannot_be_are_refused_in_a_sentence(
    tmp_path: Path,
    checkpoints: Path,
    make_colourist: Callable[..., Checkpoint],
    capsys: pytest.CaptureFixture,
) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["categorise", str(checkpoints / "colour"), "dress", "shoe", *out]) == 1
    assert "Colour draws by no words" in capsys.readouterr().err
    folder = make_colourist(tmp_path / "colourist").folder
    assert main(["categorise", str(folder), "red", "blue", *out]) == 1
    assert "a generator of kind “dcgan” has no styles of words." in capsys.readouterr().err
    assert main(["categorise", str(folder), "red", "blue", "--out", str(folder)]) == 1
    assert "is there already. Choose another --out." in capsys.readouterr().err
