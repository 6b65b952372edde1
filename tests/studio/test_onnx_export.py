"""A generator as an ONNX file draws the same pictures, or it is said why there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from checkpoint_cards import COLOUR, Make

from studio import onnx_export
from studio.checkpoint import Checkpoint
from studio.generators import Generator, build
from studio.generators.base import to_uint8
from studio.latents import of_seed
from studio.onnx_export import PACKAGES, ExportError
from studio.onnx_models import HALVED_FROM, halved

# Two sizes of picture, as each further one would take torch another second to write.
LAYERED = {"latent_dim": 6, "style_dim": 10, "widths": [8, 6]}
CONFIGS: dict[str, dict[str, Any]] = {
    "dcgan": COLOUR,
    "mlp": {"kind": "mlp", "latent_dim": 6, "widths": [16, 24], "channels": 1, "output": "sigmoid"},
    "style": {"kind": "style", **LAYERED, "classes": 3},
    "self-modulated": {"kind": "self-modulated", **LAYERED, "start": 7, "channels": 1},
    "self-modulated of words": {"kind": "self-modulated", **LAYERED, "words": 5},
    "style of photos": {"kind": "style", **LAYERED, "prior": 2},
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
def files(
    generators: Callable[[str], Generator], another: ProcessPoolExecutor
) -> Callable[[str], bytes]:
    """``files(kind)``: its file, which takes seconds."""
    return cache(lambda kind: another.submit(onnx_export.export, generators(kind)).result())


@pytest.fixture(scope="module")
def dcgan(generators: Callable[[str], Generator], another: ProcessPoolExecutor) -> onnx.ModelProto:
    """A DCGAN as torch writes it."""
    return another.submit(onnx_export.as_model, generators("dcgan")).result()


@pytest.fixture
def written(dcgan: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch would write, to go on with here; each gets its own, which it may change."""

    def as_model(generator: Generator) -> onnx.ModelProto:
        model = onnx.ModelProto()
        model.CopyFrom(dcgan)
        return model

    monkeypatch.setattr(onnx_export, "as_model", as_model)


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


def test_large_weights_are_stored_in_16_bits(files: Callable[[str], bytes]) -> None:
    types = {each.data_type for each in onnx.load_from_string(files("dcgan")).graph.initializer}
    assert onnx.TensorProto.INT16 in types
    for each in onnx.load_from_string(files("dcgan")).graph.initializer:
        assert each.data_type != onnx.TensorProto.FLOAT or np.prod(each.dims) < HALVED_FROM


def test_16_bits_are_given_up_where_pixels_change_too_much(
    generators: Callable[[str], Generator],
    files: Callable[[str], bytes],
    written: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half, differences = files("dcgan"), [3, 2]
    monkeypatch.setattr(onnx_export, "most_difference", lambda *given: differences.pop(0))
    data = onnx_export.export(generators("dcgan"), made="here")
    model = onnx.load_from_string(data)
    types = {each.data_type for each in model.graph.initializer}
    assert onnx.TensorProto.INT16 not in types
    assert len(data) > len(half)
    assert {each.key: each.value for each in model.metadata_props} == {"made": "here"}


def test_each_row_of_a_weight_has_a_scale_and_what_is_not_finite_stays(
    generators: Callable[[str], Generator],
) -> None:
    from onnx import helper, numpy_helper

    random = np.random.default_rng(0)
    rows = random.standard_normal((4, HALVED_FROM // 4)).astype(np.float32)
    rows *= np.array([[1e5], [1.0], [1e-4], [0.0]], np.float32)
    values = {
        "rows": rows,
        "line": random.standard_normal(HALVED_FROM).astype(np.float32),
        "endless": np.full((4, HALVED_FROM // 4), np.inf, np.float32),
    }
    weights = [numpy_helper.from_array(each, name) for name, each in values.items()]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in values]
    outputs = [
        helper.make_tensor_value_info(f"{name}_out", onnx.TensorProto.FLOAT, each.shape)
        for name, each in values.items()
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "it", [], outputs, weights),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    half = halved(model)
    named = {each.name: each.data_type for each in half.graph.initializer}
    assert named["rows_whole"] == named["line_whole"] == onnx.TensorProto.INT16
    assert "rows" not in named and named["endless"] == onnx.TensorProto.FLOAT
    assert {each.name for each in model.graph.initializer} == set(values)
    found = opened(half.SerializeToString()).run(None, {})
    for (name, wanted), got in zip(values.items(), found, strict=True):
        if name == "endless":
            assert np.isinf(got).all()
            continue
        most = np.abs(wanted).max(-1, keepdims=True)
        assert (np.abs(got - wanted) <= most / 65_000).all()


# --- what can't be exported --------------------------------------------------------------------


def test_what_cannot_be_written_says_why(
    make_generator: Callable[..., Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any, **options: Any) -> NoReturn:
        try:
            raise NotImplementedError("\x1b[31mthis layer is\x1b[0m\nnot known.")
        except NotImplementedError as error:
            raise RuntimeError("Failed to export the model.") from error

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ExportError) as caught:
        onnx_export.export(make_generator(COLOUR, 3))
    said = "This dcgan generator can't be written as ONNX: this layer is."
    assert str(caught.value) == said


def test_what_draws_other_pictures_is_not_kept(
    generators: Callable[[str], Generator], written: None, monkeypatch: pytest.MonkeyPatch
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


def test_a_process_of_its_own_exports_a_checkpoint(
    make_checkpoint: Make, another: ProcessPoolExecutor, tmp_path: Path
) -> None:
    found = make_checkpoint(tmp_path / "bags", COLOUR)
    file = tmp_path / "bags.onnx"
    assert another.submit(onnx_export.main, str(found.folder), str(file)).result() is None
    assert onnx_export.most_difference(file.read_bytes(), found.load_generator()) <= 2
    (found.folder / "generator.safetensors").write_bytes(b"")
    assert "not the file its card describes" in str(onnx_export.main(str(found.folder), str(file)))
