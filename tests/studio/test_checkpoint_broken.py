"""Nothing broken in a checkpoint gets further than a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_cards import BROKEN_CARDS, COLOUR, JUDGE, edit, write_card
from safetensors.torch import load_file, save_file

from studio.checkpoint import (
    CARD,
    DISCRIMINATOR,
    GENERATOR,
    Checkpoint,
    CheckpointError,
    load_weights,
    read,
)
from studio.files import sha256
from studio.generators import build
from train import discriminators


def rehash(found: Checkpoint) -> Checkpoint:
    edit(found, generator_sha256=sha256(found.folder / GENERATOR))
    return read(found.folder)


def test_weights_cut_short_are_refused(tiny: Checkpoint) -> None:
    path = tiny.folder / GENERATOR
    whole = path.read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"tiny: generator.safetensors .*card"):
            tiny.load_generator()
        with pytest.raises(CheckpointError, match=r"can't be used|far too small"):
            rehash(tiny).load_generator()


def test_one_changed_bit_is_noticed(tiny: Checkpoint) -> None:
    path = tiny.folder / GENERATOR
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="not the file its card describes"):
        tiny.load_generator()
    assert rehash(tiny).load_generator().latent_dim == 8  # it was the hash that noticed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": [8, 8]}, "can't be used"),
        ({"widths": [16, 8, 8]}, "can't be used"),
        ({"latent_dim": 9}, "can't be used"),
        ({"kind": "mlp"}, "tiny: .*does not take"),
        ({"kind": "stylegan"}, "tiny: Unknown generator"),
        ({"kind": ["dcgan"]}, "tiny: Unknown generator"),
        ({"widths": []}, "tiny: widths"),
        # Would need gigabytes before the weights could be compared.
        ({"widths": [4096] * 8}, "tiny: .*far too small"),
    ],
    ids=str,
)
def test_weights_of_another_network_are_refused(
    tiny: Checkpoint, change: dict[str, Any], message: str
) -> None:
    edit(tiny, generator={**COLOUR, **change})
    with pytest.raises(CheckpointError, match=message):
        read(tiny.folder).load_generator()


def test_weights_that_lack_a_tensor_or_have_one_too_many_are_refused(tiny: Checkpoint) -> None:
    path = tiny.folder / GENERATOR
    stored = {name: value.clone() for name, value in load_file(path).items()}
    save_file({**stored, "extra": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="extra"):
        rehash(tiny).load_generator()
    del stored["layers.3.weight"]
    save_file(stored, path)
    with pytest.raises(CheckpointError, match=r"layers\.3\.weight"):
        rehash(tiny).load_generator()


def test_missing_files_are_refused(tiny: Checkpoint) -> None:
    for file, network in ((GENERATOR, build(COLOUR)), (DISCRIMINATOR, discriminators.build(JUDGE))):
        (tiny.folder / file).unlink()
        with pytest.raises(CheckpointError, match=file):
            load_weights(network, tiny.folder / file)
    with pytest.raises(CheckpointError, match="can't be read"):
        tiny.load_generator()
    (tiny.folder / CARD).unlink()
    with pytest.raises(CheckpointError, match=r"has no card\.json"):
        read(tiny.folder)
    with pytest.raises(CheckpointError, match=r"has no card\.json"):
        read(tiny.folder / "nowhere")


@pytest.mark.parametrize("card", BROKEN_CARDS.values(), ids=BROKEN_CARDS)
def test_a_wrong_card_is_refused(tmp_path: Path, card: Any) -> None:
    write_card(tmp_path / "a", card)
    with pytest.raises(CheckpointError, match=r"card\.json"):
        read(tmp_path / "a")
