"""Both style generators: their sizes, their modulation against its definition, their previews."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from studio.generators import build
from studio.generators.equalised import ModulatedConv
from studio.generators.self_modulated import SelfModulatedConv
from studio.generators.style import StyleGenerator

TINY = {"kind": "style", "latent_dim": 6, "style_dim": 10, "widths": [8, 8, 6, 4]}
KINDS = pytest.mark.parametrize("kind", ["style", "self-modulated"])


def generator(**changes: object) -> StyleGenerator:
    torch.manual_seed(0)
    return build({**TINY, **changes}).eval()


def plainly(conv: ModulatedConv, x: Tensor, style: Tensor) -> Tensor:
    """StyleGAN2's equations 1 to 3, with weights of its own for every picture."""
    results = []
    for image, scales in zip(x, conv.affine(style), strict=True):
        weight = conv.weight / conv.fan_in**0.5 * scales[None, :, None, None]
        if conv.demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        results.append(F.conv2d(image[None], conv.gain * weight, padding=conv.padding))
    return torch.cat(results) + conv.bias[None, :, None, None]


@KINDS
@pytest.mark.parametrize(
    ("start", "levels", "size"), [(7, 3, 28), (4, 5, 64), (4, 6, 128), (4, 7, 256)]
)
def test_one_class_draws_every_size(start: int, levels: int, size: int, kind: str) -> None:
    network = generator(kind=kind, start=start, widths=[4] * levels)
    assert (network.image_size, network.style_layers) == (size, levels)
    with torch.inference_mode():
        pictures = network.previews(network.map(torch.randn(2, 6)))
    assert [each.shape for each in pictures] == [
        (2, 3, start * 2**level, start * 2**level) for level in range(levels)
    ]
    assert all(each.isfinite().all() and each.std() > 0 for each in pictures)
    assert not torch.equal(pictures[-1][0], pictures[-1][1])


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel", [1, 3])
def test_modulation_equals_weights_of_its_own_for_every_picture(
    kernel: int, demodulate: bool
) -> None:
    torch.manual_seed(1)
    conv = ModulatedConv(5, 7, kernel, 6, demodulate=demodulate, gain=1.5)
    torch.nn.init.normal_(conv.bias)
    x, style = torch.randn(4, 5, 8, 8), 3 * torch.randn(4, 6)
    torch.testing.assert_close(conv(x, style), plainly(conv, x, style), rtol=1e-4, atol=1e-5)


@KINDS
def test_a_preview_is_the_sum_of_the_image_heads_up_to_its_size(kind: str) -> None:
    network = generator(kind=kind)
    heads: list[Tensor] = []
    for level in network.levels:
        level.register_forward_hook(lambda module, inputs, outputs: heads.append(outputs[1]))
    with torch.inference_mode():
        pictures = network.previews(network.map(torch.randn(2, 6)))
    for index, picture in enumerate(pictures):
        parts = heads[: index + 1]
        whole = torch.zeros_like(parts[0])
        for part in parts:
            if part.shape != whole.shape:
                whole = F.interpolate(whole, scale_factor=2, mode="bilinear")
            whole = whole + part
        torch.testing.assert_close(picture, whole)


@KINDS
def test_the_same_latent_is_always_the_same_picture_alone_or_among_others(kind: str) -> None:
    network, z = generator(kind=kind), torch.randn(3, 6)
    with torch.inference_mode():
        first, again, alone = network(z), network(z), network(z[1:2])
    assert torch.equal(first, again)
    torch.testing.assert_close(first[1:2], alone)


@KINDS
def test_layers_take_styles_of_their_own(kind: str) -> None:
    network = generator(kind=kind)
    w = network.map(torch.randn(2, 6))
    with torch.inference_mode():
        plain = network.previews(w)
        each = network.previews(w[:, None].expand(-1, 4, -1))
        mixed = network.previews(torch.stack([w[0], w[0], w[0], w[1]])[None])
    torch.testing.assert_close(plain, each)
    for size in range(3):  # what is decided before the last layer stays
        torch.testing.assert_close(mixed[size], plain[size][:1])
    assert not torch.allclose(mixed[3], plain[3][:1])


@pytest.mark.parametrize(
    ("start", "levels", "coarse"), [(7, 3, 2), (4, 5, 3), (4, 6, 3), (4, 1, 1), (4, 3, 2)]
)
def test_layers_up_to_sixteen_pixels_decide_shapes(start: int, levels: int, coarse: int) -> None:
    assert generator(start=start, widths=[4] * levels).coarse_layers == coarse


@KINDS
def test_a_class_changes_the_picture_and_is_asked_for(kind: str) -> None:
    network, z = generator(kind=kind, classes=3), torch.randn(2, 6)
    with torch.inference_mode():
        pictures = [network(z, torch.full((2,), label)) for label in range(3)]
    assert not torch.allclose(pictures[0], pictures[1])
    with pytest.raises(ValueError, match="needs a label"):
        network(z)
    with pytest.raises(ValueError, match="takes no label"):
        generator(kind=kind)(z, torch.zeros(2, dtype=torch.long))


def test_self_modulation_is_batch_norm_and_a_scale_and_a_shift_of_the_style() -> None:
    torch.manual_seed(1)
    conv = SelfModulatedConv(5, 7, 6)
    x, style = torch.randn(4, 5, 8, 8), 3 * torch.randn(4, 6)
    maps = F.conv2d(x, conv.conv.weight * conv.conv.gain, padding=1)
    mean, deviation = maps.mean((0, 2, 3), True), maps.var((0, 2, 3), correction=0, keepdim=True)
    maps = (maps - mean) / (deviation + 1e-5).sqrt()
    scale, shift = conv.scale(style)[:, :, None, None], conv.shift(style)[:, :, None, None]
    torch.testing.assert_close(conv(x, style), maps * scale + shift, rtol=1e-4, atol=1e-5)


@KINDS
def test_before_training_the_latent_outweighs_the_class(kind: str) -> None:
    network = generator(kind=kind, classes=10, latent_dim=32, style_dim=32).train()
    latents, labels = torch.randn(8, 32).repeat_interleave(10, 0), torch.arange(10).repeat(8)
    with torch.inference_mode():
        pictures = network(latents, labels).unflatten(0, (8, 10))
    assert pictures.std(0).mean() > 1.5 * pictures.std(1).mean()


def spike(pictures: Tensor) -> float:
    """The strength of changes from pixel to pixel, beside those that are a little slower."""
    spectrum = torch.fft.fft(pictures, dim=-1).abs().mean((0, 1, 2))
    half = pictures.shape[-1] // 2
    return (spectrum[half] / spectrum[half - 4 : half - 1].mean()).item()


@KINDS
def test_enlargement_leaves_no_checkerboard(kind: str) -> None:
    network = generator(kind=kind, widths=[8] * 5)
    with torch.inference_mode():
        pictures = network(torch.randn(32, 6))
    assert spike(pictures) < 1.5
    board = torch.tensor([1.0, -1.0]).repeat(32) * 0.02 * pictures.std()
    assert spike(pictures + board) > 3  # one that nobody would see yet is measured


@KINDS
@pytest.mark.parametrize(
    "wrong",
    [
        {"widths": []},
        {"widths": [4] * 9},
        {"widths": [0]},
        {"start": 0},
        {"style_dim": 0},
        {"mapping_layers": 0},
        {"classes": -1},
        {"classes": 10**9},
        {"output": "relu"},
        {"colour": 3},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object], kind: str) -> None:
    with pytest.raises(ValueError):
        build({**TINY, "kind": kind, **wrong})


@KINDS
def test_gradients_reach_every_weight(kind: str) -> None:
    network = generator(kind=kind, classes=2)
    network(torch.randn(4, 6), torch.tensor([0, 1, 0, 1])).square().sum().backward()
    for name, each in network.named_parameters():
        assert each.grad is not None and each.grad.isfinite().all(), name
        assert each.grad.abs().sum() > 0, name
