"""Designs with few parts, with all parts, and blended."""

from __future__ import annotations

from dataclasses import replace

from studio.design import MAX_SEED, Design

PLAIN = Design("bags", seed=7)
FULL = Design(
    "bags",
    seed=MAX_SEED,
    truncation=0.65,
    directions=((0, -2.5), (9, 0.0001)),
    dimensions=((3, 6.0), (127, -6.0)),
    variations=((5, 0.3), (5, 0.3), (0, 1.0)),
    fingerprint="0123456789ab",
)
BLEND = Design("bags", blend=(FULL, replace(PLAIN, blend=(PLAIN, FULL, 0.25)), 0.3333))
EXAMPLES = {"plain": PLAIN, "full": FULL, "blend": BLEND}
