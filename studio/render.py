"""From a design to its pixels: the same design gives the same pixels, whoever asks."""

from __future__ import annotations

import base64
import threading
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio import checkpoint, directions, enlarging, onnx_files, pictures, spaces
from studio.checkpoint import Checkpoint, CheckpointError
from studio.design import Design, DesignError, PhotoError
from studio.enlarging import Detail
from studio.generators import Generator
from studio.generators.base import to_uint8
from studio.onnx_files import Exported
from studio.words import Encoder

# Pictures kept so that an unchanged design is never drawn twice; 64 px ones weigh 12 kB each.
PICTURES_KEPT = 4096
EXPORTS_LOST = 3  # to a training that replaces what is exported, before that is said
DETAIL = "detail"  # a manner of enlargement, on cards
# Pictures with detail kept, of 0.8 MB each at 512 px: every visitor begins with the same design.
DETAILED_KEPT = 32


@dataclass(frozen=True)
class Opened:
    """A checkpoint with its generator and sliders in memory, and the space they make."""

    checkpoint: Checkpoint
    generator: Generator
    directions: directions.Directions
    space: spaces.Space
    encoder: Encoder | None = None

    @property
    def enlargement(self) -> str:
        """How its pictures are enlarged: ``lanczos``, for pixel art ``nearest``, or ``detail``.

        The last is Lanczos with detail that was learnt from photos: see :mod:`studio.enlarging`. It
        is for coded generators alone, from whose pictures it was learnt.
        """
        manner = self.checkpoint.card.get("enlargement", "lanczos")
        if manner == DETAIL:
            return DETAIL if self.generator.kind == "coded" else "lanczos"
        known = isinstance(manner, str) and manner in pictures.RESAMPLING
        return manner if known else "lanczos"

    @property
    def form(self) -> dict[str, Any]:
        """What a page needs to draw with its network, see ``network`` in :mod:`studio.ui.api`."""
        vectors = np.ascontiguousarray(self.directions.vectors, "<f4")
        return {
            "size": self.generator.image_size,
            "layers": self.generator.style_layers,
            "dim": self.generator.style_dim,
            "mapped": self.generator.mapped,
            "coarse": self.generator.coarse_layers,
            "linear": self.generator.whole_between,
            "vectors": base64.b64encode(vectors.tobytes()).decode(),
        }


class Renderer:
    """Draws designs with the checkpoints found under some folders, opened when first needed.

    It holds no visitor's state, so one renderer serves all. Generators run on the CPU, one picture
    at a time: they take milliseconds there, a batch would change the last bit of a pixel, and a
    GPU would change more.
    """

    def __init__(self, *roots: str | Path) -> None:
        self.roots = [Path(root) for root in roots]
        self._opened: dict[str, Opened] = {}
        self._listed: dict[str, Checkpoint] = {}
        self._opening: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._drawing = threading.Lock()
        self._detail: Detail | None = None
        self._draw_kept = lru_cache(PICTURES_KEPT)(self._draw)
        self._twice_kept = lru_cache(DETAILED_KEPT)(self._twice)

    def checkpoints(self) -> dict[str, Checkpoint]:
        """All checkpoints there are now, by name, in the picker's order."""
        self._listed = checkpoint.find(*self.roots)
        return self._listed

    def open(self, name: str) -> Opened:
        """Open a generator, or return it if it is open.

        Raises:
            DesignError: there is no such generator here.
            checkpoint.CheckpointError: its files are damaged.
        """
        found = self._listed.get(name) or self.checkpoints().get(name)
        if found is None:
            raise DesignError(
                f"The generator {name!r} is not here. Put its folder under "
                f"{' or '.join(map(str, self.roots))} and reload the page."
            )
        opened = self._opened.get(name)
        if opened and opened.checkpoint.fingerprint == found.fingerprint:
            return opened
        # Opening may take seconds, in which the other generators go on drawing.
        with self._opening[name]:
            try:
                return self._open(found)
            except CheckpointError:
                # A training may have replaced it since it was listed.
                now = self.checkpoints().get(name)
                if now is None or now.fingerprint == found.fingerprint:
                    raise
                return self._open(now)

    def _open(self, found: Checkpoint) -> Opened:
        opened = self._opened.get(found.name)
        if opened is None or opened.checkpoint.fingerprint != found.fingerprint:
            generator = found.load_generator()
            encoder = found.load_words()
            sliders = directions.of_checkpoint(found, generator, encoder)
            space = spaces.of_generator(generator, sliders, found.classes, encoder)
            opened = Opened(found, generator, sliders, space, encoder)
            self._opened[found.name] = opened
        return opened

    def styles(self, design: Design) -> np.ndarray:
        """What a design is drawn from, float32 (style_dim,) or (style_layers, style_dim)."""
        return self.open(design.generator).space.of_design(design)

    def place(self, design: Design) -> dict[str, str]:
        """Where a design lies: its styles, their centre and deviation, as float32 in base64.

        Raises:
            DesignError: its generator is not here or lacks a slider or category that it uses, or
                there is a photo in it, whose picture has more than styles.
        """
        space = self.open(design.generator).space
        place = space.place(design)
        if space.remainder(place) is not None:
            raise PhotoError("A design of a photo is drawn by the studio only.")
        values = (space.styles(place), *space.surroundings(place))
        return {
            name: base64.b64encode(np.ascontiguousarray(each, "<f4").tobytes()).decode()
            for name, each in zip(("styles", "centre", "deviation"), values, strict=True)
        }

    def network(self, name: str) -> Exported:
        """A generator for browsers, exported now if it never was; see :mod:`studio.onnx_files`.

        Raises:
            DesignError: there is no such generator here.
            checkpoint.CheckpointError: its files are damaged, or are replaced all the time.
            onnx_export.ExportError: it can't be exported.
        """
        self.checkpoints()  # a training may have replaced it since they were listed
        for _ in range(EXPORTS_LOST):
            found = self.open(name).checkpoint
            with suppress(CheckpointError):
                return onnx_files.of_checkpoint(found)
            now = self.checkpoints().get(name)
            if now is None or now.fingerprint == found.fingerprint:
                break
        return onnx_files.of_checkpoint(self.open(name).checkpoint)

    def pixels(self, design: Design) -> np.ndarray:
        """Draw a design: read-only uint8 (H, W, C) at the generator's own size.

        Raises:
            DesignError: its generator is not here or lacks a slider or category that it uses.
            checkpoint.CheckpointError: the generator's files are damaged.
        """
        opened = self.open(design.generator)
        return self._draw_kept(replace(design, fingerprint=opened.checkpoint.fingerprint))

    def image(self, design: Design) -> Image.Image:
        """Draw a design as a Pillow image, RGB or grey, at the generator's own size."""
        return pictures.to_image(self.pixels(design))

    def enlarged(self, design: Design, size: int, detail: float | None = None) -> Image.Image:
        """Draw a design and enlarge it to about ``size`` pixels in its generator's manner.

        Args:
            detail: how strongly to add what :meth:`detail` makes up, 0..1; 0 is Lanczos alone. None
                is as much as is usual where there is any, and else none.

        Raises:
            DesignError: as for :meth:`detail` and :meth:`pixels`.
            checkpoint.CheckpointError: files of the generator or of the enlarger are damaged.
        """
        image, manner = self.image(design), self.open(design.generator).enlargement
        adds = self.detail(design.generator, size, detail)
        if adds is None:
            return pictures.enlarge(image, size, "lanczos" if manner == DETAIL else manner)
        twice = self._twice_kept(self.stamped(design), adds[1])
        if size == twice.width:
            return twice.copy()  # the one that is kept is nobody's to change
        if size < twice.width:
            height = round(image.height * size / image.width)
            return twice.resize((size, height), Image.Resampling.LANCZOS)
        return pictures.enlarge(twice, size, "lanczos")

    def detail(
        self, name: str, size: int, strength: float | None = None
    ) -> tuple[Detail, float] | None:
        """What adds detail to a generator's pictures at ``size`` pixels, and how strongly.

        None where nothing does: at the generator's own size, at a strength of 0, or as its card
        does not ask for it. It is read once, so a studio that runs goes on with what it began with.

        Raises:
            DesignError: the strength is not from 0 to 1, or there is no detail to add though one is
                given, or there is no such generator.
            checkpoint.CheckpointError: files of the generator or of the enlarger are damaged.
        """
        if strength is not None and not 0 <= strength <= 1:
            raise DesignError("How much detail to add is a number from 0 to 1.")
        opened, wanted = self.open(name), enlarging.STRENGTH if strength is None else strength
        if not wanted:
            return None
        side = opened.generator.image_size
        able = opened.enlargement == DETAIL and opened.generator.channels == 3
        # Read also where it adds nothing: what can't be had is said at any size.
        adds = self._enlarger() if able and enlarging.fits(side) else None
        if adds is None and strength:
            raise DesignError(f"{opened.checkpoint.title} has no detail to add: leave it away.")
        return (adds, wanted) if adds and size > side else None

    def _enlarger(self) -> Detail | None:
        if self._detail is None:
            folders = (root / enlarging.FOLDER for root in self.roots)
            there = next((each for each in folders if (each / checkpoint.CARD).is_file()), None)
            self._detail = enlarging.load(there) if there else None
        return self._detail

    def sheet(self, designs: Sequence[Design]) -> Image.Image:
        """Draw designs of one generator side by side in one image, without gaps."""
        return pictures.to_image(np.concatenate([self.pixels(design) for design in designs], 1))

    def stamped(self, design: Design) -> Design:
        """The design marked with the weights that draw it now."""
        return replace(design, fingerprint=self.open(design.generator).checkpoint.fingerprint)

    def _twice(self, design: Design, strength: float) -> Image.Image:
        image, enlarger = self.image(design), self._enlarger()
        assert enlarger  # whoever asks has looked
        with self._drawing:  # a third of a second of a core, so in turn with all that is drawn
            return enlarger(image, strength)

    @torch.inference_mode()
    def _draw(self, design: Design) -> np.ndarray:
        opened = self.open(design.generator)
        place = opened.space.place(design)
        given = [torch.from_numpy(opened.space.styles(place))[None]]
        if (remainder := opened.space.remainder(place)) is not None:
            given.append(torch.from_numpy(remainder)[None])
        with self._drawing:  # two drawings at once would share the cores and both be late
            drawn = opened.generator.draw(*given)
        pixels = to_uint8(drawn, opened.generator.value_range)[0].permute(1, 2, 0)
        result = np.ascontiguousarray(pixels.numpy())
        result.flags.writeable = False
        return result
