"""A critic of codes: whether a photo has such a code, or a style became it."""

from __future__ import annotations

from torch import Tensor, nn

from studio.generators.decoder import convolution
from studio.generators.equalised import SLOPE

RATE, BETAS = 4e-4, (0.0, 0.99)
WIDTHS = (128, 192)


class CodeCritic(nn.Module):
    """Codes (n, code_channels, s, s) to logits (n,): of their places, averaged, and of the whole.

    It is as small as a code, so a generator of codes has a good opponent for next to nothing.
    """

    def __init__(self, code_channels: int, code_size: int) -> None:
        super().__init__()
        narrow, wide = WIDTHS
        self.fine = nn.Sequential(
            convolution(code_channels, narrow),
            nn.LeakyReLU(SLOPE),
            convolution(narrow, narrow),
            nn.LeakyReLU(SLOPE),
        )
        self.places = nn.Conv2d(narrow, 1, 3, padding=1)
        self.coarse = nn.Sequential(
            convolution(narrow, wide, stride=2),
            nn.LeakyReLU(SLOPE),
            convolution(wide, wide),
            nn.LeakyReLU(SLOPE),
            nn.Flatten(),
        )
        self.whole = nn.Linear(wide * (code_size // 2) ** 2, 1)

    def forward(self, codes: Tensor) -> Tensor:
        maps = self.fine(codes)
        places = self.places(maps).float().mean((1, 2, 3))
        return places + self.whole(self.coarse(maps)).float()[:, 0]
