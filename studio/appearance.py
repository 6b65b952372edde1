"""What a picture of one thing on a plain ground looks like, in traits a designer has words for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Distance of a pixel from the ground's colour (0..1) above which it belongs to the thing.
FOREGROUND = 0.1
# A direction changes a trait clearly when its ends lie this many of the trait's standard
# deviations apart.
CLEAR_CHANGE = 0.5


@dataclass(frozen=True)
class Scene:
    """Pictures (N, 3, H, W) in 0..1 and the soft mask (N, 1, H, W) of what stands out."""

    pixels: Tensor
    mask: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """The mean of (N, 1, H, W) values over each picture's thing: (N,)."""
        return (values * self.mask).sum((1, 2, 3)) / self.mask.sum((1, 2, 3)).clamp_min(1.0)

    def position(self, dim: int) -> Tensor:
        """Coordinates -1..1 of each pixel along a dimension, shaped to multiply a mask."""
        size = self.mask.shape[dim]
        shape = [1, 1, 1, 1]
        shape[dim] = size
        return torch.linspace(-1, 1, size).view(shape)


def lightness(scene: Scene) -> Tensor:
    return scene.mean(scene.pixels.mean(1, keepdim=True))


def warmth(scene: Scene) -> Tensor:
    return scene.mean(scene.pixels[:, :1] - scene.pixels[:, 2:])


def pinkness(scene: Scene) -> Tensor:
    red, green, blue = scene.pixels.split(1, 1)
    return scene.mean((red + blue) / 2 - green)


def vividness(scene: Scene) -> Tensor:
    return scene.mean(scene.pixels.amax(1, True) - scene.pixels.amin(1, True))


def pattern(scene: Scene) -> Tensor:
    grey = scene.pixels.mean(1, keepdim=True)
    edges = torch.zeros_like(grey)
    edges[..., 1:] += (grey[..., 1:] - grey[..., :-1]).abs()
    edges[..., 1:, :] += (grey[..., 1:, :] - grey[..., :-1, :]).abs()
    # Only well inside the thing: its outline is an edge whatever its surface.
    inside = -torch.nn.functional.max_pool2d(-scene.mask, 5, 1, 2)
    return (edges * inside).sum((1, 2, 3)) / inside.sum((1, 2, 3)).clamp_min(1.0)


def size(scene: Scene) -> Tensor:
    return scene.mask.mean((1, 2, 3))


def spread(scene: Scene, dim: int) -> Tensor:
    place = scene.position(dim)
    centre = scene.mean(place.expand_as(scene.mask)).view(-1, 1, 1, 1)
    return scene.mean((place - centre) ** 2).sqrt()


def width(scene: Scene) -> Tensor:
    return spread(scene, 3)


def height(scene: Scene) -> Tensor:
    return spread(scene, 2)


def fullness_above(scene: Scene) -> Tensor:
    rows = scene.mask.sum(3)  # (N, 1, H)
    half = rows.shape[2] // 2
    above, below = rows[:, :, :half].sum((1, 2)), rows[:, :, half:].sum((1, 2))
    return (above - below) / (above + below).clamp_min(1.0)


def closedness(scene: Scene) -> Tensor:
    """Share of the middle that is filled: a handle or a gap between legs leaves it open."""
    middle = scene.mask[..., scene.mask.shape[3] * 3 // 8 : scene.mask.shape[3] * 5 // 8]
    return middle.mean((1, 2, 3))


def boxiness(scene: Scene) -> Tensor:
    """Share of the smallest upright box around the thing that it fills: 0.79 for a disc."""
    across, down = scene.mask.amax(2).sum((1, 2)), scene.mask.amax(3).sum((1, 2))
    return scene.mask.sum((1, 2, 3)) / (across * down).clamp_min(1.0)


def lean(scene: Scene) -> Tensor:
    return scene.mean(scene.position(3).expand_as(scene.mask))


@dataclass(frozen=True)
class Trait:
    """A measured trait and what a picture is called where it is low and where it is high.

    ``shape`` tells whether it is one of the outline, or else of colour and surface.
    """

    ends: tuple[str, str]
    measure: Callable[[Scene], Tensor]
    shape: bool


TRAITS = (
    Trait(("Dark", "Light"), lightness, shape=False),
    Trait(("Cool", "Warm"), warmth, shape=False),
    Trait(("Green", "Pink"), pinkness, shape=False),
    Trait(("Muted", "Vivid"), vividness, shape=False),
    Trait(("Plain", "Patterned"), pattern, shape=False),
    Trait(("Small", "Large"), size, shape=True),
    Trait(("Narrow", "Wide"), width, shape=True),
    Trait(("Short", "Tall"), height, shape=True),
    Trait(("Fuller below", "Fuller above"), fullness_above, shape=True),
    Trait(("Open", "Closed"), closedness, shape=True),
    Trait(("Rounded", "Boxy"), boxiness, shape=True),
    Trait(("Leaning left", "Leaning right"), lean, shape=True),
)


def measure(images: Tensor) -> Tensor:
    """Measure all traits of uint8 pictures (N, C, H, W): float (N, len(TRAITS))."""
    scene = scene_of(images)
    return torch.stack([trait.measure(scene) for trait in TRAITS], 1)


def scene_of(images: Tensor, apart: float = FOREGROUND) -> Scene:
    """The scene of uint8 pictures (N, C, H, W).

    The ground is the colour of the four corners; what differs from it by more than ``apart``, 0..1
    in any channel, is the thing.
    """
    pixels = images.float() / 255
    pixels = pixels.expand(-1, 3, -1, -1)
    corners = pixels[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].median(2).values
    distance = (pixels - corners[:, :, None, None]).abs().amax(1, keepdim=True)
    return Scene(pixels, (distance > apart).float())
