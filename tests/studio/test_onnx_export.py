"""A generator as an ONNX file: the same pictures, made once, and made anew where it must be."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from checkpoint_cards import COLOUR, Make, edit

from studio import onnx_export
from studio.__main__ import main
from studio.checkpoint import CARD, Checkpoint, CheckpointError, read
from studio.generators import Generator, build
from studio.generators.base import to_uint8
from studio.latents import of_seed
from studio.onnx_export import FILE, HASH, PACKAGES, WEIGHTS, Exported, ExportError
from studio.render import Renderer

LAYERED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 8, 6]}
CONFIGS: dict[str, dict[str, Any]] = {
    "dcgan": COLOUR,
    "mlp": {"kind": "mlp", "latent_dim": 6, "widths": [16, 24], "channels": 1, "output": "sigmoid"},
    "style": {"kind": "style", **LAYERED, "classes": 3},
    "self-modulated": {"kind": "self-modulated", **LAYERED, "start": 7, "channels": 1},
    "self-modulated of words": {"kind": "self-modulated", **LAYERED, "words": 5},
}
KINDS = (*CONFIGS, "dcgan of words")


@pytest.fixture(scope="module")
def generators(
    make_generator: Callable[..., Generator],
    make_colourist: Callable[..., Checkpoint],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Generator]:
    """``generators(kind)``: a tiny one of each kind."""

    def worded(config: dict[str, Any]) -> Generator:
        network = build(config)
        with torch.no_grad():
            for _ in range(20):  # as long as batch norms need to settle
                network(torch.randn(64, network.latent_dim), torch.rand(64, network.words))
        return network.eval()

    @cache
    def of(kind: str) -> Generator:
        if kind not in CONFIGS:
            return make_colourist(tmp_path_factory.mktemp("words") / "one").load_generator()
        return worded(CONFIGS[kind]) if "words" in kind else make_generator(CONFIGS[kind], 3)

    return of


@pytest.fixture(scope="module")
def files(generators: Callable[[str], Generator]) -> Callable[[str], bytes]:
    """``files(kind)``: its file, which takes seconds."""
    return cache(lambda kind: onnx_export.export(generators(kind)))


@pytest.fixture(scope="module")
def exported(make_checkpoint: Make, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A checkpoint that was exported, not to be written to."""
    found = make_checkpoint(tmp_path_factory.mktemp("exported") / "bags", COLOUR, notes="mine")
    onnx_export.of_checkpoint(found, found.load_generator())
    return read(found.folder)


class Exporting:
    """Stands in for the export, and counts."""

    def __init__(self, data: bytes | Exception) -> None:
        self.data, self.count = data, 0

    def __call__(self, generator: Generator, **metadata: str) -> bytes:
        self.count += 1
        if isinstance(self.data, Exception):
            raise self.data
        return self.data


@pytest.fixture
def exporting(exported: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> Exporting:
    """What would export the weights of :func:`mine`."""
    result = Exporting((exported.folder / FILE).read_bytes())
    monkeypatch.setattr(onnx_export, "export", result)
    return result


@pytest.fixture
def mine(exported: Checkpoint, tmp_path: Path) -> Checkpoint:
    """A copy of :func:`exported` for each test, which may break it."""
    return read(shutil.copytree(exported.folder, tmp_path / "all" / "bags"))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache of its own for each test, which also knows of no failure before it."""
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(onnx_export, "_failed", {})
    return tmp_path / "cache"


def of(checkpoint: Checkpoint) -> Exported:
    return onnx_export.of_checkpoint(checkpoint, checkpoint.load_generator())


def opened(data: bytes | Path) -> onnxruntime.InferenceSession:
    data = data if isinstance(data, bytes) else data.read_bytes()
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


# --- what is exported --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_draws_the_generators_pictures(
    generators: Callable[[str], Generator], files: Callable[[str], bytes], kind: str
) -> None:
    generator, session = generators(kind), opened(files(kind))
    (styles,), (pixels,) = session.get_inputs(), session.get_outputs()
    layers = [generator.style_layers] if generator.mapped else []
    assert (styles.name, styles.shape) == ("styles", [1, *layers, generator.style_dim])
    assert (pixels.name, pixels.type) == ("pixels", "tensor(uint8)")
    assert pixels.shape == [generator.image_size, generator.image_size, 4]
    random = np.random.default_rng(7)
    scale = onnx_export.example(generator, 1).std().item()
    for seed in range(20, 28):  # not those that the export itself looks at
        given = onnx_export.example(generator, seed).numpy()
        given = given + scale * random.normal(0, 0.5, given.shape).astype(np.float32)
        (found,) = session.run(["pixels"], {"styles": given})
        with torch.inference_mode():
            drawn = to_uint8(generator.draw(torch.tensor(given)), generator.value_range)[0]
        expected = np.broadcast_to(drawn.permute(1, 2, 0).numpy(), (*drawn.shape[1:], 3))
        assert expected.std() > 5
        assert np.abs(found[..., :3].astype(int) - expected.astype(int)).max() <= 2
        assert (found[..., 3] == 255).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_holds_nothing_of_this_machine(files: Callable[[str], bytes], kind: str) -> None:
    data = files(kind)
    assert b".py" not in data and str(Path.home()).encode() not in data
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)


def test_each_condition_is_looked_at(generators: Callable[[str], Generator]) -> None:
    for kind, condition in (
        ("style", torch.tensor([2])),
        ("dcgan of words", torch.tensor([[0.0, 0, 0, 0]])),
        ("self-modulated of words", torch.tensor([[0.0, 0, 0, 1, 0]])),
    ):
        generator = generators(kind)
        seed = int(condition[0].argmax()) if condition.dim() > 1 else 5
        with torch.no_grad():
            latents = torch.tensor(of_seed(seed, generator.latent_dim))[None]
            expected = generator.map(latents, condition)
        for layer in range(generator.style_layers):
            assert torch.equal(onnx_export.example(generator, seed)[:, layer], expected)


def test_large_weights_are_stored_in_half(files: Callable[[str], bytes]) -> None:
    types = {each.data_type for each in onnx.load_from_string(files("dcgan")).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in types
    for each in onnx.load_from_string(files("dcgan")).graph.initializer:
        assert each.data_type != onnx.TensorProto.FLOAT or np.prod(each.dims) < 64


def test_half_is_given_up_where_pixels_change_too_much(
    generators: Callable[[str], Generator],
    files: Callable[[str], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half, differences = files("dcgan"), [3, 2]
    monkeypatch.setattr(onnx_export, "most_difference", lambda *given: differences.pop(0))
    data = onnx_export.export(generators("dcgan"), made="here")
    model = onnx.load_from_string(data)
    types = {each.data_type for each in model.graph.initializer}
    assert onnx.TensorProto.FLOAT16 not in types
    assert len(data) > len(half)
    assert {each.key: each.value for each in model.metadata_props} == {"made": "here"}


def test_weights_beyond_halfs_range_stay_as_they_are(
    generators: Callable[[str], Generator],
) -> None:
    from onnx import helper, numpy_helper

    from studio.onnx_models import halved

    values = {"large": np.full(64, 1e5, np.float32), "small": np.full(64, 0.1, np.float32)}
    weights = [numpy_helper.from_array(each, name) for name, each in values.items()]
    node = helper.make_node("Add", ["large", "small"], ["sum"])
    output = helper.make_tensor_value_info("sum", onnx.TensorProto.FLOAT, [64])
    model = helper.make_model(
        helper.make_graph([node], "it", [], [output], weights),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    half = halved(model)
    assert {each.name for each in half.graph.initializer} == {"large", "small_half"}
    assert {each.name for each in model.graph.initializer} == {"large", "small"}
    (found,) = opened(half.SerializeToString()).run(None, {})
    np.testing.assert_array_equal(found, np.float32(1e5) + np.float32(np.float16(0.1)))


def test_others_may_draw_meanwhile(generators: Callable[[str], Generator]) -> None:
    generator, over = generators("mlp"), threading.Event()
    styles = onnx_export.example(generator, 1)
    expected = generator.draw(styles)

    def drawing() -> int:
        count = 0
        while not over.is_set():
            found = generator.draw(styles)
            assert type(found) is torch.Tensor and torch.equal(found, expected)
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        drawn = pool.submit(drawing)
        onnx_export.export(generator)
        over.set()
    assert drawn.result() > 3


# --- what can't be exported --------------------------------------------------------------------


def test_what_cannot_be_written_says_why(
    make_generator: Callable[..., Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = make_generator(COLOUR, 3)

    def draw(styles: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("this layer is\nnot known.")

    monkeypatch.setattr(generator, "draw", draw)
    with pytest.raises(ExportError) as caught:
        onnx_export.export(generator)
    said = "This dcgan generator can't be written as ONNX: this layer is."
    assert str(caught.value) == said


def test_what_draws_other_pictures_is_not_kept(
    generators: Callable[[str], Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "MOST_DIFFERENCE", -1)
    with pytest.raises(ExportError, match=r"other pictures as ONNX: .* by \d+ of 255 levels\.$"):
        onnx_export.export(generators("dcgan"))


def test_differences_are_found(
    generators: Callable[[str], Generator],
    files: Callable[[str], bytes],
    make_generator: Callable[..., Generator],
) -> None:
    assert onnx_export.most_difference(files("dcgan"), generators("dcgan")) <= 2
    assert onnx_export.most_difference(files("dcgan"), make_generator(COLOUR, 4)) > 50
    larger = make_generator({**COLOUR, "widths": [8, 8, 8]}, 4)
    with pytest.raises(ExportError, match="another size"):
        onnx_export.most_difference(files("dcgan"), larger)
    with pytest.raises(ExportError, match="ONNX Runtime can't draw with the exported file: "):
        onnx_export.most_difference(b"no model", generators("dcgan"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_missing_package_is_said(
    generators: Callable[[str], Generator], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExportError, match=f"without the Python packages .*{package}"):
        onnx_export.export(generators("dcgan"))


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
    assert onnx_export.find(mine) is None
    found = of(read(mine.folder))
    assert exporting.count == 1
    assert (mine.folder / FILE).read_bytes() == exporting.data
    now = read(mine.folder).card
    assert now == mine.card and now[HASH] == found.sha256
    assert onnx_export.find(mine) == found


def test_a_card_read_before_the_export_will_do(mine: Checkpoint, exporting: Exporting) -> None:
    (mine.folder / FILE).unlink()
    edit(mine, **{HASH: "0" * 64})
    before = read(mine.folder)
    assert of(before) == of(before) == onnx_export.find(before)
    assert exporting.count == 1


def test_those_who_ask_meanwhile_get_the_same(mine: Checkpoint, exporting: Exporting) -> None:
    (mine.folder / FILE).unlink()
    generator = mine.load_generator()
    data, both = exporting.data, threading.Barrier(3)

    def ask(_: int) -> Exported:
        both.wait()
        return onnx_export.of_checkpoint(mine, generator)

    with ThreadPoolExecutor(3) as pool:
        results = set(pool.map(ask, range(3)))
    assert results == {Exported(mine.folder / FILE, mine.card[HASH], len(data))}
    assert exporting.count == 1


def test_a_checkpoint_that_was_replaced_gets_no_file(
    mine: Checkpoint, exporting: Exporting, make_checkpoint: Make
) -> None:
    generator = mine.load_generator()
    now = make_checkpoint(mine.folder, COLOUR, seed=9)
    with pytest.raises(CheckpointError, match="trained on in the meantime"):
        onnx_export.of_checkpoint(mine, generator)
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
    assert found == of(mine) == onnx_export.find(mine)
    assert exporting.count == 1
    assert not (mine.folder / FILE).exists() and (mine.folder / CARD).read_bytes() == card

    found.path.write_bytes(found.path.read_bytes()[:-1])
    assert onnx_export.find(mine) is None
    assert of(mine) == found and exporting.count == 2

    found.path.unlink()
    monkeypatch.setattr(onnx_export, "write_file_whole", refuse)
    for _ in range(2):
        with pytest.raises(ExportError, match=r"can't be written: Read-only file system\.$"):
            of(mine)
    assert exporting.count == 3


@pytest.mark.parametrize("weights", ["../../../" + "x" * 55, "*" * 64, "é" * 64, "\0" * 64])
def test_a_hostile_card_finds_nothing(mine: Checkpoint, own_cache: Path, weights: str) -> None:
    (own_cache / "networks").mkdir(parents=True)
    shutil.copy(mine.folder / FILE, own_cache / "networks" / "x-y.onnx")
    edit(mine, **{WEIGHTS: weights})
    assert onnx_export.find(read(mine.folder)) is None


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
