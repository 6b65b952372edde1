"""Learning from photos what a small picture would look like at twice its size."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH = 32
PATCH = 64  # pixels of the large picture at most: learning needs no whole ones
RATE = 1e-3
SLOPE = 0.2
# Pixels of a drawn picture are off by up to this much, of a range of 2, along rows and columns.
WEAVE = 0.09
SPECKLE = 0.02
MARGIN = 8  # further values from which those of a row are smoothed


class Restorer(nn.Module):
    """Pictures (batch, channels, s, s) in -1..1 to what they show at (batch, channels, 2s, 2s).

    A residual network without norms (EDSR, Lim et al., 2017) at the small size, whose result is
    rearranged to the large one (Shi et al., 2016) and added to the picture enlarged bicubically,
    which is all that it draws before it has learnt anything.
    """

    def __init__(self, channels: int, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        self.begin = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*[Residual(width) for _ in range(blocks)])
        self.spread = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.end = nn.Conv2d(width // 2, channels, 3, padding=1)
        nn.init.zeros_(self.end.weight)
        if self.end.bias is not None:
            nn.init.zeros_(self.end.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        maps = F.pixel_shuffle(self.spread(self.blocks(self.begin(pictures))), 2)
        enlarged = F.interpolate(pictures, scale_factor=2, mode="bicubic", align_corners=False)
        return enlarged + self.end(F.leaky_relu(maps, SLOPE))


class Residual(nn.Module):
    """Two convolutions beside a way around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.second(F.leaky_relu(self.first(maps), SLOPE))


def learn_to_restore(
    photos: Tensor,
    patches: int,
    *,
    seed: int = 0,
    on_patches: Callable[[int], None] = lambda count: None,
) -> Restorer:
    """A restorer that has learnt from photos what they lose at half their size.

    It is shown patches of them at half their size, worn as drawn pictures are (:func:`worn`), and
    is to give back what they were: no second network judges, so it can't make things up.

    Args:
        photos: uint8 (N, channels, s, s), s even.
        patches: to learn from, in batches of 32.
        seed: decides the weights it begins with and which patches come.
        on_patches: is called with the number of each batch.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        restorer = Restorer(photos.shape[1])
    optimiser = torch.optim.Adam(restorer.parameters(), RATE, (0.9, 0.99))
    steps = -(-patches // BATCH)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, total_iters=steps)
    for _ in range(steps):
        wanted = patches_of(photos, random)
        small = F.interpolate(wanted, scale_factor=0.5, mode="bilinear", antialias=True)
        loss = difference(restorer(worn(small, random)), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        falling.step()
        on_patches(BATCH)
    return restorer.requires_grad_(False).eval()


def difference(pictures: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute difference of pixels, and of the steps from each to the next."""
    result = F.l1_loss(pictures, wanted)
    for dim in (2, 3):
        result = result + F.l1_loss(pictures.diff(dim=dim), wanted.diff(dim=dim)) / 2
    return result


def patches_of(photos: Tensor, random: torch.Generator) -> Tensor:
    """Patches (32, channels, 64, 64) in -1..1 of random photos, half of them mirrored.

    Smaller photos are taken whole.
    """
    chosen = torch.randint(len(photos), (BATCH,), generator=random)
    side = min(PATCH, photos.shape[-1])
    # At even places, as those of the small picture's pixels are.
    places = torch.randint((photos.shape[-1] - side) // 2 + 1, (2,), generator=random) * 2
    top, left = places.tolist()
    found = photos[chosen, :, top : top + side, left : left + side].float() / 127.5 - 1
    mirrored = torch.rand(BATCH, 1, 1, 1, generator=random) < 0.5
    return torch.where(mirrored, found.flip(3), found)


def worn(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Pictures (batch, channels, h, w) in -1..1 with the flaws of drawn ones, more or less of them.

    A weave of rows and columns, faintly coloured, and specks; both only in what is not white, as
    drawn backgrounds are clean.
    """
    batch, channels, height, width = pictures.shape

    def some(most: float, power: float = 1.0) -> Tensor:
        return most * torch.rand(batch, 1, 1, 1, generator=random) ** power

    rows = threads(batch, height, random)[:, None, :, None]
    columns = threads(batch, width, random)[:, None, None, :]
    weave = some(WEAVE, 1.5) * rows + some(WEAVE, 1.5) * columns
    tint = 1 + 0.3 * torch.randn(batch, channels, 1, 1, generator=random)
    specks = some(SPECKLE) * torch.randn(pictures.shape, generator=random)
    inside = ((1 - pictures.amin(1, keepdim=True)) / 0.3).clamp(0, 1)
    return (pictures + (weave * tint + specks) * inside).clamp(-1, 1)


def threads(count: int, length: int, random: torch.Generator) -> Tensor:
    """(count, length) random values of unit deviation, each near its neighbours."""
    noise = torch.randn(count, 1, length + 2 * MARGIN, generator=random)
    reach = 0.5 + 1.2 * torch.rand((), generator=random)
    kernel = torch.exp(-((torch.arange(-MARGIN, MARGIN + 1) / reach) ** 2) / 2)
    smooth = F.conv1d(noise, (kernel / kernel.sum())[None, None])[:, 0]
    return smooth / smooth.std(1, keepdim=True)
