"""Differentiable augmentation: all that the discriminator sees is changed at random.

Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training". With few photos a
discriminator learns them by heart. Augmented photos are harder to learn by heart, and because the
drawn pictures pass through the same changes, differentiably, the generator does not learn to draw
the changes themselves. The three policies and their strengths are the published ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Random numbers of one picture: brightness, saturation, contrast, two of a shift, two of a hole,
# and for each of the three whether it happens at all.
DRAWS = 10
# Images shown in which adaptive augmentation goes from none to all, or back. The paper's 500,000
# are for trainings of 25 million; ours are a twentieth of that.
ADAPTATION_IMAGES = 50_000


def parse(policy: str) -> tuple[str, ...]:
    """The names in ``policy``, such as "color,translation,cutout"; "" is none.

    Raises:
        ValueError: a name is unknown or given twice; the message lists those there are.
    """
    names = tuple(name.strip() for name in policy.split(",")) if policy.strip() else ()
    for name in names:
        if name not in POLICIES:
            known = ", ".join(POLICIES)
            raise ValueError(f"There is no augmentation {name!r}. Choose from: {known}.")
    if len(set(names)) < len(names):
        raise ValueError(f"An augmentation is named twice in {policy!r}.")
    return names


def default_policy(count: int) -> str:
    """All three augmentations below 50,000 photos, none from there on.

    The published distances (FID, lower is better) of StyleGAN2 on faces, without and with all
    three: 1,000 photos 62.2 and 25.7, 5,000 photos 26.6 and 10.5, 10,000 photos 14.8 and 7.9,
    30,000 photos 6.2 and 5.1, but 70,000 photos 3.8 and 4.2. On the 50,000 of CIFAR-10 what is
    left to gain is a tenth.
    """
    return "color,translation,cutout" if count < 50_000 else ""


def augment(
    images: Tensor,
    policy: Sequence[str],
    random: torch.Generator,
    *,
    value_range: tuple[float, float] = (-1.0, 1.0),
    probability: float = 1.0,
    share: slice = slice(None),
    total: int | None = None,
) -> Tensor:
    """Change every picture at random; differentiable with respect to ``images``, twice too.

    Args:
        images: float of shape (b, C, H, W) in ``value_range``. The result has the same shape,
            type and memory format, and may leave the range, as published.
        policy: the names that :func:`parse` returns, applied in their order.
        random: on the device of ``images``; a call draws ``total`` times 10 numbers from it, or
            none if the policy is empty.
        value_range: the generator's lowest and highest value; the same change for the eye in any.
        probability: of each change for each picture, 0..1.
        share, total: where several processes each hold a part of a batch of ``total`` pictures,
            the rows of it that ``images`` are. Their generators must be in the same state: then
            all together do what one process does with the whole batch.

    Raises:
        ValueError: ``share`` of ``total`` is not as many rows as there are images.
    """
    if not policy:
        return images
    total = len(images) if total is None else total
    # One draw for all, whatever the policy and the share: the state after it is always the same.
    draws = torch.rand(total, DRAWS, generator=random, device=images.device)[share]
    if len(draws) != len(images):
        raise ValueError(f"The share of {total} pictures has {len(draws)}, not {len(images)}.")
    grey, half = sum(value_range) / 2, (value_range[1] - value_range[0]) / 2
    # From here on the range is [-1, 1] and mid grey is 0, as in the published code. Arithmetic
    # is left out where it would change nothing but the speed.
    result = images if (grey, half) == (0, 1) else (images - grey) / half
    for position, name in enumerate(policy):
        changed = POLICIES[name](result, draws)
        if probability < 1:
            happens = draws[:, 7 + position, None, None, None] < probability
            changed = torch.where(happens, changed, result)
        result = changed
    result = result if (grey, half) == (0, 1) else result * half + grey
    return result.contiguous(memory_format=_memory_format(images))


def adapted(probability: float, images_shown: int, *, more: bool) -> float:
    """A probability of augmentation, 0..1, after so many images (ADA, Karras et al., 2020)."""
    step = images_shown / ADAPTATION_IMAGES
    return min(max(probability + (step if more else -step), 0.0), 1.0)


def _color(images: Tensor, draws: Tensor) -> Tensor:
    """Brightness up or down a quarter of the range; saturation x 0 to 2; contrast x 0.5 to 1.5."""
    draws = draws[:, :3, None, None, None].to(images.dtype)
    brightness, saturation, contrast = draws[:, 0] - 0.5, draws[:, 1] * 2, draws[:, 2] + 0.5
    # The three published steps, one after the other, come to one weighted sum of the picture, its
    # grey version and its mean. One pass takes a third of the time of three.
    offset = (1 - contrast) * images.mean((1, 2, 3), keepdim=True) + brightness
    if images.shape[1] == 1:
        return images * contrast + offset
    grey = images.mean(1, keepdim=True)
    return images * (contrast * saturation) + (grey * (contrast * (1 - saturation)) + offset)


def _translation(images: Tensor, draws: Tensor) -> Tensor:
    """Shift by up to an eighth of each side; what comes into view is mid grey.

    Grey, as published, although a photo on a white card then gets a grey bar. White would hide
    how far the photo was moved, and what the discriminator cannot see as a change the generator
    may learn to draw: pictures off centre. A bar in a colour that cards do not have gives the
    shift away, on real and drawn pictures alike, so it never pays to imitate it. The same holds
    for the hole of cutout, which in white would pass for a part of a product that is missing.
    """
    height, width = images.shape[2:]
    down = _integers(draws[:, 3:4], 2 * (height // 8) + 1) - height // 8
    right = _integers(draws[:, 4:5], 2 * (width // 8) + 1) - width // 8
    rows = torch.arange(height, device=images.device) - down
    columns = torch.arange(width, device=images.device) - right
    inside = _between(rows, 0, height)[:, :, None] & _between(columns, 0, width)[:, None, :]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    # Gathering from flat pictures is five times as fast as indexing with three tensors.
    source = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)[:, None]
    moved = images.flatten(2).gather(2, source.expand(-1, images.shape[1], -1))
    return moved.view(images.shape) * inside[:, None]


def _cutout(images: Tensor, draws: Tensor) -> Tensor:
    """Cover a square of half the side, whose centre may lie anywhere, with mid grey."""
    height, width = images.shape[2:]
    top = _integers(draws[:, 5:6], height + 1 - height // 2 % 2) - height // 4
    left = _integers(draws[:, 6:7], width + 1 - width // 2 % 2) - width // 4
    rows = _between(torch.arange(height, device=images.device), top, top + height // 2)
    columns = _between(torch.arange(width, device=images.device), left, left + width // 2)
    return images * ~(rows[:, :, None] & columns[:, None, :])[:, None]


def _integers(uniform: Tensor, count: int) -> Tensor:
    """From uniform in [0, 1) to integers 0..count - 1, all equally likely."""
    # The product of a number just below 1 may be rounded up to the count itself.
    return (uniform * count).long().clamp(max=count - 1)


def _between(position: Tensor, low: Tensor | int, high: Tensor | int) -> Tensor:
    return (position >= low) & (position < high)


def _memory_format(images: Tensor) -> torch.memory_format:
    # One channel is contiguous both ways; torch's convention is to call that NCHW.
    if not images.is_contiguous() and images.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format


POLICIES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
