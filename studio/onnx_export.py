"""A generator as an ONNX file, which draws the same pictures in a browser.

The file takes what sliders move, so that directions, truncation and blends are additions before
it, and gives pixels. It is checked against the generator before it is used.

``python -m studio.onnx_export FOLDER FILE`` exports a checkpoint; see :mod:`studio.onnx_files` for
whoever just wants its file.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from studio.checkpoint import read
from studio.errors import UserError
from studio.generators import Generator
from studio.generators.base import to_uint8
from studio.latents import of_seed
from studio.onnx_models import bare, halved

if TYPE_CHECKING:
    from onnx import ModelProto

STYLES, PIXELS = "styles", "pixels"
WEIGHTS = "generator_sha256"  # on the card, and in the file's metadata
MOST_DIFFERENCE = 2  # levels of 255 between the file's pixels and the generator's
CHECKED_SEEDS = 8
LONGEST_REASON = 200
# Imported where they are used only: a studio whose files are all there never needs them.
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


class ExportError(UserError):
    """A generator that can't be exported; the message says why, for a person."""


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


def export(generator: Generator, **metadata: str) -> bytes:
    """The ONNX file of a generator in evaluation mode, with weights of 16 bits where they can be.

    It has one input ``styles`` and one output ``pixels``, see :class:`Pixels`; ``metadata`` is
    written into it. Sixteen bits are given up where a pixel would change by more than 2 levels.
    It keeps the process busy for seconds and some 400 MB of its memory for good, and nothing else
    may draw with the generator meanwhile.

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
    whole = bare(as_model(generator))
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


def as_model(generator: Generator) -> ModelProto:
    """A generator as torch writes it.

    Raises:
        ExportError: it can't be written as ONNX.
    """
    try:
        program = torch.onnx.export(
            Pixels(generator).eval(),
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
    assert program is not None, "dynamo's exporter returns a program"
    return program.model_proto


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
    return generator.per_layer(styles).clone() if generator.mapped else styles


def _reason(error: BaseException) -> str:
    """What an error of a library says, at its root and in one line, as part of a sentence."""
    while error.__cause__:
        error = error.__cause__
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:LONGEST_REASON].strip().rstrip(".")


def main(folder: str, file: str) -> str | None:
    """Export the checkpoint in a folder to a file; returns what is wrong, if anything is."""
    try:
        checkpoint = read(folder)
        weights = {WEIGHTS: checkpoint.card[WEIGHTS]}
        Path(file).write_bytes(export(checkpoint.load_generator(), **weights))
    except UserError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
