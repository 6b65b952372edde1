"""A style-based generator (Karras et al., 2020, StyleGAN2), slim enough for a laptop's CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.generators.base import (
    ACTIVATIONS,
    MAX_CLASSES,
    MAX_WORDS,
    Generator,
    checked_widths,
)
from studio.generators.equalised import (
    RECTIFIER_GAIN,
    EqualisedLinear,
    ModulatedConv,
    rectified,
)
from studio.generators.prior import Prior

# Layers up to this size decide shapes; the finer ones colours and surfaces.
COARSE_SIZE = 16
# The mapping network learns this much slower than the rest, or it becomes unstable (the paper's).
MAPPING_RATE = 0.01
# A condition's part of what is mapped, beside a latent of 1. Where it is larger, pictures of one
# class are nearly alike from the start, and a short training does not get over that.
CONDITION_GAIN = 0.35


class StyleGenerator(Generator):
    """A mapping network, and convolutions modulated by its style, with an image at every size.

    A learnt constant of ``widths[0]`` maps of ``start`` x ``start`` passes one convolution; each
    further width adds a level of twice the size. Every level adds its image head to the
    picture so far, enlarged: a smaller picture is a by-product of the large one.

    What differs from the paper, to compute less and to be the same everywhere: the convolution that
    changes the width runs before the enlargement, which is bilinear; there is no noise. Nothing
    here can leave a checkerboard: every enlargement is smooth and followed by a convolution.

    Args:
        latent_dim, style_dim: lengths of z and w.
        widths: channels at ``start`` pixels, at twice that, and so on to the image's size.
        mapping_layers: dense layers from z to w.
        classes: of images, told by an int64 label; 0 for none.
        words: length of the vector of a text, told instead of a label; 0 for none.
        prior: Gaussians in the mixture of a :class:`studio.generators.prior.Prior`, which then
            takes the place of those dense layers and gives each layer a style of its own; 0 for
            none.
    """

    kind = "style"
    mapped = True

    def __init__(
        self,
        *,
        latent_dim: int,
        style_dim: int,
        widths: Sequence[int],
        start: int = 4,
        mapping_layers: int = 2,
        channels: int = 3,
        classes: int = 0,
        words: int = 0,
        output: str = "linear",
        prior: int = 0,
    ) -> None:
        widths = checked_widths(widths, start, widest=2048)
        if not 1 <= style_dim <= 4096 or not 1 <= mapping_layers <= 16:
            raise ValueError(f"{mapping_layers} layers to {style_dim} values make no mapping.")
        if not 0 <= classes <= MAX_CLASSES:
            raise ValueError(f"There are between 0 and {MAX_CLASSES} classes, not {classes}.")
        if not 0 <= words <= MAX_WORDS or (words and classes):
            raise ValueError(f"A generator takes up to {MAX_WORDS} words, or classes, not {words}.")
        super().__init__(
            latent_dim=latent_dim,
            image_size=start * 2 ** (len(widths) - 1),
            channels=channels,
            output=output,
        )
        self.style_dim, self.widths, self.start = style_dim, widths, start
        self.mapping_layers, self.classes, self.words = mapping_layers, classes, words
        told = {"classes": classes, "words": words}
        self.mapping: Prior | Mapping
        if prior:
            self.mapping = Prior(latent_dim, len(widths), style_dim, parts=prior, **told)
        else:
            self.mapping = Mapping(latent_dim, style_dim, mapping_layers, **told)
        self.constant = nn.Parameter(torch.randn(1, widths[0], start, start))
        self.levels = nn.ModuleList(
            [self.level(widths[0], widths[0], first=True)]
            + [self.level(narrow, wide) for narrow, wide in zip(widths, widths[1:], strict=False)]
        )
        self.finish = ACTIVATIONS[output]()
        # A level's image head takes the style of the level after it, as published: styles can
        # then be mixed between any two levels.
        self.style_layers = len(widths)
        coarse = sum(start * 2**level <= COARSE_SIZE for level in range(len(widths)))
        self.coarse_layers = max(1, min(coarse, len(widths) - 1))

    @property
    def config(self) -> dict[str, Any]:
        result = {
            "kind": self.kind,
            "latent_dim": self.latent_dim,
            "style_dim": self.style_dim,
            "widths": list(self.widths),
            "start": self.start,
            "mapping_layers": self.mapping_layers,
            "channels": self.channels,
            "classes": self.classes,
            "words": self.words,
            "output": self.output,
        }
        return {**result, "prior": self.prior.parts} if self.prior else result

    @property
    def prior(self) -> Prior | None:
        """What styles are drawn from, where that follows the codes of photos."""
        return self.mapping if isinstance(self.mapping, Prior) else None

    def map(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.mapping(z, condition)

    def middle(self, z: Tensor) -> Tensor | None:
        return self.prior.middle(z) if self.prior else None

    def level(self, narrow: int, wide: int, *, first: bool = False) -> nn.Module:
        """What happens at one size: a module from maps and a style to maps and their image."""
        return Level(narrow, wide, self.style_dim, self.channels, first=first)

    def begin(self, styles: Tensor) -> Tensor:
        """The maps (batch, widths[0], start, start) that the first level takes."""
        return self.constant.expand(len(styles), -1, -1, -1)

    def draw(self, styles: Tensor) -> Tensor:
        return self.previews(styles)[-1]

    def previews(self, styles: Tensor) -> list[Tensor]:
        """The picture at every size from ``start`` to ``image_size``, smallest first.

        Each is the sum of the image heads up to its size.
        """
        styles = self.per_layer(styles)
        maps = self.begin(styles)
        picture: Tensor | None = None
        sums = []
        for index, level in enumerate(self.levels):
            maps, head = level(maps, styles[:, index])
            picture = head if picture is None else enlarge(picture) + head
            sums.append(picture)
        return [self.finish(each) for each in sums]


class Mapping(nn.Module):
    """z, and an embedding of a label or a text, to w; both are normalised first.

    No text, a vector of zeros, is embedded as zeros.
    """

    def __init__(
        self, latent_dim: int, style_dim: int, layers: int, classes: int = 0, words: int = 0
    ) -> None:
        super().__init__()
        self.embedding: nn.Module | None = None
        if classes:
            self.embedding = nn.Embedding(classes, style_dim)
        elif words:
            self.embedding = EqualisedLinear(words, style_dim, bias=None)
        inputs = latent_dim + (style_dim if self.embedding else 0)
        widths = [inputs] + [style_dim] * layers
        self.layers = nn.ModuleList(
            EqualisedLinear(narrow, wide, rate=MAPPING_RATE, gain=RECTIFIER_GAIN)
            for narrow, wide in zip(widths, widths[1:], strict=False)
        )

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        if (condition is None) != (self.embedding is None):
            needs = "needs a label or text" if condition is None else "takes no label or text"
            raise ValueError(f"This generator {needs} for each picture.")
        with torch.autocast(z.device.type, enabled=False):
            x = normalised(z.float())
            if condition is not None and self.embedding is not None:
                told = CONDITION_GAIN * normalised(self.embedding(condition).float())
                x = normalised(torch.cat([x, told], 1))
            for layer in self.layers:
                x = rectified(layer(x))
            return x


class Level(nn.Module):
    """All that happens at one size: the maps enlarged and convolved, and their image head."""

    def __init__(
        self, narrow: int, wide: int, style_dim: int, channels: int, *, first: bool = False
    ) -> None:
        super().__init__()
        self.widen = (
            None if first else ModulatedConv(narrow, wide, 3, style_dim, gain=RECTIFIER_GAIN)
        )
        self.refine = ModulatedConv(wide, wide, 3, style_dim, gain=RECTIFIER_GAIN)
        self.head = ModulatedConv(wide, channels, 1, style_dim, demodulate=False)

    def forward(self, maps: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        if self.widen is not None:
            maps = enlarge(rectified(self.widen(maps, style)))
        maps = rectified(self.refine(maps, style))
        return maps, self.head(maps, style).float()


def enlarge(maps: Tensor) -> Tensor:
    """Twice the size, bilinearly."""
    return F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def normalised(x: Tensor) -> Tensor:
    """Rows of unit mean square."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)
