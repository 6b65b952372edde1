"""Draws codes of photos: z to a style, the style to a code, the code to a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from studio.generators.base import (
    ACTIVATIONS,
    MAX_CLASSES,
    MAX_WORDS,
    Generator,
    checked_widths,
)
from studio.generators.decoder import Decoder, convolution, rectified
from studio.generators.equalised import SLOPE
from studio.generators.flow import Flow
from studio.generators.style import enlarge

MODULATION = 256  # values of a style after its dense layers
FIRST_SCALE = 0.3  # of what a block adds
BLOCKS = 2  # at each size of a synthesis but the smallest, which has one


class CodedGenerator(Generator):
    """Designs and photos in one space: what it draws are codes such as photos have.

    A code is a small grid (``code_channels`` x ``code_size`` x ``code_size``) that an encoder makes
    of a photo (:class:`studio.inversion.encoders.PhotoEncoder`) and :attr:`decoder` turns back into
    it. A style w is a code's first principal components; :attr:`synthesis` makes a whole code of
    it again. :attr:`flow` draws w as photos have them. So ``draw`` takes w as every generator here
    does, and ``draw_codes`` draws a photo with all that its style leaves out.

    Args:
        style_dim: length of z and of w.
        code_channels, code_size: of a code.
        synthesis_widths: channels at the code's size, at half of it and so on; each size has a
            style of its own, where styles are mixed, the smallest first.
        decoder_widths: channels at the code's size, at twice that and so on to the picture's.
        flow_width, flow_blocks, guidance: see :class:`studio.generators.flow.Flow`.
        classes: of images, told by an int64 label; 0 for none.
        words: length of the vector of a text, told instead of a label; 0 for none.
    """

    kind = "coded"
    mapped = True
    whole_between = False  # a style is linear in a code: half of two is both, one through the other
    centre_samples = 256  # each goes 15 times through the flow, and somebody waits for it

    def __init__(
        self,
        *,
        style_dim: int,
        code_channels: int,
        code_size: int,
        synthesis_widths: Sequence[int],
        decoder_widths: Sequence[int],
        flow_width: int = 384,
        flow_blocks: int = 4,
        channels: int = 3,
        classes: int = 0,
        words: int = 0,
        output: str = "linear",
        guidance: float = 1.0,
    ) -> None:
        widths = checked_widths(decoder_widths, code_size, widest=2048)
        levels = tuple(synthesis_widths)
        checked_widths(levels, 1, widest=2048)
        if code_size % 2 ** (len(levels) - 1):
            raise ValueError(f"A code of {code_size} can't be halved {len(levels) - 1} times.")
        if not 1 <= code_channels <= 256 or not 1 <= flow_width <= 4096 or not flow_blocks >= 1:
            raise ValueError("A code's channels and a flow's width and blocks are at least 1.")
        if not 0 <= classes <= MAX_CLASSES:
            raise ValueError(f"There are between 0 and {MAX_CLASSES} classes, not {classes}.")
        if not 0 <= words <= MAX_WORDS or (words and classes):
            raise ValueError(f"A generator takes up to {MAX_WORDS} words, or classes, not {words}.")
        super().__init__(
            latent_dim=style_dim,
            image_size=code_size * 2 ** (len(widths) - 1),
            channels=channels,
            output=output,
        )
        self.code_channels, self.code_size = code_channels, code_size
        self.synthesis_widths, self.decoder_widths = levels, widths
        self.style_layers = len(levels)
        self.coarse_layers = max(1, len(levels) - 1)
        self.classes, self.words = classes, words
        self.flow = Flow(
            style_dim,
            width=flow_width,
            blocks=flow_blocks,
            classes=classes,
            words=words,
            guidance=guidance,
        )
        self.synthesis = Synthesis(
            style_dim, code_channels=code_channels, code_size=code_size, widths=levels
        )
        self.decoder = Decoder(
            code_channels=code_channels, code_size=code_size, widths=widths, channels=channels
        )
        self.finish = ACTIVATIONS[output]()

    @property
    def config(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "style_dim": self.style_dim,
            "code_channels": self.code_channels,
            "code_size": self.code_size,
            "synthesis_widths": list(self.synthesis_widths),
            "decoder_widths": list(self.decoder_widths),
            "flow_width": self.flow.enter.out_features,
            "flow_blocks": len(self.flow.blocks),
            "channels": self.channels,
            "classes": self.classes,
            "words": self.words,
            "output": self.output,
            **({} if self.flow.guidance == 1 else {"guidance": self.flow.guidance}),
        }

    def map(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.flow(z, condition)

    def guided(self, z: Tensor, condition: Tensor, guidance: float) -> Tensor:
        return self.flow(z, condition, guidance)

    def draw(self, styles: Tensor, remainder: Tensor | None = None) -> Tensor:
        """As every generator; of a photo, with what its style leaves of its code.

        ``remainder`` (batch, code_channels, code_size, code_size) is added to the styles' codes.
        """
        codes = self.codes(styles)
        return self.draw_codes(codes if remainder is None else codes + remainder)

    def codes(self, styles: Tensor) -> Tensor:
        """Codes (n, code_channels, code_size, code_size) of styles, as :meth:`draw` takes them."""
        return self.synthesis(self.per_layer(styles))

    def draw_codes(self, codes: Tensor) -> Tensor:
        """The pictures of codes, whether they were drawn or are of photos."""
        return self.finish(self.decoder(codes))


class Synthesis(nn.Module):
    """Styles (n, levels, style_dim) to codes (n, code_channels, code_size, code_size).

    A style is the first principal components of a code, each of unit deviation over the photos that
    :attr:`components` were found in. What they make of a style is a code without its detail:
    blurred, but whole. A small U-Net (Ronneberger et al., 2015), whose blocks the style modulates,
    adds what such codes had in photos; that is a local matter, and learnt soon.

    Args:
        widths: channels at the code's size, at half of it and so on.
    """

    centre: Tensor
    components: Tensor
    worth: Tensor

    def __init__(
        self, style_dim: int, *, code_channels: int, code_size: int, widths: Sequence[int]
    ) -> None:
        super().__init__()
        shape = code_channels, code_size, code_size
        # Found once and then left as they are, so nothing that learns changes what a style means.
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("components", 0.1 * torch.randn(style_dim, *shape))
        # How much a picture changes with each channel; components are those of codes times this.
        self.register_buffer("worth", torch.ones(code_channels, 1, 1))
        self.dense = nn.ModuleList([dense(style_dim, MODULATION), dense(MODULATION, MODULATION)])
        self.first = convolution(code_channels, widths[0])
        pairs = list(zip(widths, widths[1:], strict=False))
        self.narrow = nn.ModuleList(convolution(wide, deep, stride=2) for wide, deep in pairs)
        self.levels = nn.ModuleList(
            nn.ModuleList(ModulatedBlock(width) for _ in range(1 if not level else BLOCKS))
            for level, width in enumerate(reversed(widths))
        )
        self.widen = nn.ModuleList(convolution(deep, wide) for wide, deep in reversed(pairs))
        self.last = convolution(widths[0], code_channels, gain=0.1)

    def forward(self, styles: Tensor) -> Tensor:
        blurred = self.blurred(styles[:, 0])
        for layer in self.dense:
            styles = rectified(layer(styles))
        sizes = [self.first(blurred)]
        for layer in self.narrow:
            sizes.append(layer(rectified(sizes[-1])))
        maps = sizes.pop()
        for index, blocks in enumerate(self.levels):
            if index:
                maps = sizes.pop() + enlarge(self.widen[index - 1](rectified(maps)))
            for block in blocks:  # type: ignore[attr-defined]
                maps = block(maps, styles[:, index])
        return self.last(rectified(maps)).float() + blurred

    def blurred(self, styles: Tensor) -> Tensor:
        """The codes of styles (n, style_dim) without what their principal components leave out."""
        with torch.autocast(styles.device.type, enabled=False):
            codes = styles.float() @ self.components.flatten(1)
            return self.centre + codes.unflatten(1, self.centre.shape)

    @property
    def known(self) -> bool:
        """Whether components were found; no mean of photos' codes is 0 everywhere."""
        return bool(self.centre.any())

    def forget(self) -> None:
        """Take components for not found: codes are to mean something else."""
        self.centre.zero_()

    def styles(self, codes: Tensor) -> Tensor:
        """The styles (n, style_dim) of codes, of photos for one: their principal components."""
        with torch.autocast(codes.device.type, enabled=False):
            weighted = (self.components * self.worth).flatten(1)
            apart = ((codes.float() - self.centre) * self.worth).flatten(1)
            return apart @ weighted.T / weighted.square().sum(1)


class ModulatedBlock(nn.Module):
    """Two convolutions that add to maps, which the style scales and shifts before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.modulate = nn.Linear(MODULATION, 2 * width)
        nn.init.normal_(self.modulate.weight, 0, 0.03)
        nn.init.zeros_(self.modulate.bias)
        self.first, self.second = convolution(width, width), convolution(width, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), FIRST_SCALE))

    def forward(self, maps: Tensor, styles: Tensor) -> Tensor:
        scale, shift = self.modulate(styles)[:, :, None, None].chunk(2, 1)
        inner = rectified(maps * (1 + scale) + shift)
        return maps + self.scale * self.second(rectified(self.first(inner)))


def dense(inputs: int, outputs: int) -> nn.Linear:
    """A dense layer that keeps the spread of what a leaky rectifier gives."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, a=SLOPE)
    nn.init.zeros_(layer.bias)
    return layer
