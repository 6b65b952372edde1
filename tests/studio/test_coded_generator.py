"""The generator that draws codes of photos, and the encoders that make them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from photo_parts import SMALL, made
from torch.utils.flop_counter import FlopCounterMode

from studio.checkpoint import read
from studio.generators import build
from studio.generators.coded import CodedGenerator
from studio.generators.flow import Flow
from studio.inversion.encoders import PhotoEncoder, Standardised

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "apparel"


@torch.no_grad()
def test_every_part_has_its_shape() -> None:
    generator = made()
    styles = generator.map(torch.randn(3, 12))
    codes = generator.codes(styles)
    pictures = generator.draw(styles)
    assert styles.shape == (3, 12)
    assert codes.shape == (3, 14, 4, 4)
    assert pictures.shape == (3, 3, 64, 64)
    assert pictures.dtype == torch.float32
    assert pictures.isfinite().all()
    assert torch.equal(generator.draw_codes(codes), pictures)
    assert torch.equal(generator.draw(generator.per_layer(styles)), pictures)


@torch.no_grad()
def test_a_picture_does_not_depend_on_its_batch() -> None:
    generator = made()
    styles = torch.randn(4, 12)
    alone = torch.cat([generator.draw(each[None]) for each in styles])
    assert torch.allclose(generator.draw(styles), alone, atol=1e-5)


def test_its_configuration_makes_it_again() -> None:
    generator = made(classes=5, channels=1)
    again = build(generator.config)
    assert again.config == generator.config
    again.load_state_dict(generator.state_dict())


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_size": 6},
        {"synthesis_widths": []},
        {"classes": 3, "words": 4},
        {"code_channels": 0},
        {"decoder_widths": []},
    ],
)
def test_what_makes_no_network_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\d|not"):
        build({**SMALL, **wrong})


def test_the_decoder_follows_a_hand_at_256_pixels() -> None:
    generator = build(read(SHIPPED).card["generator"])
    assert isinstance(generator, CodedGenerator)
    assert generator.image_size == 256
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        generator.decoder(torch.randn(1, 20, 16, 16))
    assert counter.get_total_flops() / 2 <= 220e6  # multiply-adds


@torch.no_grad()
def test_the_flow_goes_back_to_where_it_came_from() -> None:
    torch.manual_seed(0)
    flow = Flow(6, width=32, blocks=2, classes=3)
    for weights in flow.parameters():
        weights += 0.04 * torch.randn_like(weights)
    flow.mean += 2.0
    flow.deviation *= 0.5
    flow.pace.copy_(torch.linspace(0.3, 3, 6))
    z, labels = torch.randn(8, 6), torch.arange(8) % 3
    styles = flow(z, labels)
    assert (styles - z).abs().mean() > 0.1  # it goes somewhere
    assert (flow.latents(styles, labels) - z).abs().max() < 0.05


def test_values_that_are_ahead_are_known_first() -> None:
    flow = Flow(3)
    flow.pace.copy_(torch.tensor([0.25, 1.0, 4.0]))
    halfway = flow.share(torch.tensor(0.5))
    torch.testing.assert_close(halfway, torch.tensor([0.8, 0.5, 0.2]))
    ends = flow.share(torch.tensor([[0.0], [1.0]]))
    assert torch.equal(ends, torch.tensor([[0.0] * 3, [1.0] * 3]))


@torch.no_grad()
def test_labels_and_words_change_what_is_drawn() -> None:
    z = torch.randn(2, 12)
    labelled = made(classes=2)
    first, second = (labelled.map(z, torch.full((2,), label)) for label in (0, 1))
    assert not torch.allclose(first, second)
    worded = made(words=7)
    texts = torch.zeros(2, 7)
    texts[:, 3] = 1
    assert not torch.allclose(worded.map(z, texts), worded.map(z, torch.zeros(2, 7)))
    assert torch.equal(worded.map(z), worded.map(z, torch.zeros(2, 7)))  # no words, no text
    with pytest.raises(ValueError, match="no label"):
        made().map(z, torch.zeros(2, dtype=torch.int64))


@torch.no_grad()
def test_a_style_for_each_size() -> None:
    generator = made()
    assert generator.style_layers == 3
    both = torch.randn(2, 3, 12)
    mixed = both.clone()
    mixed[0, 2] = both[1, 2]  # another surface only
    plain, other = generator.draw(both)[0], generator.draw(mixed)[0]
    assert not torch.allclose(plain, other)


def test_the_encoder_gives_codes() -> None:
    torch.manual_seed(0)
    photos = torch.rand(2, 3, 64, 64) * 2 - 1
    codes = PhotoEncoder(20)(photos)
    assert codes.shape == (2, 20, 4, 4)


@torch.no_grad()
def test_a_style_is_the_principal_components_of_its_code() -> None:
    synthesis = made().synthesis
    basis = torch.linalg.qr(torch.randn(14 * 4 * 4, 12))[0].T.unflatten(1, (14, 4, 4))
    synthesis.worth.copy_(torch.rand(14, 1, 1) + 0.5)
    deviations = torch.rand(12, 1, 1, 1) + 0.5
    synthesis.components.copy_(basis * deviations / synthesis.worth)
    synthesis.centre.copy_(torch.randn(14, 4, 4))
    styles = torch.randn(5, 12)
    blurred = synthesis.blurred(styles)
    assert torch.allclose(synthesis.styles(blurred), styles, atol=1e-4)
    # What lies across all components changes no style.
    other = torch.randn(14 * 4 * 4)
    flat = basis.flatten(1)
    across = (other - flat.T @ (flat @ other)).unflatten(0, (14, 4, 4)) / synthesis.worth
    assert torch.allclose(synthesis.styles(blurred + across), styles, atol=1e-4)


def test_codes_keep_what_sets_a_batch_apart() -> None:
    torch.manual_seed(0)
    standardised = Standardised(4)
    for _ in range(300):
        standardised(3 + 2 * torch.randn(16, 4, 5, 5))
    found = standardised(7 + 2 * torch.randn(64, 4, 5, 5))  # while it still learns
    assert torch.allclose(found.mean((0, 2, 3)), torch.full((4,), 2.0), atol=0.2)
    assert torch.allclose(found.std((0, 2, 3)), torch.ones(4), atol=0.1)
