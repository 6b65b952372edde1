"""A photo's code as a short text: its style, and in 4 bits a value what the style leaves of it.

Bytes, little-endian, of which the text is URL-safe base64 without padding:

- 1: the version, 1;
- 6: a mark, the start of a SHA-256 of what makes codes and styles mean what they do;
- 2 for each value of the style w: float16;
- 2 for each channel of a code: the step of its remainder, float16;
- 1 for each two values of the remainder, by channel, row and column: a value is n - 7.5 steps, n in
  0..15, the first of the two in the low bits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.design import PhotoError
from studio.generators.coded import CodedGenerator

VERSION = 1
MARK = 6  # bytes
LEVELS = 16  # of a value
MIDDLE = (LEVELS - 1) / 2
# Shares of a channel's largest value that its levels may reach to; the nearest in squares is taken.
REACHES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
# Styles of photos have a deviation of 1. What is far beyond is of none, and could overflow.
MOST_STYLE, MOST_STEP = 50.0, 20.0
DAMAGED = "The photo in this design is damaged."


@dataclass(frozen=True, eq=False)
class Packed:
    """A photo as a design holds it.

    Args:
        style: w, float32 (style_dim,).
        remainder: what the style leaves of the code, float32 (code_channels, code_size, code_size).
    """

    style: np.ndarray
    remainder: np.ndarray


class Packing:
    """Packs codes of a generator, and unpacks what was packed for it or one of equal codes."""

    def __init__(self, generator: CodedGenerator) -> None:
        self.generator = generator
        synthesis = generator.synthesis
        # Trainings that leave these alone leave alone what codes and styles mean.
        meaning = (synthesis.centre, synthesis.components, synthesis.worth)
        digest = hashlib.sha256()
        for values in meaning:
            digest.update(np.ascontiguousarray(values.numpy(), "<f4").tobytes())
        self.mark = digest.digest()[:MARK]
        self.shape = tuple(synthesis.centre.shape)
        self.count = synthesis.centre.numel()
        self.sizes = (1, MARK, 2 * generator.style_dim, 2 * self.shape[0], (self.count + 1) // 2)

    @torch.inference_mode()
    def pack(self, code: Tensor) -> str:
        """The text of a photo's code, float32 (code_channels, code_size, code_size).

        Raises:
            PhotoError: the code is not finite, as no photo's is.
        """
        if not code.isfinite().all():
            raise PhotoError("Nothing can be made of this photo; choose another.")
        styles = self.generator.synthesis.styles(code[None])
        style = styles.clamp(-MOST_STYLE, MOST_STYLE).half()
        # Of the style as it is kept: what rounding changes is in the remainder.
        remainder = code - self.generator.codes(style.float())[0]
        steps, levels = quantised(remainder.flatten(1).numpy())
        flat = np.append(levels.ravel(), np.zeros(self.count % 2, np.uint8))
        parts = (
            bytes([VERSION]),
            self.mark,
            style[0].numpy().astype("<f2").tobytes(),
            steps.astype("<f2").tobytes(),
            (flat[::2] | flat[1::2] << 4).tobytes(),
        )
        return as_text(b"".join(parts))

    def unpack(self, text: str) -> Packed:
        """What :meth:`pack` wrote, up to the rounding of the remainder.

        Raises:
            PhotoError: the text is damaged, or of another version, size or kind of codes.
        """
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise PhotoError(DAMAGED) from error
        if len(data) <= MARK or as_text(data) != text:  # a photo has one text only
            raise PhotoError(DAMAGED)
        if data[0] != VERSION:
            raise PhotoError("The photo in this design was kept by another version of the studio.")
        if data[1 : 1 + MARK] != self.mark:
            raise PhotoError(
                "The photo in this design was read for other weights of this generator; make a "
                "design of the photo again."
            )
        if len(data) != sum(self.sizes):
            raise PhotoError(DAMAGED)
        ends = np.cumsum(self.sizes)
        style, steps = (
            np.frombuffer(data[start:end], "<f2").astype(np.float32)
            for start, end in zip(ends[1:3], ends[2:4], strict=True)
        )
        # Comparisons are false for NaN too.
        if (
            not (np.abs(style) <= MOST_STYLE).all()
            or not ((steps >= 0) & (steps <= MOST_STEP)).all()
        ):
            raise PhotoError(DAMAGED)
        pairs = np.frombuffer(data[ends[3] :], np.uint8)
        levels = np.stack([pairs & 15, pairs >> 4], 1).ravel()
        if levels[self.count :].any():
            raise PhotoError(DAMAGED)
        values = (levels[: self.count].astype(np.float32) - MIDDLE).reshape(len(steps), -1)
        return Packed(style, (values * steps[:, None]).reshape(self.shape))


def quantised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of values as steps float16 (rows,) and levels uint8 (rows, n), see the module.

    A row's step is the one, of some, by which its values come back nearest in mean squares.
    """
    largest = np.abs(values).max(1)
    steps, levels = np.zeros(len(values), np.float16), np.zeros(values.shape, np.uint8)
    least = np.full(len(values), np.inf)
    for reach in REACHES:
        tried = np.minimum(largest * reach / MIDDLE, MOST_STEP).astype(np.float16)
        step = tried.astype(np.float32)[:, None]
        # Where the step is 0, any level gives 0.
        parts = np.divide(values, step, out=np.zeros_like(values), where=step > 0)
        found = np.clip(np.rint(parts + MIDDLE), 0, LEVELS - 1)
        error = np.square((found - MIDDLE) * step - values).mean(1)
        nearer = error < least
        steps[nearer], levels[nearer] = tried[nearer], found[nearer].astype(np.uint8)
        least[nearer] = error[nearer]
    return steps, levels


def as_text(data: bytes) -> str:
    """Bytes as URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
