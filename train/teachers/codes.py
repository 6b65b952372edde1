"""Codes of a training's photos: computed once where their encoder stays as it is, and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.errors import UserError
from studio.files import write_file_whole
from studio.generators import Generator
from studio.generators.base import from_uint8
from studio.generators.coded import CodedGenerator
from studio.inversion.loading import PHOTO
from train.engine.encoders import Encoders
from train.teachers.feature_distance import aside

if TYPE_CHECKING:
    from train.teachers.base import Batch

KEPT = "codes-{}.pt"  # in a run's folder while it lasts
READ_AT_ONCE = 64
# Each photo is encoded as it is and once moved a little, so that a style does not hang on the place
# of a pixel; and mirrored likewise. By parts of the side, down and to the right.
MOVES = ((0, 0), (1 / 64, -1 / 85))
PARTS = {"reconstruction": "decoder", "styles": "synthesis", "flow": "flow"}

MISSING = (
    "This training needs a codec to begin from: name a checkpoint that has one with --start-from,"
    " or train one first (--recipe codec)."
)
LEARNING = (
    "Styles and the flow need codes that stay as they are. Train the codec first, by reconstruction"
    " alone, or keep its encoder as it is with --encoder-share 0."
)
NO_STYLES = (
    "The flow learns from styles, and there are none to begin from. Have it learn them too:"
    " --teachers styles,flow."
)


class CodesError(UserError):
    """A training that needs codes and has none; the message says what to do."""


class Codes:
    """What the photos of a training are to a coded generator.

    Args:
        images: all photos, uint8 (N, 1 or 3, S, S).
        encoders: of the training.
        mirrored: whether photos count mirrored too.

    Attributes:
        all: float16 (views, N, c, s, s), each photo plain and moved, then both mirrored; None
            before :meth:`prepare`, and where the encoder learns along.
    """

    def __init__(self, images: Tensor, encoders: Encoders, *, mirrored: bool) -> None:
        self.images, self.encoders, self.mirrored = images, encoders, mirrored
        self.all: Tensor | None = None

    @property
    def fixed(self) -> bool:
        """Whether a photo has the same code for all of the training."""
        return PHOTO not in self.encoders.taught

    def prepare(self, folder: Path | None, on_photos: Callable[[int, int], None]) -> None:
        """Encode all photos if their codes don't change, or read what was encoded before.

        Raises:
            CodesError: the encoder has learnt nothing yet, and won't.
        """
        if not self.fixed or self.all is not None:
            return
        if PHOTO not in self.encoders.learnt:
            raise CodesError(MISSING)
        self.all = self.kept(folder, lambda: self._encoded(on_photos))

    def kept(self, folder: Path | None, make: Callable[[], Tensor]) -> Tensor:
        """What ``make`` gives of all photos by the encoder, or a file in ``folder`` holds."""
        processes = self.encoders.processes
        path = folder / KEPT.format(self._key()) if folder else None
        if path and not processes.is_first:
            processes.wait()  # for the first one to have made it
        found = None
        if path and path.exists():
            with suppress(Exception):  # a broken file fails in a dozen ways; it is made again
                found = torch.load(path, weights_only=True, map_location="cpu")
        if found is None:
            found = make()
            if path and processes.is_first:
                whole = found
                write_file_whole(path, lambda file: torch.save(whole, file))
        if path and processes.is_first:
            processes.wait()
        return found

    def of(self, batch: Batch) -> Tensor:
        """Codes (b, c, s, s) of a batch's photos, float32, on the device; nothing to learn from."""
        device = self.encoders.hardware.device
        if self.all is None:
            low, high = self.encoders.generator.value_range
            return self.encoders.codes((batch.real.float() - low) * (2 / (high - low)) - 1)
        return self.all[self.views(batch), batch.rows].to(device).float()

    def views(self, batch: Batch) -> Tensor:
        """Which view of each photo a batch shows, int64 (b,): every other step they are moved."""
        views = torch.full_like(batch.rows, batch.step % len(MOVES))
        return views if batch.mirrored is None else views + len(MOVES) * batch.mirrored.cpu()

    def of_rows(self, rows: Tensor) -> Tensor:
        """Codes of some photos as they are, likewise."""
        if self.all is not None:
            return self.all[0, rows].to(self.encoders.hardware.device).float()
        return self.encoders.codes(self.photos(rows))

    def photos(self, rows: Tensor) -> Tensor:
        """Some photos in -1..1, float32 (n, C, S, S), on the device."""
        hardware = self.encoders.hardware
        some = self.images[rows.to(self.images.device)].to(hardware.device)
        return hardware.lay_out(from_uint8(some, (-1.0, 1.0)))

    def _encoded(self, on_photos: Callable[[int, int], None]) -> Tensor:
        generator, count = self.encoders.generator, len(self.images)
        views = len(MOVES) * (1 + self.mirrored)
        size = generator.code_channels, generator.code_size, generator.code_size
        result = torch.empty((views, count, *size), dtype=torch.float16)
        for start in range(0, count, READ_AT_ONCE):
            rows = torch.arange(start, min(start + READ_AT_ONCE, count))
            photos = self.photos(rows)
            for view, seen in enumerate(self._views(photos)):
                codes = self.encoders.codes(self.encoders.hardware.lay_out(seen))
                result[view, start : start + len(rows)] = codes.half().cpu()
            on_photos(start + len(rows), count)
        return result

    def _views(self, photos: Tensor) -> Iterable[Tensor]:
        side, most = photos.shape[-1], max(1, photos.shape[-1] // 32)
        for flipped in (photos, photos.flip(3))[: 1 + self.mirrored]:
            for down, right in MOVES:
                move = most + round(down * side), most + round(right * side)
                yield aside(flipped, [move] * len(photos)) if down else flipped

    def _key(self) -> str:
        """Everything that decides what the encoder makes of the photos."""
        result = hashlib.sha256()
        for some in self.images.split(256):
            result.update(some.cpu().numpy().tobytes())
        for each in self.encoders.weights().values():
            result.update(each.cpu().numpy().tobytes())
        result.update(repr((self.mirrored, MOVES, self.encoders.hardware.precision)).encode())
        return result.hexdigest()[:16]


def leave_untaught(generator: Generator, teachers: Iterable[str]) -> None:
    """Have the parts of a coded generator that no teacher teaches stay as they are.

    The game and likeness teach all of them.
    """
    if not isinstance(generator, CodedGenerator) or not set(teachers) <= set(PARTS):
        return
    for name, part in PARTS.items():
        getattr(generator, part).requires_grad_(name in teachers)


def frozen_picture(generator: CodedGenerator, codes: Tensor) -> Tensor:
    """The pictures of codes, of which the decoder learns nothing but gradients reach the codes."""
    wanted = [each for each in generator.decoder.parameters() if each.requires_grad]
    for each in wanted:
        each.requires_grad_(False)
    try:
        return generator.draw_codes(codes).float()
    finally:
        for each in wanted:
            each.requires_grad_(True)
