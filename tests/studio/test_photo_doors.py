"""Photos become designs from a shell and for programs, and their pictures carry them."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from calling import Call
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from photo_parts import as_file, garment, made
from PIL import Image

from studio import blend, checkpoint, exports
from studio.__main__ import main
from studio.design import Design, DesignError, from_code, from_dict
from studio.inversion.photos import from_photo
from studio.render import Renderer
from studio.ui.api import API


@pytest.fixture(scope="module")
def renderer(takes_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    """Also what the server of this module's tests draws with."""
    beside = tmp_path_factory.mktemp("beside")
    plain = made(classes=0)
    checkpoint.save(beside / "plain", plain, None, {"title": "Plain"}, Image.new("RGB", (8, 8)))
    return Renderer(takes_photos, beside)


@pytest.fixture(scope="module")
def photo(renderer: Renderer) -> Design:
    return from_photo(renderer, "coded", as_file(garment()), label=1)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a" / "shirt.jpg", tmp_path / "b" / "shirt.png"]
    for path, colour in zip(paths, ("teal", "crimson"), strict=True):
        path.parent.mkdir()
        garment(colour=colour).save(path)
    return paths


def test_a_picture_of_a_photo_carries_its_design(renderer: Renderer, photo: Design) -> None:
    assert exports.from_png(exports.to_png(renderer, photo, 0)) == photo
    both = blend.blend(photo, Design("coded", seed=2), 0.5)
    carried = exports.from_png(exports.to_png(renderer, both, 0))
    assert carried == renderer.stamped(both)


def test_the_shell_makes_designs_of_photos(
    takes_photos: Path, renderer: Renderer, files: list[Path], capsys: pytest.CaptureFixture
) -> None:
    out = files[0].parents[1] / "out"
    shell = [
        "--checkpoints",
        str(takes_photos),
        "from-photo",
        *map(str, files),
        "--generator",
        "coded",
    ]
    assert main([*shell, "--out", str(out), "--category", "skirt"]) == 0
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in printed] == ["coded-shirt.png", "coded-shirt 2.png"]
    for path, file in zip(printed, files, strict=True):
        design = exports.from_png(path.read_bytes())
        assert design == from_photo(renderer, "coded", file.read_bytes(), label=1)
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), renderer.pixels(design))
    assert main([*shell, "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["photo"] for each in said] == list(map(str, files))
    for each in said:
        design = exports.from_png(Path(each["picture"]).read_bytes())
        assert design == from_dict(each["design"])


def test_the_shell_says_which_photo_is_none_and_leaves_nothing(
    takes_photos: Path, files: list[Path], capsys: pytest.CaptureFixture
) -> None:
    files[1].write_bytes(b"no picture")
    out = files[0].parents[1] / "out"
    shell = [
        "--checkpoints",
        str(takes_photos),
        "from-photo",
        *map(str, files),
        "--generator",
        "coded",
    ]
    assert main([*shell, "--out", str(out)]) == 1
    wanted = (
        "studio: shirt.png: This photo can't be used (not an image); choose another, or save it "
        "anew as a JPEG or PNG.\n"
    )
    assert capsys.readouterr().err == wanted
    assert not out.exists()


def test_generators_tell_whether_they_take_photos(call: Call) -> None:
    assert {each["name"]: each["photos"] for each in call("generators")} == {
        "coded": True,
        "other": True,
        "plain": False,
    }


def test_programs_make_designs_of_photos(
    call: Call, server: str, renderer: Renderer, files: list[Path]
) -> None:
    made = call("design_from_photo", handle_file(str(files[1])), "coded", 1)
    wanted = from_photo(renderer, "coded", files[1].read_bytes(), label=1)
    assert from_dict(made) == wanted
    code = call("link", made)
    assert from_code(code) == wanted
    assert call("open_link", code) == {"design": made, "note": ""}
    # The page's address takes as long a link.
    with urllib.request.urlopen(f"{server}/?design={code}", timeout=60) as answer:
        assert answer.status == 200
    files[1].write_bytes(b"no picture")
    with pytest.raises(AppError, match="not an image"):
        call("design_from_photo", handle_file(str(files[1])), "coded")
    with pytest.raises(AppError, match="drawn by the studio only"):
        call("places", [made])


def test_a_photo_for_other_weights_is_left_out_in_a_sentence(
    renderer: Renderer, photo: Design
) -> None:
    api = API(renderer)
    lost = from_dict({**photo.to_dict(), "generator": "other"})
    seed = {"generator": "other", "seed": 3, "label": 0}
    for design in (lost, from_dict({"generator": "other", "blend": [lost.to_dict(), seed, 0.5]})):
        opened = api.open_link(design.to_code())
        assert "other weights" in opened["note"] and opened["note"].endswith("It is left out.")
        assert "photo" not in json.dumps(opened["design"])
        assert renderer.pixels(from_dict(opened["design"])).any()
    with pytest.raises(DesignError, match="other weights"):
        api.render(lost.to_dict(), 64)
