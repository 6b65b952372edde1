"""From a photo to its code, the styles of a generator that draws it again.

What a frozen network sees of a photo is computed once and kept; a small network of dense layers
turns it into the styles of every level (as encoders into w+ do: Richardson et al., 2021, "pSp").
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from studio.checkpoint import Checkpoint, CheckpointError
from studio.generators.base import from_uint8
from studio.generators.style import StyleGenerator
from train.teachers.features import Eye

FILE = "encoder.safetensors"  # in a checkpoint's folder, to learn on with
WIDTH = 768
# Of what is seen: fine maps of few channels by more places a side than coarse ones of many.
FINE_CHANNELS, FINE_SIDE, COARSE_SIDE = 40, 8, 4
COLOUR_SIDE = 16
LEAST_DEVIATION = 1e-3
STYLE_SAMPLES = 4096
LEAST_STYLE_DEVIATION = 1e-2
FIRST_WEIGHTS = 0.01
READ_AT_ONCE = 64


class Photos:
    """Photos to learn from, and what was seen of each, plain and mirrored.

    Args:
        images: uint8 (N, C, S, S), of one or three channels.
        condition: int64 labels (N,) or texts as vectors (N, words), or None.
        eye: what sees them.
        mirrored: whether they count mirrored too.
        classes: how many labels there are, those without a photo too.
        on_photos: is called with how many were looked at, batch by batch, mirrored ones too.

    Attributes:
        seen: float16 (1 or 2, N, d): plain, and mirrored.
    """

    def __init__(
        self,
        images: Tensor,
        condition: Tensor | None,
        eye: Eye,
        *,
        mirrored: bool,
        classes: int = 0,
        on_photos: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.images, self.condition, self.classes = images, condition, classes
        self.hardware = eye.hardware
        sides = [images, images.flip(3)] if mirrored else [images]
        self.seen = torch.stack([described(each, eye, on_photos) for each in sides])

    def __len__(self) -> int:
        return len(self.images)

    def take(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        """Random photos (count, C, S, S) in -1..1, what is seen of them, what each is told."""
        chosen = torch.randint(len(self.images), (count,), generator=random)
        side = torch.randint(len(self.seen), (count,), generator=random)
        images = from_uint8(self.images[chosen], (-1.0, 1.0))
        images = torch.where(side.bool()[:, None, None, None], images.flip(3), images)
        device = self.hardware.device
        told = None if self.condition is None else self.condition[chosen].to(device)
        seen = self.seen[side, chosen].to(device).float()
        return self.hardware.lay_out(images.to(device)), seen, told


@torch.no_grad()
def described(images: Tensor, eye: Eye, on_photos: Callable[[int], None]) -> Tensor:
    """What is seen of photos uint8 (N, C, S, S), in one row each: float16 (N, d), on the CPU."""
    rows = []
    for some in images.split(READ_AT_ONCE):
        pictures = from_uint8(some.to(eye.hardware.device), (-1.0, 1.0))
        parts = [
            F.adaptive_avg_pool2d(
                each, FINE_SIDE if each.shape[1] <= FINE_CHANNELS else COARSE_SIDE
            )
            for each in eye(pictures)[1:]
        ]
        parts.append(F.adaptive_avg_pool2d(pictures, COLOUR_SIDE))
        rows.append(torch.cat([each.flatten(1) for each in parts], 1).half().cpu())
        on_photos(len(some))
    return torch.cat(rows)


class Encoder(nn.Module):
    """What is seen of photos (n, inputs) to styles (n, layers, style_dim).

    ``inputs`` are normalised by the statistics of those that it was begun with
    (:meth:`begin`), and styles are counted from those that the generator has been drawing.
    """

    mean: Tensor
    deviation: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, inputs: int, layers: int, style_dim: int) -> None:
        super().__init__()
        self.layers, self.style_dim = layers, style_dim
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.register_buffer("centre", torch.zeros(layers, style_dim))
        self.register_buffer("spread", torch.ones(layers, style_dim))
        self.hidden = nn.Sequential(
            nn.Linear(inputs, WIDTH),
            nn.LayerNorm(WIDTH),
            nn.GELU(),
            nn.Linear(WIDTH, WIDTH),
            nn.GELU(),
        )
        self.last = nn.Linear(WIDTH, layers * style_dim)
        nn.init.normal_(self.last.weight, 0.0, FIRST_WEIGHTS)

    def forward(self, seen: Tensor) -> Tensor:
        return self.centre + self.spread * self.deviations(seen)

    def deviations(self, seen: Tensor) -> Tensor:
        """How far from the centre the styles are, in terms of the spread."""
        values = self.last(self.hidden((seen - self.mean) / self.deviation))
        return values.unflatten(1, (self.layers, self.style_dim))

    @torch.no_grad()
    def begin(self, seen: Tensor, generator: StyleGenerator, random: torch.Generator) -> None:
        """Take the statistics of what is seen (n, inputs), and of a generator's own styles."""
        seen = seen.float()
        self.mean.copy_(seen.mean(0))
        self.deviation.copy_(seen.std(0).clamp(min=LEAST_DEVIATION))
        styles = own_styles(generator, random)
        self.centre.copy_(styles.mean(0))
        self.spread.copy_(styles.std(0).clamp(min=LEAST_STYLE_DEVIATION))

    @torch.no_grad()
    def codes(self, photos: Photos) -> Tensor:
        """The styles of photos, plain and then mirrored ones: (sides * N, layers, style_dim)."""
        device = self.mean.device
        rows = photos.seen.flatten(0, 1)
        return torch.cat([self(each.to(device).float()) for each in rows.split(4096)])


def own_styles(generator: StyleGenerator, random: torch.Generator) -> Tensor:
    """Styles that a generator has been drawing, of all it can be told, (n, layers, style_dim)."""
    latents = torch.randn(STYLE_SAMPLES, generator.latent_dim, generator=random)
    told = None
    if generator.classes:
        told = torch.arange(STYLE_SAMPLES) % generator.classes
    elif generator.words:
        told = torch.zeros(STYLE_SAMPLES, generator.words)
        told[:, torch.arange(STYLE_SAMPLES) % generator.words] = 1
    return generator.per_layer(generator.map(latents, told))


def of_checkpoint(found: Checkpoint, generator: StyleGenerator) -> Encoder | None:
    """The encoder that a checkpoint came with, if it did.

    Raises:
        CheckpointError: its file can't be read.
    """
    path = found.folder / FILE
    if not path.exists():
        return None
    try:
        weights = load_file(path)
        encoder = Encoder(len(weights["mean"]), generator.style_layers, generator.style_dim)
        encoder.load_state_dict(weights)
    except Exception as error:  # a damaged file fails in many ways
        raise CheckpointError(f"{path}: this encoder can't be used ({error}).") from error
    return encoder


def begun(generator: StyleGenerator, photos: Photos, seed: int) -> Encoder:
    """An encoder that has learnt nothing but where styles and photos lie."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(photos.seen.shape[-1], generator.style_layers, generator.style_dim)
    encoder.begin(photos.seen[0], generator, torch.Generator().manual_seed(seed))
    return encoder
