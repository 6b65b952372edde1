"""What is around the products: which photos have a background unlike the rest, which are white.

All is read from the sketches of :mod:`train.data.likeness`, uint8 (N, S, S, 3).
"""

from __future__ import annotations

import colorsys

import numpy as np

# A border pixel this far (in any channel, of 255) from the border's median colour is uneven, and a
# background with more than this share of uneven border pixels isn't plain. A product that touches
# two sides leaves it below.
UNEVEN = 32
MAX_UNEVEN_SHARE = 0.4
# The rest is a majority if at least this share of the photos have plain backgrounds this near to
# their common colour; without a majority nothing is odd.
MAJORITY = 0.6
NEAR = 40
# A colour is odd when it is farther from the common one than three times what nine of ten in the
# majority are, within these bounds: sets all on one white are stricter than those in daylight.
SPREAD_TIMES = 3.0
LEAST_ODD, MOST_ODD = 24, 90
# White that a white addition can't be told from, and the share of an edge that must be so.
WHITE = 240
WHITE_SHARE = 0.9
LIGHT = 200  # from which a ground is a light one
GREY_SATURATION = 0.15
BLOCK = 1024


def odd_ones(sketches: np.ndarray) -> list[tuple[int, str]]:
    """The index of each photo whose background is unlike most others', and how it is, in words."""
    if not len(sketches):
        return []
    colours, uneven = _borders(sketches)
    plain = uneven <= MAX_UNEVEN_SHARE
    if plain.mean() < MAJORITY:
        return []
    common = np.median(colours[plain], 0)
    distances = np.abs(colours - common).max(1)
    core = plain & (distances <= NEAR)
    if core.mean() < MAJORITY:
        return []
    spread = SPREAD_TIMES * float(np.percentile(distances[core], 90))
    farthest = np.clip(spread, LEAST_ODD, MOST_ODD)
    usual = colour_name(common)
    result = []
    for index in np.flatnonzero(~plain | (distances > farthest)).tolist():
        if not plain[index]:
            reason = f"its background isn't plain, or it fills the photo; most are on {usual}"
        else:
            own = colour_name(colours[index])
            if own == usual:
                lighter = colours[index].sum() > common.sum()
                own = f"a {'lighter' if lighter else 'darker'} {own}"
            reason = f"it is on {own}; most are on {usual}"
        result.append((index, reason))
    return result


def white_beside(sketches: np.ndarray, tall: np.ndarray) -> np.ndarray:
    """Whether white added beside each photo would not show: bool (N,).

    Args:
        sketches: uint8 (N, S, S, 3).
        tall: bool (N,): whether it would be added left and right, or else above and below.
    """
    sides, ends = sketches[:, :, [0, -1]].min(3), sketches[:, [0, -1]].min(3)
    shares = [(edges >= WHITE).mean((1, 2)) for edges in (sides, ends)]
    return np.where(tall, *shares) >= WHITE_SHARE


def light_around(sketches: np.ndarray) -> np.ndarray:
    """Whether each photo has a plain and light border, as photos of products do: bool (N,)."""
    if not len(sketches):
        return np.zeros(0, bool)
    colours, uneven = _borders(sketches)
    return (uneven <= MAX_UNEVEN_SHARE) & (colours.min(1) >= LIGHT)


def _borders(sketches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each border's median colour, (N, 3), and its share of pixels that are far from it, (N,)."""
    border = np.ones(sketches.shape[1:3], bool)
    border[1:-1, 1:-1] = False
    colours = np.empty((len(sketches), 3), np.float32)
    uneven = np.empty(len(sketches), np.float32)
    for start in range(0, len(sketches), BLOCK):
        part = slice(start, start + BLOCK)
        pixels = sketches[part][:, border].astype(np.float32)
        colours[part] = np.median(pixels, 1)
        far = np.abs(pixels - colours[part, None]).max(2) > UNEVEN
        uneven[part] = far.mean(1)
    return colours, uneven


def colour_name(colour: np.ndarray) -> str:
    """What to call an RGB colour (3,) in 0..255."""
    low, high = float(min(colour)), float(max(colour))
    if low >= WHITE:
        return "white"
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(part) / 255 for part in colour))
    if high < 40:
        return "black"
    if saturation < GREY_SATURATION:
        return "light grey" if value > 0.75 else "grey" if value > 0.35 else "dark grey"
    names = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "red")
    ends = (15, 45, 70, 165, 195, 255, 290, 345)
    name = names[sum(hue * 360 >= end for end in ends)]
    if name == "orange" and value < 0.65:
        return "brown"
    pale = saturation < 0.35 and value > 0.75
    if name == "orange" and pale:
        return "beige"
    return f"light {name}" if pale else f"dark {name}" if value < 0.4 else name
