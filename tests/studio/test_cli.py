"""``python -m studio``: what the page can do, from a shell, with the same pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio import exports
from studio.__main__ import main
from studio.blend import steps
from studio.checkpoint import GENERATOR
from studio.design import Design
from studio.render import Renderer


@pytest.fixture
def studio(checkpoints: Path, tmp_path: Path):
    """Runs a command over the shared checkpoints."""
    folders = ["--checkpoints", str(checkpoints), "--runs", str(tmp_path / "no-runs")]
    return lambda *arguments: main([*folders, *map(str, arguments)])


@pytest.fixture
def styled(styled_checkpoints: Path, tmp_path: Path):
    """As studio, over those with a generator of three categories."""
    folders = ["--checkpoints", str(styled_checkpoints), "--runs", str(tmp_path / "no-runs")]
    return lambda *arguments: main([*folders, *map(str, arguments)])


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


# --- list --------------------------------------------------------------------------------------


def test_list_shows_every_generator_in_order(studio, capsys: pytest.CaptureFixture) -> None:
    assert studio("list") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["colour", "Colour", "Colourful", "noise"]
    assert second.split() == ["grey", "Grey"]


def test_list_shows_the_categories(styled, capsys: pytest.CaptureFixture) -> None:
    assert styled("list") == 0
    colour, generator, categories = capsys.readouterr().out.splitlines()
    assert colour.startswith("colour ") and generator.startswith("styled ")
    assert categories.strip() == "Categories: Dress, Tank top, Coat"


def test_list_json_gives_whole_cards(
    studio, renderer: Renderer, capsys: pytest.CaptureFixture
) -> None:
    assert studio("list", "--json") == 0
    cards = json.loads(capsys.readouterr().out)
    assert list(cards) == ["colour", "grey"]
    assert cards == {name: found.card for name, found in renderer.checkpoints().items()}


def test_list_says_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folders = ["--checkpoints", str(tmp_path / "a"), "--runs", str(tmp_path / "b")]
    assert main([*folders, "list"]) == 0
    found = capsys.readouterr().out
    assert str(tmp_path / "a") in found and str(tmp_path / "b") in found
    assert main([*folders, "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {}


def test_folders_come_from_the_environment_too(
    checkpoints: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv("STUDIO_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("STUDIO_RUNS", str(checkpoints))
    assert main(["list", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["colour", "grey"]


# --- generate ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["colour", "grey"])
def test_generate_draws_what_the_renderer_draws(
    studio, renderer: Renderer, tmp_path: Path, capsys: pytest.CaptureFixture, name: str
) -> None:
    out = tmp_path / "new" / "folder"
    arguments = ("--count", 3, "--seed", 40, "--truncation", 0.6, "--out", out)
    assert studio("generate", name, *arguments) == 0
    paths = [out / f"{name}-{seed}.png" for seed in (40, 41, 42)]
    assert sorted(out.iterdir()) == paths
    assert capsys.readouterr().out.split() == [str(path) for path in paths]
    for seed, path in zip((40, 41, 42), paths, strict=True):
        design = Design(name, seed=seed, truncation=0.6)
        np.testing.assert_array_equal(pixels(path), renderer.pixels(design).squeeze())
        assert exports.from_png(path.read_bytes()) == renderer.stamped(design)
        assert path.read_bytes() == exports.to_png(renderer, design, 0)


def test_generate_has_defaults(studio, renderer: Renderer, tmp_path: Path) -> None:
    assert studio("generate", "colour", "--out", tmp_path) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"colour-{n}.png" for n in range(8)}
    found = exports.from_png((tmp_path / "colour-7.png").read_bytes())
    assert found == renderer.stamped(Design("colour", seed=7))


def test_generate_enlarges(studio, renderer: Renderer, tmp_path: Path) -> None:
    assert studio("generate", "grey", "--count", 1, "--size", 100, "--out", tmp_path) == 0
    found = pixels(tmp_path / "grey-0.png")
    np.testing.assert_array_equal(found, np.asarray(renderer.enlarged(Design("grey"), 100)))
    assert found.shape == (84, 84)


@pytest.mark.parametrize("category", ["Tank top", "tank TOP", "1"])
def test_generate_draws_a_category(
    styled, styled_checkpoints: Path, tmp_path: Path, category: str
) -> None:
    arguments = ("--category", category, "--count", 2, "--seed", 5, "--out", tmp_path)
    assert styled("generate", "styled", *arguments) == 0
    renderer = Renderer(styled_checkpoints)
    for seed in (5, 6):
        design = Design("styled", seed=seed, label=1)
        path = tmp_path / f"styled-tank-top-{seed}.png"
        np.testing.assert_array_equal(pixels(path), renderer.pixels(design))
        assert exports.from_png(path.read_bytes()) == renderer.stamped(design)
    assert len(list(tmp_path.iterdir())) == 2


# --- blend -------------------------------------------------------------------------------------


def test_blend_draws_every_step_and_a_strip(
    studio, renderer: Renderer, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    arguments = ("--seeds", 5, 9, "--steps", 4, "--out", tmp_path)
    assert studio("blend", "colour", *arguments) == 0
    names = [f"colour-5-9-{step}.png" for step in ("01", "02", "03", "04", "strip")]
    assert [Path(line).name for line in capsys.readouterr().out.split()] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    between = steps(Design("colour", seed=5), Design("colour", seed=9), 4)
    for name, design in zip(names, between, strict=False):
        np.testing.assert_array_equal(pixels(tmp_path / name), renderer.pixels(design))
        assert exports.from_png((tmp_path / name).read_bytes()) == renderer.stamped(design)
    np.testing.assert_array_equal(pixels(tmp_path / names[-1]), np.asarray(renderer.sheet(between)))


def test_blend_enlarges_and_has_nine_steps(studio, tmp_path: Path) -> None:
    assert studio("blend", "colour", "--seeds", 1, 2, "--size", 32, "--out", tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 10
    assert pixels(tmp_path / "colour-1-2-09.png").shape == (32, 32, 3)
    assert pixels(tmp_path / "colour-1-2-strip.png").shape == (32, 9 * 32, 3)


def test_blend_goes_between_categories_and_leaves_the_surface(styled, tmp_path: Path) -> None:
    arguments = ("--seeds", 5, 9, "--categories", "coat", "0", "--surface", 0.25)
    assert styled("blend", "styled", *arguments, "--steps", 3, "--out", tmp_path) == 0
    names = [f"styled-coat-5-dress-9-{step}.png" for step in ("01", "02", "03", "strip")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    parents = Design("styled", seed=5, label=2), Design("styled", seed=9, label=0)
    for name, expected in zip(names, steps(*parents, 3, 0.25), strict=False):
        found = exports.from_png((tmp_path / name).read_bytes())
        assert found.blend == expected.blend
    assert expected.amounts == (1, 0.25)


# --- what can't be done ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "nothing"), "'nothing' is not here"),
        (("generate", "../colour"), "is not here"),
        (("generate", "colour", "--count", 0), "--count must be at least 1"),
        (("generate", "colour", "--seed", -1), "seed must be a whole number"),
        (("generate", "colour", "--seed", 2**32), "seed must be a whole number"),
        (("generate", "colour", "--truncation", "nan"), "truncation must be a number"),
        (("generate", "colour", "--truncation", 9), "truncation must be a number"),
        (("blend", "nothing", "--seeds", 1, 2), "'nothing' is not here"),
        (("blend", "colour", "--seeds", 1, -2), "seed must be a whole number"),
        (("blend", "colour", "--seeds", 1, 2, "--steps", 1), "between 2 and 64 steps"),
        (("blend", "colour", "--seeds", 1, 2, "--surface", 0), "can't be blended apart"),
        (("blend", "colour", "--seeds", 1, 2, "--surface", 1.5), "between 0 and 1"),
        (("blend", "nothing", "--seeds", 1, 2, "--categories", "x", "y"), "is not here"),
        (("generate", "colour", "--category", "dress"), "it draws just one thing"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_a_sentence_and_exit_status_1(
    studio, tmp_path: Path, capsys: pytest.CaptureFixture, arguments: tuple, message: str
) -> None:
    assert studio(*arguments, "--out", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("studio: ") and message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == "" and list(tmp_path.rglob("*.png")) == []


@pytest.mark.parametrize("category", ["skirt", "3", "-1", "", "1.0"])
def test_a_category_it_lacks_is_a_sentence_with_those_it_has(
    styled, tmp_path: Path, capsys: pytest.CaptureFixture, category: str
) -> None:
    for command in (
        ("generate", "styled", f"--category={category}"),
        ("blend", "styled", "--seeds", 1, 2, "--categories", "coat", category),
    ):
        if category == "-1" and command[0] == "blend":
            continue  # which argparse takes for an option
        assert styled(*command, "--out", tmp_path / "out") == 1
        error = capsys.readouterr().err
        assert error.startswith("studio: styled has no category ") and error.count("\n") == 1
        assert error.endswith("it draws Dress, Tank top and Coat.\n")
    assert not (tmp_path / "out").exists()


def test_damaged_weights_are_a_sentence(
    make_checkpoint, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = make_checkpoint(tmp_path / "all" / "bags").folder / GENERATOR
    path.write_bytes(path.read_bytes()[:-1])
    arguments = ["--checkpoints", str(tmp_path / "all"), "--runs", str(tmp_path / "none")]
    assert main([*arguments, "generate", "bags", "--out", str(tmp_path / "out")]) == 1
    assert "studio: bags: generator.safetensors" in capsys.readouterr().err


def test_an_out_that_is_a_file_is_a_sentence(
    studio, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("mine")
    for command in (("generate", "colour"), ("blend", "colour", "--seeds", 1, 2)):
        assert studio(*command, "--out", tmp_path / "file") == 1
        assert "studio: " in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [(), ("draw",), ("generate",), ("generate", "colour"), ("blend", "colour")]
    + [("generate", "colour", "--out", "x", "--size", "100000")],
)
def test_a_wrong_command_line_is_exit_status_2(studio, arguments: tuple) -> None:
    with pytest.raises(SystemExit) as caught:
        studio(*arguments)
    assert caught.value.code == 2
