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
from studio.generators.base import from_uint8
from studio.generators.coded import CodedGenerator
from studio.inversion import loading
from studio.inversion.packing import Packing
from studio.render import Renderer

MAX_BYTES = 32 * 2**20
GROUND = 240  # what the photos of a generator lie on whose card does not say
# Of a square's side, how long the longer side of a thing is in photos that generators learn from.
FILLED, FILLED_LEAST, FILLED_MOST = 0.89, 0.86, 0.93
OFF_CENTRE = 0.03  # of the side
SKETCH = 256  # pixels of the longer side, in which a thing is looked for
EVEN = 12  # levels from the border's median, within which its pixels are of a plain ground
LEAST_EVEN = 0.95  # the share of a plain border that is
APART = 8  # levels from the ground, from which a pixel of the sketch is of the thing
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
    """A photo's file as an encoder takes it: uint8 (3, size, size), see :func:`framed`.

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


def framed(image: Image.Image, size: int, ground: int) -> np.ndarray:
    """A photo as training photos are framed and on their ground: uint8 (3, size, size).

    On a plain ground, the thing is put in the middle of a square whose side it fills as it does in
    those; a square in which it does so already stays whole. Where the border is not plain the
    whole photo is kept, padded to a square with ``ground`` (a grey, 1..255).
    """
    flat, turn = photos.flatten(image)
    flat = photos.turned(flat.reduce(max(1, max(flat.size) // (8 * size))), turn)
    flat = photos.on_ground(flat, ground).convert("RGB")
    colour, box = thing(flat)
    if box is None:
        return photos.prepare(flat, size, 3, "pad", ground)
    left, top, right, bottom = box
    longest, middle = max(right - left, bottom - top), ((left + right) / 2, (top + bottom) / 2)
    off = max(abs(at - side / 2) for at, side in zip(middle, flat.size, strict=True))
    side = max(flat.size)
    whole = FILLED_LEAST * side <= longest <= FILLED_MOST * side and off <= OFF_CENTRE * side
    if flat.width != flat.height or not whole:
        side = max(1, round(longest / FILLED))
        square = Image.new("RGB", (side, side), colour)
        square.paste(flat, (round(side / 2 - middle[0]), round(side / 2 - middle[1])))
        flat = square
    return photos.prepare(flat, size, 3)


def thing(flat: Image.Image) -> tuple[tuple[int, ...], tuple[float, float, float, float] | None]:
    """The colour of an RGB photo's border, and left, top, right and bottom of what lies on it.

    There is no box where the border is not plain, or nothing stands out from it.
    """
    share = min(1.0, SKETCH / max(flat.size))
    width, height = (max(1, round(side * share)) for side in flat.size)
    # Means of many pixels: noise and what JPEG made of edges is no thing.
    pixels = np.asarray(flat.resize((width, height), Image.Resampling.BOX)).astype(np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(border, 0)
    plain = (np.abs(border - colour).max(1) <= EVEN).mean() >= LEAST_EVEN
    apart = np.abs(pixels - colour).max(2) > APART
    given = tuple(int(level) for level in colour)
    if not plain or not apart.any():
        return given, None
    across, down = apart.any(0).nonzero()[0], apart.any(1).nonzero()[0]
    wide, high = flat.width / width, flat.height / height
    box = across[0] * wide, down[0] * high, (across[-1] + 1) * wide, (down[-1] + 1) * high
    return given, box


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
