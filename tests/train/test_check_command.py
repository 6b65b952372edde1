"""``python -m train check``: what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from image_files import encode, fill, make_zip
from product_photos import NAVY, photos, product

from train.commands import check as command
from train.data.check import check


def test_usable(tmp_path, capsys):
    assert command.main([str(photos(tmp_path))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "20 photos can be used."
    assert lines == [text for _, text in check(tmp_path).sentences]


def test_not_usable(tmp_path, capsys):
    assert command.main([str(photos(tmp_path, 3))]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "Only 3 photos can be used, and training needs at least 16."
    assert command.main([str(tmp_path / "nowhere")]) == 1
    assert "no file or folder" in capsys.readouterr().out


def test_names_are_listed(tmp_path, capsys):
    photos(tmp_path)
    fill(tmp_path, {f"x/{n:02d}.jpg": b"" for n in range(23)})
    fill(tmp_path, {"copy.png": encode(product(3)), "navy.png": encode(product(50, ground=NAVY))})
    assert command.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Exact copies:\n  copy.png: of 003.png\n" in out
    assert "Unlike the rest:\n  navy.png: it is on dark blue; most are on white\n" in out
    assert "  x/19.jpg: empty\n  and 3 more (--json has them all)\n" in out
    assert "x/20.jpg" not in out


@pytest.mark.parametrize(("count", "status"), [(20, 0), (2, 1)])
def test_json(tmp_path, capsys, count, status):
    photos(tmp_path, count, width=60)
    assert command.main([str(tmp_path), "--json", "--size", "32", "--fit", "crop"]) == status
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(check(tmp_path, size=32, fit="crop").to_dict()))
    assert found["usable"] == (status == 0)
    assert found["fit"] == "crop"


def test_json_of_nothing_parses(tmp_path, capsys):
    assert command.main([str(tmp_path), "--json"]) == 1
    assert "There are no images" in json.loads(capsys.readouterr().out)["reasons"][0]


@pytest.mark.parametrize("options", [["--size", "0"], ["--size", "x"], ["--fit", "stretch"], []])
def test_wrong_options_are_a_usage_error(tmp_path, options, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main([*([str(tmp_path)] if options else []), *options])
    assert stopped.value.code == 2
    assert "usage: python -m train check" in capsys.readouterr().err


def test_names_that_the_terminal_cannot_show(tmp_path):
    files = {f"{n:02d}.png": encode(product(n)) for n in range(16)}
    path = make_zip(tmp_path / "a.zip", files | {"鞄\u202e.jpg": b""})
    done = subprocess.run(
        [sys.executable, "-m", "train", "check", str(path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 file can't be used: ??.jpg (empty)." in done.stdout
