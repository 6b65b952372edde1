"""The ONNX file of a checkpoint: made once, made anew where it must be, never another's."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnx
import pytest
from checkpoint_cards import COLOUR, Make, edit

from studio import onnx_files
from studio.__main__ import main
from studio.checkpoint import CARD, Checkpoint, CheckpointError, read
from studio.onnx_export import PACKAGES, WEIGHTS, ExportError
from studio.onnx_files import FILE, HASH, Exported
from studio.render import Renderer


@pytest.fixture(scope="module")
def exported(
    make_checkpoint: Make,
    tmp_path_factory: pytest.TempPathFactory,
    exported_by: Callable[[Checkpoint], bytes],
) -> Checkpoint:
    """A checkpoint that was exported, not to be written to."""
    found = make_checkpoint(tmp_path_factory.mktemp("exported") / "bags", COLOUR, notes="mine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_files, "exported", exported_by)
        onnx_files.of_checkpoint(found)
    return read(found.folder)


class Exporting:
    """Stands in for the export, and counts."""

    def __init__(self, data: bytes | Exception) -> None:
        self.data, self.count = data, 0
        self.export: Callable[[Checkpoint], bytes] | None = None

    def __call__(self, checkpoint: Checkpoint) -> bytes:
        self.count += 1
        if isinstance(self.data, Exception):
            raise self.data
        return self.export(checkpoint) if self.export else self.data


@pytest.fixture
def exporting(exported: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    """What would export the weights of :func:`mine`."""
    result = Exporting((exported.folder / FILE).read_bytes())
    monkeypatch.setattr(onnx_files, "exported", result)
    return result


@pytest.fixture
def mine(exported: Checkpoint, tmp_path: Path) -> Checkpoint:
    """A copy of :func:`exported` for each test, which may break it."""
    return read(shutil.copytree(exported.folder, tmp_path / "all" / "bags"))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache of its own for each test, which also knows of no failure before it."""
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(onnx_files, "_failed", {})
    return tmp_path / "cache"


def of(checkpoint: Checkpoint) -> Exported:
    return onnx_files.of_checkpoint(checkpoint)


def test_a_failure_is_not_tried_again(mine: Checkpoint, exporting: Exporting) -> None:
    (mine.folder / FILE).unlink()
    exporting.data = ExportError("This one can't be.")
    for _ in range(2):
        with pytest.raises(ExportError, match=r"^This one can't be\.$"):
            of(mine)
    assert exporting.count == 1
    assert read(mine.folder).card == mine.card


# --- the file of a checkpoint ------------------------------------------------------------------


def test_a_checkpoint_gains_its_file(exported: Checkpoint) -> None:
    model = onnx.load(exported.folder / FILE)
    named = {each.key: each.value for each in model.metadata_props}
    assert named == {WEIGHTS: exported.card[WEIGHTS]}
    assert exported.card["notes"] == "mine" and exported.card["title"] == "Bags"
    assert sorted(path.name for path in exported.folder.iterdir()) == [
        *(CARD, "discriminator.safetensors", FILE, "generator.safetensors", "preview.jpg")
    ]


def test_a_file_that_is_there_is_taken_without_the_packages(
    mine: Checkpoint, exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    data = (mine.folder / FILE).read_bytes()
    assert of(mine) == Exported(mine.folder / FILE, mine.card[HASH], len(data))
    assert exporting.count == 0


def damage_cut(found: Checkpoint) -> None:
    path = found.folder / FILE
    path.write_bytes(path.read_bytes()[:-1])


def damage_changed(found: Checkpoint) -> None:
    data = bytearray((found.folder / FILE).read_bytes())
    data[len(data) // 2] ^= 1
    (found.folder / FILE).write_bytes(data)


def damage_gone(found: Checkpoint) -> None:
    (found.folder / FILE).unlink()


def damage_unlisted(found: Checkpoint) -> None:
    edit(found, **{HASH: None})


def damage_foreign(found: Checkpoint) -> None:
    """A whole file of other weights, which the card knows."""
    data = (found.folder / FILE).read_bytes().replace(found.card[WEIGHTS].encode(), b"0" * 64)
    (found.folder / FILE).write_bytes(data)
    edit(found, **{HASH: hashlib.sha256(data).hexdigest()})


@pytest.mark.parametrize(
    "damage",
    [damage_cut, damage_changed, damage_gone, damage_unlisted, damage_foreign],
    ids=lambda each: each.__name__[7:],
)
def test_a_file_that_does_not_belong_is_made_anew(
    mine: Checkpoint, exporting: Exporting, damage: Callable[[Checkpoint], None]
) -> None:
    damage(mine)
    assert onnx_files.find(mine) is None
    found = of(read(mine.folder))
    assert exporting.count == 1
    assert (mine.folder / FILE).read_bytes() == exporting.data
    now = read(mine.folder).card
    assert now == mine.card and now[HASH] == found.sha256
    assert onnx_files.find(mine) == found


def test_a_card_read_before_the_export_will_do(mine: Checkpoint, exporting: Exporting) -> None:
    (mine.folder / FILE).unlink()
    edit(mine, **{HASH: "0" * 64})
    before = read(mine.folder)
    assert of(before) == of(before) == onnx_files.find(before)
    assert exporting.count == 1


def test_those_who_ask_meanwhile_get_the_same(mine: Checkpoint, exporting: Exporting) -> None:
    (mine.folder / FILE).unlink()
    data, both = exporting.data, threading.Barrier(3)

    def ask(_: int) -> Exported:
        both.wait()
        return onnx_files.of_checkpoint(mine)

    with ThreadPoolExecutor(3) as pool:
        results = set(pool.map(ask, range(3)))
    assert results == {Exported(mine.folder / FILE, mine.card[HASH], len(data))}
    assert exporting.count == 1


def test_a_checkpoint_that_was_replaced_gets_no_file(
    mine: Checkpoint, exporting: Exporting, make_checkpoint: Make
) -> None:
    now = make_checkpoint(mine.folder, COLOUR, seed=9)
    with pytest.raises(CheckpointError, match="trained on in the meantime"):
        onnx_files.of_checkpoint(mine)
    assert read(now.folder).card == now.card and not (now.folder / FILE).exists()


def test_what_cannot_lie_in_its_folder_lies_in_the_cache(
    mine: Checkpoint, exporting: Exporting, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine.folder / FILE).unlink()
    card = (mine.folder / CARD).read_bytes()

    def refuse(path: Path, write: Any) -> None:
        raise PermissionError("Read-only file system")

    monkeypatch.setattr("studio.checkpoint.write_file_whole", refuse)
    found = of(mine)
    assert found.path.parent == own_cache / "networks"
    assert found.path.name.startswith(mine.card[WEIGHTS][:32])
    assert found.path.read_bytes() == exporting.data
    assert found == of(mine) == onnx_files.find(mine)
    assert exporting.count == 1
    assert not (mine.folder / FILE).exists() and (mine.folder / CARD).read_bytes() == card

    found.path.write_bytes(found.path.read_bytes()[:-1])
    assert onnx_files.find(mine) is None
    assert of(mine) == found and exporting.count == 2

    found.path.unlink()
    monkeypatch.setattr(onnx_files, "write_file_whole", refuse)
    for _ in range(2):
        with pytest.raises(ExportError, match=r"can't be written: Read-only file system\.$"):
            of(mine)
    assert exporting.count == 3


@pytest.mark.parametrize("weights", ["../../../" + "x" * 55, "*" * 64, "é" * 64, "\0" * 64])
def test_a_hostile_card_finds_nothing(mine: Checkpoint, own_cache: Path, weights: str) -> None:
    (own_cache / "networks").mkdir(parents=True)
    shutil.copy(mine.folder / FILE, own_cache / "networks" / "x-y.onnx")
    edit(mine, **{WEIGHTS: weights})
    assert onnx_files.find(read(mine.folder)) is None


# --- from a shell ------------------------------------------------------------------------------


def test_export_from_a_shell(
    mine: Checkpoint, exporting: Exporting, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (mine.folder / FILE).unlink()
    folders = ["--checkpoints", str(tmp_path / "all"), "--runs", str(tmp_path / "none")]
    assert main([*folders, "export", "bags"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{mine.folder / FILE}  0.0 MB  differs by at most ")
    assert said.endswith(" of 255 levels\n") and (mine.folder / FILE).exists()

    (mine.folder / FILE).unlink()
    exporting.data = ExportError("This one can't be.")
    assert main([*folders, "export", "bags"]) == 1
    assert main([*folders, "export", "boots"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == "studio: This one can't be." and "'boots' is not here" in second


def test_a_renderer_exports_what_it_draws_with(
    mine: Checkpoint, exporting: Exporting, make_checkpoint: Make, tmp_path: Path
) -> None:
    renderer = Renderer(tmp_path / "all")
    assert renderer.network("bags").sha256 == mine.card[HASH]
    now = make_checkpoint(mine.folder, COLOUR, seed=9)
    exporting.data = exporting.data.replace(mine.card[WEIGHTS].encode(), now.card[WEIGHTS].encode())
    found = renderer.network("bags")
    assert read(now.folder).card[HASH] == found.sha256 != mine.card[HASH]
    assert json.loads((now.folder / CARD).read_text())["title"] == now.title


def test_what_is_replaced_while_it_is_exported_is_exported_anew(
    mine: Checkpoint, exporting: Exporting, make_checkpoint: Make, tmp_path: Path
) -> None:
    data, seeds = exporting.data, iter((9, 10))

    def export(checkpoint: Checkpoint) -> bytes:
        before = mine.card[WEIGHTS]
        if seed := next(seeds, None):  # a training saves meanwhile
            make_checkpoint(mine.folder, COLOUR, seed=seed)
        return data.replace(before.encode(), checkpoint.card[WEIGHTS].encode())

    exporting.export = export
    (mine.folder / FILE).unlink()
    found = Renderer(tmp_path / "all").network("bags")
    now = read(mine.folder)
    assert now.card[HASH] == found.sha256 and now.card[WEIGHTS] != mine.card[WEIGHTS]
    assert exporting.count == 3


# --- the process that makes it -----------------------------------------------------------------


def test_why_it_failed_is_what_the_process_said(mine: Checkpoint) -> None:
    (mine.folder / FILE).unlink()
    (mine.folder / "generator.safetensors").write_bytes(b"")
    with pytest.raises(ExportError, match="not the file its card describes"):
        of(mine)


def test_a_process_that_dies_is_a_sentence(
    mine: Checkpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (mine.folder / FILE).unlink()
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(ExportError, match=r"^The export ended with 1\.$"):
        of(mine)
    monkeypatch.setattr(onnx_files, "_failed", {})
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with pytest.raises(ExportError, match=r"^The export was given up: "):
        of(mine)


@pytest.mark.parametrize("same", [False, True])
def test_what_fails_as_it_is_replaced_may_be_tried_again(
    mine: Checkpoint, exporting: Exporting, make_checkpoint: Make, tmp_path: Path, same: bool
) -> None:
    copy = shutil.copytree(mine.folder, tmp_path / "copy")

    def export(checkpoint: Checkpoint) -> bytes:
        if same:  # removed, and put back
            shutil.rmtree(mine.folder)
            shutil.copytree(copy, mine.folder, copy_function=shutil.copyfile)
            (mine.folder / FILE).unlink()
        else:
            make_checkpoint(mine.folder, COLOUR, seed=9)
        raise ExportError("Half of each.")

    exporting.export = export
    (mine.folder / FILE).unlink()
    with pytest.raises(CheckpointError, match="Half of each"):
        of(mine)
