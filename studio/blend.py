"""Between two designs: the steps, as designs; the strip and the animation, as pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from studio.design import Design, DesignError, from_dict
from studio.render import Renderer

STRIP_STEPS = 9
MAX_STEPS = 64
FRAME_MILLISECONDS = 60
PAUSE_MILLISECONDS = 600


def blend(first: Design, second: Design, amount: float, surface: float | None = None) -> Design:
    """The design ``amount`` (0..1) of the way from ``first`` to ``second``.

    ``surface`` (0..1) is how far its colours and surface are, where that is not as far as its
    shape. With both amounts at one end it is that parent itself, so that a blend that went nowhere
    stays what it was.

    Raises:
        DesignError: an amount is out of range, the two come from different generators, or are
            blends too many times over.
    """
    if first.generator != second.generator:
        raise DesignError("Two designs blend only when they come from the same generator.")
    amounts = (amount,) if surface is None else (amount, surface)
    if not all(0 <= each <= 1 for each in amounts):
        raise DesignError("A blend's amounts lie between 0 and 1.")
    if max(amounts) == 0:
        return first
    if min(amounts) == 1:
        return second
    # Checked, so that whatever is made here can be opened again.
    return from_dict(Design(first.generator, blend=(first, second, *amounts)).to_dict())


def steps(
    first: Design, second: Design, count: int = STRIP_STEPS, surface: float | None = None
) -> list[Design]:
    """``count`` designs evenly from ``first`` to ``second``, both included.

    With a ``surface`` (0..1), all have it there and only their shapes go from one to the other.

    Raises:
        DesignError: ``count`` is not between 2 and 64, ``surface`` is out of range, or the
            generators differ.
    """
    if not 2 <= count <= MAX_STEPS:
        raise DesignError(f"A blend has between 2 and {MAX_STEPS} steps.")
    return [blend(first, second, index / (count - 1), surface) for index in range(count)]


def strip(renderer: Renderer, designs: Sequence[Design], size: int) -> Image.Image:
    """The designs side by side, each about ``size`` pixels wide."""
    frames = [renderer.enlarged(design, size, detail=0) for design in designs]
    width, height = frames[0].size
    result = Image.new(frames[0].mode, (width * len(frames), height))
    for index, frame in enumerate(frames):
        result.paste(frame, (index * width, 0))
    return result


def animation(renderer: Renderer, designs: Sequence[Design], size: int) -> bytes:
    """A GIF that goes through the designs and back, forever, resting at both ends."""
    # A palette for each frame, found once for the way there and the way back.
    there = [
        renderer.enlarged(design, size, detail=0).convert("RGB").quantize() for design in designs
    ]
    frames = there + there[-2:0:-1]
    durations = [FRAME_MILLISECONDS] * len(frames)
    durations[0] = durations[len(there) - 1] = PAUSE_MILLISECONDS
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )
    return buffer.getvalue()
