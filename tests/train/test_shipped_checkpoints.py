"""The checkpoints that ship: whole, honest, small, and named after their recipes, wide or not.

Those that draw codes of photos have one recipe and are named after their collections.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio import checkpoint, directions, onnx_export, onnx_files
from studio.design import from_seed
from studio.generators import build
from studio.render import Renderer
from train import discriminators
from train.recipes import RECIPES, at_size, for_classes, for_words
from train.recipes.published import PUBLISHED

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
MAX_BYTES = 10_000_000  # so that a plain git push makes a Space
# A modern recipe's checkpoint ships once it is good enough.
NAMES = [name for name in (*RECIPES, "apparel") if (SHIPPED / name).is_dir()]
found = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(SHIPPED)


def test_every_published_recipe_ships_and_nothing_without_a_recipe() -> None:
    # text-dcgan takes weeks without a GPU: its recipe is there, its checkpoint is not.
    assert {recipe.name for recipe in PUBLISHED} - {"text-dcgan"} <= set(NAMES)
    assert set(checkpoint.find(SHIPPED)) == set(NAMES)


@found
def test_both_networks_load(name: str) -> None:
    shipped = checkpoint.read(SHIPPED / name)
    generator = shipped.load_generator()
    recipe = RECIPES[shipped.card["recipe"]]
    recipe = for_words(for_classes(recipe, generator.classes), generator.words)
    # One that is not grown yet has the first levels of the recipe's networks.
    if generator.image_size < build(recipe.generator).image_size:
        recipe = at_size(recipe, generator.image_size)
    config, expected = generator.config, build(recipe.generator).config
    config.pop("guidance", None)  # how closely it follows is chosen once it has learnt
    if shipped.card.get("encoded"):  # its latents are those of photos' codes
        assert config.pop("prior") > 0
        config["latent_dim"] = expected["latent_dim"]
    if shipped.card.get("enlarged"):  # its last level came later and has a width of its own
        config["widths"][-1] = expected["widths"][-1]
    assert config == expected
    condition = None
    if generator.classes:
        condition = torch.zeros(2, dtype=torch.int64)
    elif encoder := shipped.load_words():
        condition = torch.from_numpy(encoder.vectors(encoder.offers[:2]))
    with torch.inference_mode():
        images = generator(torch.zeros(2, generator.latent_dim), condition)
    assert images.isfinite().all()
    # An encoded one may be told other words than its discriminator was; it then has none.
    if shipped.card.get("encoded") and "discriminator" not in shipped.card:
        assert not (SHIPPED / name / checkpoint.DISCRIMINATOR).exists()
        return
    if generator.kind == "coded":  # no game was played
        return
    discriminator = discriminators.build(shipped.card["discriminator"]).eval()
    checkpoint.load_weights(discriminator, SHIPPED / name / checkpoint.DISCRIMINATOR)
    told = {} if condition is None else {"condition": condition}
    with torch.inference_mode():
        logits = discriminator(images, **told)
    assert logits.shape == (2,) and logits.isfinite().all()


@found
def test_the_card_is_honest(name: str) -> None:
    card = checkpoint.read(SHIPPED / name).card
    assert card["recipe"].removesuffix("-wide") in (name, "coded", "coded-words")
    assert card["training"]["images_shown"] > 0 and card["training"]["date"]
    for part in ("name", "images", "licence", "limits"):
        assert card["data"][part]
    quality = card["quality"]
    assert quality["frechet"] > 0 and quality["floor"] > 0
    assert quality["features"] in quality["protocol"] and quality["samples"] >= 2000


@found
def test_every_file_can_be_pushed(name: str) -> None:
    files = [path for path in (SHIPPED / name).rglob("*") if path.is_file()]
    assert {"preview.jpg", "directions.json"} <= {path.name for path in files}
    assert any(path.parent.name == "samples" for path in files)
    assert max(path.stat().st_size for path in files) < MAX_BYTES
    for path in files:
        if path.suffix in (".jpg", ".png"):
            with Image.open(path) as image:
                image.load()


@found
def test_it_can_be_drawn_in_a_browser_at_once(name: str) -> None:
    exported = onnx_files.find(checkpoint.read(SHIPPED / name))
    assert exported and exported.path == SHIPPED / name / onnx_files.FILE
    assert (
        onnx_export.most_difference(
            exported.path.read_bytes(), Renderer(SHIPPED).open(name).generator
        )
        <= 2
    )


@found
def test_its_sliders_are_ready_and_change_the_picture(name: str, renderer: Renderer) -> None:
    opened = renderer.open(name)
    cached = json.loads((SHIPPED / name / directions.FILE).read_text(encoding="utf-8"))
    assert cached["fingerprint"] == opened.checkpoint.fingerprint
    assert len(opened.directions.names) == directions.COUNT
    if opened.checkpoint.card.get("encoded"):
        assert not any(low.startswith("Look") for low, _ in opened.directions.names[:8])
    still = renderer.pixels(from_seed(name, 1)).astype(int)
    for index in range(directions.COUNT):
        moved = renderer.pixels(from_seed(name, 1, directions=[[index, 3.0]]))
        assert np.abs(moved - still).mean() > 0.5
