"""Mixed styles: which layers have which, and how many pictures are mixed."""

from __future__ import annotations

import torch

from train.engine.mixing import mixed


def layers_of_others(draws: torch.Tensor, share: float, layers: int = 4) -> list[list[bool]]:
    batch = draws.shape[1]
    styles, others = torch.zeros(batch, layers, 3), torch.ones(batch, layers, 3)
    found = mixed(styles, others, draws, share)
    assert found.shape == (batch, layers, 3)
    assert (found == found[:, :, :1]).all()  # a style is never torn apart
    return found[:, :, 0].bool().tolist()


def test_the_second_style_begins_at_any_layer_but_the_first() -> None:
    draws = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.34, 0.67, 0.999]])
    assert layers_of_others(draws, 0.5) == [
        [False, True, True, True],
        [False, False, True, True],
        [False, False, False, True],
        [False, False, False, True],
    ]


def test_only_the_share_is_mixed() -> None:
    draws = torch.rand(2, 1000, generator=torch.Generator().manual_seed(0))
    found = [any(layers) for layers in layers_of_others(draws, 0.3)]
    assert 0.25 < sum(found) / 1000 < 0.35
    assert not any(map(any, layers_of_others(draws, 0.0)))
