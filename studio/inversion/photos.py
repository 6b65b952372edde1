"""From a photo to a design that all of the studio works with."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from studio import photos
from studio.checkpoint import listed
from studio.design import Design, PhotoError, from_dict
from studio.framing import framed
from studio.generators.base import from_uint8
from studio.generators.coded import CodedGenerator
from studio.inversion import loading
from studio.inversion.packing import Packing
from studio.render import Renderer

MAX_BYTES = 32 * 2**20
GROUND = 240  # what the photos of a generator lie on whose card does not say
GUESSES, GUESS_TIMES = 16, (0.2, 0.9)  # by which a category is guessed, from noise to style


def from_photo(
    renderer: Renderer, generator: str, data: bytes, *, name: str = "", label: int | None = None
) -> Design:
    """The design of a photo of one thing: without sliders, its picture is what the codec makes.

    Args:
        renderer: where the generator is.
        generator: the name of a coded one that has its encoder of photos.
        data: the photo's file.
        name: of the file; only its suffix counts, where it is one of a camera's raw files.
        label: which category it is of; without, the likeliest where there are some.

    Raises:
        PhotoError: the file can't be read as a photo, or the generator takes none.
        DesignError: there is no such generator here.
        checkpoint.CheckpointError: its files are damaged.
    """
    opened = renderer.open(generator)
    network = opened.generator
    encoders = {}
    if isinstance(network, CodedGenerator):
        encoders = dict(loading.of_checkpoint(opened.checkpoint, network).items())
    if loading.PHOTO not in encoders or not isinstance(network, CodedGenerator):
        raise PhotoError(without_encoder(renderer, generator))
    pixels = read(data, name, network.image_size, ground_of(opened.checkpoint.card))
    with torch.inference_mode():
        photo = from_uint8(torch.from_numpy(pixels)[None], (-1.0, 1.0))
        code = encoders[loading.PHOTO](photo)[0]
        if label is None and network.classes:
            label = likeliest(network, network.synthesis.styles(code[None]))
    text = Packing(network).pack(code)
    # Checked, so that whatever is made here can be opened again.
    return renderer.stamped(from_dict(Design(generator, label=label, photo=text).to_dict()))


def read(data: bytes, name: str, size: int, ground: int) -> np.ndarray:
    """A photo's file as an encoder takes it: uint8 (3, size, size), framed.

    Raises:
        PhotoError: it is too large, or no picture that can be read.
    """
    if len(data) > MAX_BYTES:
        most = MAX_BYTES // 2**20
        raise PhotoError(f"This photo is larger than {most} MB; choose a smaller copy of it.")

    def look(image: Image.Image, native: tuple[int, int]) -> np.ndarray:
        return framed(image, size, ground)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters of that ends up in the reason
        found = photos.read(partial(io.BytesIO, data), name, look, size)
    if isinstance(found, str):
        # Some reasons say what to do.
        advice = "" if ";" in found else "; choose another, or save it anew as a JPEG or PNG"
        advice = "; choose a smaller copy of it" if found == photos.TOO_LARGE else advice
        raise PhotoError(f"This photo can't be used ({found}){advice}.")
    return found


@torch.inference_mode()
def likeliest(generator: CodedGenerator, style: Tensor) -> int:
    """The category by which the flow tells best how noise moves to a style (1, style_dim).

    A diffusion classifier (Li et al., 2023), with the same noise each time. Components count by how
    much of a picture they carry, as when the flow learnt.
    """
    flow, synthesis = generator.flow, generator.synthesis
    carried = (synthesis.components * synthesis.worth).flatten(1).norm(dim=1)
    random = torch.Generator().manual_seed(0)
    times = torch.linspace(*GUESS_TIMES, GUESSES)[:, None]
    point = (style - flow.mean) / flow.deviation
    noise = torch.randn(GUESSES, flow.dim, generator=random)
    share = flow.share(times)
    between = (1 - share) * noise + share * point
    labels = torch.arange(generator.classes).repeat_interleave(GUESSES)
    count = generator.classes
    told = flow.told(labels, len(labels), style.device)
    found = flow.velocity(between.repeat(count, 1), times[:, 0].repeat(count), told)
    wrong = (found - (point - noise).repeat(count, 1)).square() @ carried
    return int(wrong.view(count, GUESSES).sum(1).argmin())


def ground_of(card: Mapping[str, Any]) -> int:
    """The grey, 1..255, that the photos of a card's generator lie on."""
    data = card.get("data")
    ground = data.get("ground") if isinstance(data, dict) else None
    return ground if isinstance(ground, int) and 1 <= ground <= 255 else GROUND


def without_encoder(renderer: Renderer, generator: str) -> str:
    """A sentence that a generator takes no photos, and which do."""
    found = [name for name, each in renderer.checkpoints().items() if loading.takes_photos(each)]
    others = f"{listed(found)} {'does' if len(found) == 1 else 'do'}" if found else "none here does"
    return f"The generator {generator} takes no photos; {others}."
