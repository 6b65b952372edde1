"""Small coded generators to test with."""

from __future__ import annotations

import torch

from studio.generators import build
from studio.generators.coded import CodedGenerator

SMALL = {
    "kind": "coded",
    "style_dim": 12,
    "code_channels": 14,
    "code_size": 4,
    "synthesis_widths": [8, 12, 16],
    "decoder_widths": [16, 12, 8, 8, 6],
    "flow_width": 16,
    "flow_blocks": 2,
}


def made(**changes: object) -> CodedGenerator:
    """A small generator with random weights everywhere, also where it begins with zeros."""
    torch.manual_seed(0)
    generator = build({**SMALL, **changes})
    assert isinstance(generator, CodedGenerator)
    with torch.no_grad():
        for weights in generator.parameters():
            weights += 0.05 * torch.randn_like(weights)
    return generator.eval()
