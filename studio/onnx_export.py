"""A generator as an ONNX file, which draws the same pictures in a browser.

The file takes what sliders move, so that directions, truncation and blends are additions before
it, and gives pixels. It is checked against the generator before it is kept.
"""

from __future__ import annotations

import copy
import hashlib
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from studio.checkpoint import Checkpoint, CheckpointError, read, update_card
from studio.errors import UserError
from studio.files import write_file_whole
from studio.generators import Generator
from studio.generators.base import to_uint8
from studio.latents import of_seed
from studio.onnx_models import bare, halved
from studio.settings import cache_folder

FILE = "generator.onnx"
STYLES, PIXELS = "styles", "pixels"
WEIGHTS = "generator_sha256"  # on the card, and in the file's metadata
HASH = "onnx_sha256"  # on the card
MOST_DIFFERENCE = 2  # levels of 255 between the file's pixels and the generator's
CHECKED_SEEDS = 8
NAME_DIGITS = 32  # of each hash in a name: 64 are too long for some file systems' paths
LONGEST_REASON = 200
# Imported where they are used only: a studio whose files are all there never needs them.
PACKAGES = ("onnx", "onnxruntime", "onnxscript")

_exporting = threading.Lock()
_failed: dict[str, str] = {}  # why, by the weights' hash


class ExportError(UserError):
    """A generator that can't be exported; the message says why, for a person."""


@dataclass(frozen=True)
class Exported:
    """A file, the SHA-256 of its bytes in hex, and how many they are."""

    path: Path
    sha256: str
    bytes: int


class Pixels(nn.Module):
    """Styles to RGBA pixels, as a canvas takes them.

    Takes float32 (1, style_dim), or (1, style_layers, style_dim) from a mapped generator, and
    returns uint8 (image_size, image_size, 4), the same numbers as :func:`to_uint8` gives.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, styles: Tensor) -> Tensor:
        picture = to_uint8(self.generator.draw(styles), self.generator.value_range)[0]
        colours = picture.expand(3, -1, -1)
        opaque = torch.full_like(colours[:1], 255)
        return torch.cat([colours, opaque]).permute(1, 2, 0)


def of_checkpoint(checkpoint: Checkpoint, generator: Generator) -> Exported:
    """The file of a checkpoint's generator: the one there is, or written now.

    One is written at a time; whoever asks for the same meanwhile gets that one. It lies in the
    checkpoint's folder, or in the cache where that can't be written to. A failure is remembered.

    Raises:
        ExportError: the generator can't be exported, or the file can't be written anywhere.
        checkpoint.CheckpointError: a training has replaced the checkpoint since it was read.
    """
    if found := find(checkpoint):
        return found
    weights = checkpoint.card[WEIGHTS]
    with _exporting:
        if found := find(checkpoint):
            return found
        if weights in _failed:
            raise ExportError(_failed[weights])
        try:
            return _keep(checkpoint, export(generator, **{WEIGHTS: weights}))
        except ExportError as error:
            _failed[weights] = str(error)
            raise


def find(checkpoint: Checkpoint) -> Exported | None:
    """The whole file of a checkpoint's weights that there is; None if there is none."""
    weights = checkpoint.card[WEIGHTS]
    if not re.fullmatch("[0-9a-f]{64}", weights):
        return None  # cards are other people's
    with suppress(CheckpointError, OSError):
        card = read(checkpoint.folder).card  # as it is now: an export adds to it
        found = _whole(checkpoint.folder / FILE, weights)
        if found and card[WEIGHTS] == weights and card.get(HASH) == found.sha256:
            return found
    with suppress(OSError):
        for path in _cache().glob(f"{weights[:NAME_DIGITS]}-*.onnx"):
            found = _whole(path, weights)
            if found and path.stem.endswith(f"-{found.sha256[:NAME_DIGITS]}"):
                return found
    return None


def _whole(path: Path, weights: str) -> Exported | None:
    """A file whose metadata says that it was made of these weights; None if it does not.

    The entry is looked for as protobuf writes it, two texts with their lengths, as this must work
    without the packages that read such files.

    Raises:
        OSError: it can't be read.
    """
    data = path.read_bytes()
    entry = b"\x0a%c%b\x12%c%b" % (len(WEIGHTS), WEIGHTS.encode(), len(weights), weights.encode())
    return Exported(path, hashlib.sha256(data).hexdigest(), len(data)) if entry in data else None


def _keep(checkpoint: Checkpoint, data: bytes) -> Exported:
    """Write a file to the checkpoint's folder and its hash on the card, or else to the cache."""
    weights, found = checkpoint.card[WEIGHTS], hashlib.sha256(data).hexdigest()
    path = checkpoint.folder / FILE
    try:
        # The card first: that fails where other weights have taken the place of these.
        update_card(checkpoint, **{HASH: found})
        write_file_whole(path, lambda file: file.write(data))
    except OSError:
        path = _cache() / f"{weights[:NAME_DIGITS]}-{found[:NAME_DIGITS]}.onnx"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file_whole(path, lambda file: file.write(data))
        except OSError as error:
            raise ExportError(f"The exported generator can't be written: {error}.") from error
    return Exported(path, found, len(data))


def _cache() -> Path:
    return cache_folder() / "networks"


def export(generator: Generator, **metadata: str) -> bytes:
    """The ONNX file of a generator in evaluation mode, with weights in float16 where they can be.

    It has one input ``styles`` and one output ``pixels``, see :class:`Pixels`; ``metadata`` is
    written into it. Half precision is given up where a pixel would change by more than 2 levels.

    Raises:
        ExportError: it can't be written as ONNX, or draws other pictures than the generator.
    """
    try:
        for package in PACKAGES:
            import_module(package)
    except ImportError as error:
        raise ExportError(
            "A generator can't be exported without the Python packages "
            f"{', '.join(PACKAGES)}; install those of requirements.txt."
        ) from error
    try:
        program = torch.onnx.export(
            # A copy: exporting swaps the weights for a while, and others may be drawing.
            Pixels(copy.deepcopy(generator)).eval(),
            (example(generator, 0),),
            input_names=[STYLES],
            output_names=[PIXELS],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # the exporter has many kinds, and wraps those of what it meets
        raise ExportError(
            f"This {generator.kind} generator can't be written as ONNX: {_reason(error)}."
        ) from error
    whole = bare(program.model_proto)
    for key, value in metadata.items():
        whole.metadata_props.add(key=key, value=value)
    for model in (halved(whole), whole):
        data = model.SerializeToString(deterministic=True)
        difference = most_difference(data, generator)
        if difference <= MOST_DIFFERENCE:
            return data
    raise ExportError(
        f"This {generator.kind} generator draws other pictures as ONNX: a pixel differs by "
        f"{difference} of 255 levels."
    )


def most_difference(data: bytes, generator: Generator) -> int:
    """The largest difference of a pixel between a file and its generator, in levels of 255.

    Raises:
        ExportError: ONNX Runtime does not draw with the file.
    """
    import onnxruntime

    examples = [example(generator, seed) for seed in range(CHECKED_SEEDS)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # it may run beside a training
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        found = [session.run([PIXELS], {STYLES: each.numpy()})[0] for each in examples]
    except Exception as error:  # its kinds have no common base
        reason = _reason(error)
        raise ExportError(f"ONNX Runtime can't draw with the exported file: {reason}.") from error
    with torch.inference_mode():
        expected = [Pixels(generator)(each).numpy() for each in examples]
    if found[0].shape != expected[0].shape:
        raise ExportError("The exported file gives pictures of another size.")
    return int(np.abs(np.stack(found).astype(int) - np.stack(expected).astype(int)).max())


@torch.no_grad()
def example(generator: Generator, seed: int) -> Tensor:
    """What a seed's design is drawn from: float32, of the shape that :class:`Pixels` takes.

    Seeds go through the classes where there are some, and through no words and single ones.
    """
    latents = torch.tensor(of_seed(seed, generator.latent_dim))[None]
    condition = None
    if generator.classes:
        condition = torch.tensor([seed % generator.classes])
    elif generator.words:
        condition = torch.zeros(1, generator.words)
        if seed:
            condition[0, seed % generator.words] = 1
    styles = generator.map(latents, condition)
    return styles[:, None].repeat(1, generator.style_layers, 1) if generator.mapped else styles


def _reason(error: BaseException) -> str:
    """What an error of a library says, at its root and in one line, as part of a sentence."""
    while error.__cause__:
        error = error.__cause__
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:LONGEST_REASON].strip().rstrip(".")
