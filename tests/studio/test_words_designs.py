"""Designs of words: from a text to a picture, over HTTP and from a shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calling import Call

from studio import blend, checkpoint, design
from studio.__main__ import main
from studio.checkpoint import Checkpoint, CheckpointError
from studio.design import Design, DesignError, from_dict
from studio.render import Renderer

CHANNELS = {"red": 0, "green": 1, "blue": 2}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory,
    make_colourist: Callable[..., Checkpoint],
    make_checkpoint: Callable[..., Checkpoint],
) -> Path:
    """A generator of words and one of none."""
    root = tmp_path_factory.mktemp("worded")
    make_colourist(root / "colourist", order=1)
    make_checkpoint(root / "colour", seed=1, order=2)
    return root


@pytest.fixture(scope="module")
def renderer(folder: Path) -> Renderer:
    """What the server of these tests draws with."""
    return Renderer(folder)


def strength(renderer: Renderer, found: Design) -> np.ndarray:
    """How far red, green and blue stand out from the mean of all in a picture."""
    means = renderer.pixels(found).astype(float).mean((0, 1))
    return means - means.mean()


def of(text: str, **changes: Any) -> Design:
    return from_dict({"generator": "colourist", "seed": 3, "text": text, **changes})


@pytest.mark.parametrize("word", CHANNELS)
def test_a_colour_that_is_asked_for_is_drawn(renderer: Renderer, word: str) -> None:
    assert strength(renderer, of(f"{word} shirt")).argmax() == CHANNELS[word]


def test_words_of_the_same_meaning_give_the_same_picture(renderer: Renderer) -> None:
    wanted = renderer.pixels(of("red shirt"))
    for text in ("Crimson SHIRTS", "a scarlet shirt!", "red-shirt", "red <b>shirt</b> 😀"):
        assert np.array_equal(renderer.pixels(of(text)), wanted), text


def test_unknown_words_and_none_draw_the_same(renderer: Renderer) -> None:
    assert np.array_equal(renderer.pixels(of("xyzzy")), renderer.pixels(of("")))
    assert np.array_equal(renderer.pixels(of("шапка")), renderer.pixels(of("")))


def test_seeds_differ_under_the_same_words(renderer: Renderer) -> None:
    first, second = of("red"), replace(of("red"), seed=4)
    assert not np.array_equal(renderer.pixels(first), renderer.pixels(second))


def test_guidance_goes_from_no_words_to_more_than_was_learnt(renderer: Renderer) -> None:
    assert np.array_equal(renderer.pixels(of("red", guidance=0)), renderer.pixels(of("")))
    reds = [strength(renderer, of("red", guidance=each))[0] for each in (0, 0.1, 0.2, 1)]
    assert reds == sorted(reds) and reds[0] < reds[-1]


def test_truncation_leaves_the_words(renderer: Renderer) -> None:
    typical = [of("blue", seed=seed, truncation=0) for seed in (1, 2)]
    assert np.array_equal(*map(renderer.pixels, typical))
    assert strength(renderer, typical[0]).argmax() == 2


def test_two_texts_blend(renderer: Renderer) -> None:
    steps = blend.steps(of("red"), of("blue"), 5)
    reds = [strength(renderer, each)[0] for each in steps]
    assert (
        strength(renderer, steps[0]).argmax() == 0 and strength(renderer, steps[-1]).argmax() == 2
    )
    assert reds == sorted(reds, reverse=True)


def test_sliders_and_relatives_keep_the_words(renderer: Renderer) -> None:
    for changes in ({"directions": [[0, 2.0]]}, {"dimensions": [[1, 2.0]]}):
        moved = of("green", **changes)
        assert strength(renderer, moved).argmax() == 1
    assert strength(renderer, design.variation(of("green"), 9, 0.3)).argmax() == 1


def test_words_travel_with_a_design() -> None:
    made = of("navy  blue\n tunic", guidance=1.5)
    assert made.text == "navy blue tunic"
    assert design.from_code(made.to_code()) == made
    assert of("").to_dict() == {"generator": "colourist", "seed": 3}


@pytest.mark.parametrize("text", [None, 3, ["red"], "x" * 301])
def test_what_is_no_text_is_refused(text: Any) -> None:
    with pytest.raises(DesignError, match=r"words|characters"):
        of(text)


@pytest.mark.parametrize("guidance", [-0.1, 3.1, "1", True])
def test_guidance_has_its_range(guidance: Any) -> None:
    with pytest.raises(DesignError, match="guidance"):
        of("red", guidance=guidance)


def test_a_generator_without_words_says_so(renderer: Renderer) -> None:
    with pytest.raises(DesignError, match="does not draw by words"):
        renderer.pixels(Design("colour", text="red"))


@pytest.mark.parametrize("damage", ["", "{", '{"terms": {"red": 1.0}, "spoken": {}}'])
def test_a_damaged_list_of_words_is_told(
    tmp_path: Path, make_colourist: Callable[..., Checkpoint], damage: str
) -> None:
    found = make_colourist(tmp_path / "broken")
    (found.folder / "words.json").write_text(damage)
    with pytest.raises(CheckpointError, match="broken"):
        Renderer(tmp_path).pixels(Design("broken", text="red"))
    (found.folder / "words.json").unlink()
    with pytest.raises(CheckpointError, match="can't be read"):
        checkpoint.read(found.folder).load_words()


# --- over HTTP ---------------------------------------------------------------------------------


def test_the_api_tells_which_generators_take_words(call: Call) -> None:
    found = {each["name"]: (each["words"], each["examples"]) for each in call("generators")}
    assert found == {"colour": (False, []), "colourist": (True, ["red shirt", "blue"])}


def test_the_api_names_words_that_are_not_known(call: Call) -> None:
    assert call("understand", "colourist", "red shirts") == {
        "remark": "",
        "known": ["red", "shirt"],
    }
    found = call("understand", "colourist", "gren <i>shirt</i> xyzzy")
    assert found == {
        "remark": "Not known here: “gren” (green?), “xyzzy”.",
        "known": ["shirt"],
    }


def test_words_over_http_give_the_same_picture(call: Call, ask: Call, renderer: Renderer) -> None:
    values = of("blue shirt").to_dict()
    assert call("sheet", [values])["size"] == 16
    relatives = call("variations", values, 2, 1)
    assert all(each["text"] == "blue shirt" for each in relatives)
    status, answer = ask("sheet", [{**values, "text": "y" * 400}])
    assert status != 200 and "use up to 300" in json.loads(answer)["error"]
    status, answer = ask("understand", "colour", "red")
    assert status != 200 and "does not draw by words" in json.loads(answer)["error"]


# --- from a shell ------------------------------------------------------------------------------


@pytest.fixture
def studio(folder: Path, tmp_path: Path) -> Callable[..., int]:
    folders = ["--checkpoints", str(folder), "--runs", str(tmp_path / "no-runs")]
    return lambda *arguments: main([*folders, *map(str, arguments)])


def test_a_shell_draws_by_words(
    studio: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    asked = ["--text", "crimson glitter", "--count", 2, "--out", out]
    assert studio("generate", "colourist", *asked) == 0
    assert "Not known here: “glitter”." in capsys.readouterr().err
    assert len(list(out.glob("*.png"))) == 2
    assert (
        studio("blend", "colourist", "--seeds", 1, 2, "--texts", "red", "blue", "--out", out) == 0
    )
    assert studio("list") == 0
    assert "Draws by words, such as “red shirt”" in capsys.readouterr().out


def test_a_shell_refuses_words_for_a_generator_without(
    studio: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert studio("generate", "colour", "--text", "red", "--out", tmp_path / "out") == 1
    assert "does not draw by words" in capsys.readouterr().err
