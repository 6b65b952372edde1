"""Made-up detail: how it is added, where, how strongly, and what says so."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detailed import SIDE, lively, write
from PIL import Image

from studio import blend, enlarging, exports
from studio.__main__ import main
from studio.checkpoint import CheckpointError
from studio.design import Design, DesignError
from studio.enlarging import Detail, Enlarger, lanczos, load, save
from studio.render import Renderer
from studio.ui.api import API

DESIGN = Design("coded", seed=3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a coded generator of 32 px whose card asks for detail, and the enlarger."""
    folder = tmp_path_factory.mktemp("detailed")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def detailed(root: Path) -> Renderer:
    return Renderer(root)


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def photo(side: int = 48) -> Image.Image:
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(60, 200, (side, side, 3), dtype=np.uint8))


# --- the network -------------------------------------------------------------------------------


@torch.no_grad()
def test_what_is_added_has_twice_the_size() -> None:
    network = lively()
    assert network(torch.rand(2, 3, 16, 24)).shape == (2, 3, 32, 48)
    assert Enlarger(**network.config).config == network.config


@torch.no_grad()
def test_what_is_added_does_not_depend_on_the_batch() -> None:
    network, pictures = lively(), torch.rand(3, 3, 16, 16)
    alone = torch.cat([network(each[None]) for each in pictures])
    torch.testing.assert_close(network(pictures), alone)


@torch.no_grad()
def test_it_tints_no_surface() -> None:
    added = lively()(torch.rand(1, 3, 64, 64) * 2 - 1)
    assert added.std() > 0.02
    assert added.mean((2, 3)).abs().max() < 0.02 * added.std()


@pytest.mark.parametrize("sides", [(12, 16), (16, 20)])
def test_odd_sides_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        lively()(torch.zeros(1, 3, *sides))
    assert not all(map(enlarging.fits, sides))


@pytest.mark.parametrize("settings", [(0, 1, 4), (200, 1, 4), (8, -1, 4), (8, 99, 4), (8, 1, 0)])
def test_hostile_settings_are_refused(settings: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="enlarger"):
        Enlarger(*settings)
    with pytest.raises(ValueError, match="enlarger"):
        Enlarger("24")  # type: ignore[arg-type]


def test_lanczos_is_that_of_pillow() -> None:
    image = photo().resize((48, 32), Image.Resampling.BICUBIC)
    mine = lanczos(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    wanted = array(image.resize((96, 64), Image.Resampling.LANCZOS))
    # Pillow rounds and clips between its two passes.
    assert np.abs(mine.clamp(0, 255).numpy() - wanted).mean() < 1
    assert torch.allclose(enlarging.lanczos_rows(20).sum(1), torch.ones(40))


# --- an image ----------------------------------------------------------------------------------


def test_a_strength_of_0_is_lanczos_and_others_lie_between() -> None:
    detail, image = Detail(lively(), {}), photo()
    none, half, all_of_it = (array(detail(image, each)) for each in (0, 0.5, 1))
    wanted = image.resize((96, 96), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(none, array(wanted))
    unclipped = (np.minimum(none, all_of_it) > 0) & (np.maximum(none, all_of_it) < 255)
    assert np.abs(half - (none + all_of_it) / 2)[unclipped].max() <= 1
    assert np.abs(all_of_it - none).mean() > 1
    np.testing.assert_array_equal(all_of_it, array(detail(image, 1.0)))
    assert np.abs(array(detail(image)) - none).mean() > 1  # and the usual one lies between


def test_strengths_and_modes_that_are_none_are_refused() -> None:
    detail = Detail(lively(), {})
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="from 0 to 1"):
            detail(photo(), strength)
    with pytest.raises(ValueError, match="in colour"):
        detail(photo().convert("L"))


# --- its files ---------------------------------------------------------------------------------


def test_it_comes_back_as_it_was_saved(root: Path) -> None:
    found, before = load(root / "detail"), Detail(lively(), {})
    assert np.abs(array(found(photo())) - array(before(photo()))).max() <= 1  # float16
    assert found.card["data"] == {"name": "some photos"}
    assert len(found.fingerprint) == 12


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(kind="generator"),
        lambda card: card.update(enlarger_sha256="0" * 64),
        lambda card: card.update(enlarger={"width": 10**9}),
        lambda card: card.update(enlarger={"height": 3}),
        lambda card: card.update(enlarger={"width": 8}),  # another network's weights
        lambda card: card.pop("enlarger"),
    ],
)
def test_what_does_not_fit_its_card_is_refused(tmp_path: Path, change: Any) -> None:
    save(tmp_path / "detail", lively(), {})
    path = tmp_path / "detail" / "card.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="can't be used"):
        load(tmp_path / "detail")


def test_nothing_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="can't be used"):
        load(tmp_path)


def test_what_ships_is_small_honest_and_leaves_plain_surfaces_alone() -> None:
    folder = Path(__file__).parents[2] / "checkpoints" / enlarging.FOLDER
    detail = load(folder)
    assert (folder / enlarging.WEIGHTS).stat().st_size < 500_000
    assert detail.card["data"]["licence"] and detail.card["data"]["limits"]
    quality = detail.card["quality"]
    for measure in ("pixels", "features", "frechet"):
        assert quality["detail"][measure] < quality["lanczos"][measure]
    for colour in ((240, 240, 240), (20, 20, 25), (200, 30, 90)):
        found = array(detail(Image.new("RGB", (64, 64), colour), 1.0))
        assert np.abs(found - colour).max() <= 1


# --- in the studio -----------------------------------------------------------------------------


def test_it_is_no_generator(detailed: Renderer) -> None:
    assert list(detailed.checkpoints()) == ["coded"]


def test_pictures_are_enlarged_with_detail(detailed: Renderer, root: Path) -> None:
    drawn = detailed.image(DESIGN)
    assert drawn.size == (SIDE, SIDE)
    twice = load(root / "detail")(drawn)
    assert detailed.enlarged(DESIGN, SIDE) == drawn
    assert detailed.enlarged(DESIGN, 2 * SIDE) == twice
    lanczos_of = Image.Resampling.LANCZOS
    assert detailed.enlarged(DESIGN, 40) == twice.resize((40, 40), lanczos_of)
    assert detailed.enlarged(DESIGN, 200) == twice.resize((200, 200), lanczos_of)
    assert detailed.enlarged(DESIGN, 200) == Renderer(root).enlarged(DESIGN, 200)


def test_without_detail_it_is_lanczos(detailed: Renderer) -> None:
    wanted = detailed.image(DESIGN).resize((100, 100), Image.Resampling.LANCZOS)
    assert detailed.enlarged(DESIGN, 100, detail=0) == wanted
    assert detailed.enlarged(DESIGN, 100) != wanted


def test_blends_make_nothing_up(detailed: Renderer) -> None:
    strip = blend.strip(detailed, [DESIGN, replace(DESIGN, seed=4)], 64)
    assert strip.crop((0, 0, 64, 64)) == detailed.enlarged(DESIGN, 64, detail=0)


def test_where_no_enlarger_is_there_it_is_lanczos(root: Path, tmp_path: Path) -> None:
    (tmp_path / "coded").symlink_to(root / "coded")
    renderer = Renderer(tmp_path)
    wanted = renderer.image(DESIGN).resize((64, 64), Image.Resampling.LANCZOS)
    assert renderer.enlarged(DESIGN, 64) == wanted
    with pytest.raises(DesignError, match="has no detail to add"):
        renderer.enlarged(DESIGN, 64, detail=0.5)


def test_a_damaged_enlarger_is_said(root: Path, tmp_path: Path) -> None:
    (tmp_path / "coded").symlink_to(root / "coded")
    save(tmp_path / "detail", lively(), {})
    (tmp_path / "detail" / enlarging.WEIGHTS).write_bytes(b"")
    with pytest.raises(CheckpointError, match="can't be used"):
        Renderer(tmp_path).enlarged(DESIGN, 64)
    assert Renderer(tmp_path).enlarged(DESIGN, 64, detail=0).size == (64, 64)


def test_other_kinds_have_no_detail(renderer: Renderer) -> None:
    with pytest.raises(DesignError, match="has no detail to add"):
        renderer.enlarged(Design("colour"), 64, detail=0.5)
    assert renderer.enlarged(Design("grey"), 64, detail=0) == renderer.enlarged(Design("grey"), 64)


# --- what says so ------------------------------------------------------------------------------


def text_of(data: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return dict(image.text)


def test_a_picture_says_what_is_made_up(detailed: Renderer, root: Path) -> None:
    found = text_of(exports.to_png(detailed, DESIGN, 64, 0.5))
    fingerprint = load(root / "detail").fingerprint
    assert found[exports.NOTE] == (
        "Drawn at 32 px. All detail finer than that is made up by a network that learnt from some"
        f" photos, and added at a strength of 0.5 (enlarger {fingerprint})."
    )
    assert exports.NOTE in text_of(exports.to_png(detailed, DESIGN, 64))
    # And where nothing is, nothing is said.
    for size, detail in ((0, None), (SIDE, 1.0), (64, 0.0)):
        assert exports.NOTE not in text_of(exports.to_png(detailed, DESIGN, size, detail))


def test_the_design_comes_back_all_the_same(detailed: Renderer) -> None:
    found = exports.from_png(exports.to_png(detailed, DESIGN, 64, 0.5))
    assert found == detailed.stamped(DESIGN)


def test_the_api_adds_it(
    detailed: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    api, design = API(detailed), DESIGN.to_dict()
    for arguments in ((64,), (64, 0.5), (64, 0.0)):
        data = Path(api.render(design, *arguments).path).read_bytes()
        assert data == exports.to_png(detailed, DESIGN, *arguments)
    (listed,) = api.generators()
    assert listed["enlargement"] == "detail"


def test_the_api_shows_it_without_a_file(
    detailed: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    found = API(detailed).detailed(DESIGN.to_dict())
    assert found["size"] == 2 * SIDE
    data = base64.b64decode(found["png"])
    assert data == exports.to_png(detailed, DESIGN, 2 * SIDE) and exports.NOTE in text_of(data)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (2 * SIDE, 2 * SIDE)
    assert not any(tmp_path.iterdir())


def test_what_was_enlarged_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every visitor, and nobody can spoil it for the others."""
    times: list[float] = []
    once = Detail.__call__

    def counted(self: Detail, image: Image.Image, strength: float) -> Image.Image:
        times.append(strength)
        return once(self, image, strength)

    monkeypatch.setattr(Detail, "__call__", counted)
    renderer = Renderer(root)
    first = renderer.enlarged(DESIGN, 2 * SIDE)
    before = first.copy()
    first.paste("red", (0, 0, *first.size))
    assert renderer.enlarged(renderer.stamped(DESIGN), 2 * SIDE) == before
    renderer.enlarged(DESIGN, 200)
    assert times == [enlarging.STRENGTH]
    renderer.enlarged(DESIGN, 200, detail=1)
    renderer.enlarged(replace(DESIGN, seed=9), 200)
    assert times == [enlarging.STRENGTH, 1, enlarging.STRENGTH]


def test_the_shell_adds_it(root: Path, detailed: Renderer, tmp_path: Path) -> None:
    folders = ["--checkpoints", str(root), "--runs", str(tmp_path / "no-runs")]
    asked = ["generate", "coded", "--count", "1", "--seed", "3", "--size", "64"]
    assert main([*folders, *asked, "--detail", "0.5", "--out", str(tmp_path)]) == 0
    data = (tmp_path / "coded-3.png").read_bytes()
    assert data == exports.to_png(detailed, DESIGN, 64, 0.5)


@pytest.mark.parametrize("strength", ["1.5", "-1", "nan"])
def test_the_shell_refuses_other_strengths(
    root: Path, tmp_path: Path, strength: str, capsys: pytest.CaptureFixture
) -> None:
    folders = ["--checkpoints", str(root), "--runs", str(tmp_path / "no-runs")]
    out = tmp_path / "out"
    asked = ["generate", "coded", "--size", "64", f"--detail={strength}", "--out", str(out)]
    assert main([*folders, *asked]) == 1
    assert "is a number from 0 to 1" in capsys.readouterr().err
    assert not out.exists()
