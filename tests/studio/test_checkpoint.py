"""Checkpoints: what is saved is what is loaded, and nothing broken gets further than a sentence."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from studio import checkpoint
from studio.checkpoint import (
    CARD,
    DISCRIMINATOR,
    GENERATOR,
    PREVIEW,
    Checkpoint,
    CheckpointError,
    find,
    load_weights,
    read,
    save,
    write_whole,
)
from studio.generators import build
from train import discriminators

Make = Callable[..., Checkpoint]
COLOUR = {"kind": "dcgan", "latent_dim": 8, "widths": [16, 8], "start": 4}
JUDGE = {"kind": "dcgan", "widths": [8, 16], "end": 4, "channels": 3}


@pytest.fixture
def tiny(make_checkpoint: Make, tmp_path: Path) -> Checkpoint:
    return make_checkpoint(tmp_path / "tiny", COLOUR)


def edit(found: Checkpoint, **changes: Any) -> None:
    card = {**json.loads((found.folder / CARD).read_text()), **changes}
    (found.folder / CARD).write_text(json.dumps(card))


def rehash(found: Checkpoint) -> Checkpoint:
    edit(found, generator_sha256=checkpoint.sha256(found.folder / GENERATOR))
    return read(found.folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- saving and loading ------------------------------------------------------------------------


@pytest.mark.parametrize("half", [True, False], ids=["half", "full"])
def test_what_is_saved_is_loaded(tmp_path: Path, half: bool) -> None:
    torch.manual_seed(3)
    generator, discriminator = build(COLOUR), discriminators.build(JUDGE)
    for network, shape in ((generator, (32, 8)), (discriminator, (32, 3, 16, 16))):
        network(torch.randn(shape))  # so that the running statistics are not their defaults
    card = {"title": "Tiny", "discriminator": JUDGE}
    saved = save(tmp_path / "a", generator, discriminator, card, Image.new("L", (9, 9)), half=half)
    found = read(tmp_path / "a")
    assert (found.card, found.folder) == (saved.card, tmp_path / "a")

    loaded = found.load_generator()
    judge = discriminators.build(found.card["discriminator"])
    load_weights(judge, found.folder / DISCRIMINATOR)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    for before, after in ((generator, loaded), (discriminator, judge)):
        states = before.state_dict(), after.state_dict()
        assert states[0].keys() == states[1].keys()
        for name, value in states[0].items():
            assert states[1][name].dtype == value.dtype
            if half and value.dim() > 1:
                assert not torch.equal(states[1][name], value)
                torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-6)
            else:
                assert torch.equal(states[1][name], value)

    latents = torch.randn(16, 8)
    with torch.inference_mode():
        expected, drawn = generator.eval()(latents), loaded(latents)
        judged = discriminator.eval()(expected), judge.eval()(expected)
    tolerance = 0.02 if half else 0
    torch.testing.assert_close(drawn, expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(judged[1], judged[0], rtol=0, atol=tolerance)


def test_only_what_has_dimensions_is_stored_in_half(tiny: Checkpoint) -> None:
    for file in (GENERATOR, DISCRIMINATOR):
        stored = load_file(tiny.folder / file)
        assert {value.dtype for value in stored.values() if value.dim() > 1} == {torch.float16}
        floats = [v for v in stored.values() if v.dim() <= 1 and v.is_floating_point()]
        assert floats and {value.dtype for value in floats} == {torch.float32}


def test_a_folder_holds_what_it_should(tiny: Checkpoint) -> None:
    assert {path.name for path in tiny.folder.iterdir()} == {
        CARD,
        GENERATOR,
        DISCRIMINATOR,
        PREVIEW,
    }
    with Image.open(tiny.folder / PREVIEW) as preview:
        assert preview.format == "JPEG" and preview.width > 16


def test_the_card_says_how_to_build_and_what_it_is(tiny: Checkpoint) -> None:
    assert tiny.card["format"] == 1
    assert build(tiny.card["generator"]).config == tiny.card["generator"]
    assert tiny.card["discriminator"] == JUDGE
    assert (tiny.name, tiny.title) == ("tiny", "Tiny")
    assert tiny.card["generator_sha256"] == checkpoint.sha256(tiny.folder / GENERATOR)
    assert tiny.fingerprint == tiny.card["generator_sha256"][:12]


def test_a_card_cannot_overwrite_what_the_folder_needs(make_checkpoint: Make, tmp_path: Path):
    own = {"format": 99, "generator": {}, "generator_sha256": "0" * 64, "title": "Mine"}
    found = make_checkpoint(tmp_path / "a", COLOUR, **own)
    assert found.title == "Mine"
    assert found.load_generator().config["widths"] == [16, 8]


def test_the_fingerprint_tells_weights_apart(make_checkpoint: Make, tmp_path: Path) -> None:
    one, same, other = (
        make_checkpoint(tmp_path / name, COLOUR, seed=seed, title=name)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 12 and int(one.fingerprint, 16) >= 0


def test_a_title_is_not_needed(make_checkpoint: Make, tmp_path: Path) -> None:
    assert make_checkpoint(tmp_path / "plain", COLOUR, title="").title == "plain"


def test_a_run_lends_its_name_to_its_checkpoint(make_checkpoint: Make, tmp_path: Path) -> None:
    assert make_checkpoint(tmp_path / "my-run" / "checkpoint", COLOUR).name == "my-run"


# --- what is broken ----------------------------------------------------------------------------


def test_weights_cut_short_are_refused(tiny: Checkpoint) -> None:
    path = tiny.folder / GENERATOR
    whole = path.read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"tiny: generator.safetensors .*card"):
            tiny.load_generator()
        with pytest.raises(CheckpointError, match="can't be used|far too small"):
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


BROKEN_CARDS = {
    "empty": "",
    "no JSON": "{",
    "a list": "[]",
    "a number": "1",
    "nothing": "null",
    "bytes": b"\xff\xfe\x00\x80",
    "too deep": '{"format": 1, "x": ' + "[" * 200_000,
    "no format": {"generator": COLOUR, "generator_sha256": "0" * 64},
    "another format": {"format": 2, "generator": COLOUR, "generator_sha256": "0" * 64},
    "no generator": {"format": 1, "generator_sha256": "0" * 64},
    "generator a text": {"format": 1, "generator": "dcgan", "generator_sha256": "0" * 64},
    "no hash": {"format": 1, "generator": COLOUR},
    "hash a number": {"format": 1, "generator": COLOUR, "generator_sha256": 5},
    "hash cut": {"format": 1, "generator": COLOUR, "generator_sha256": "0" * 12},
}


def write_card(folder: Path, card: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card) if isinstance(card, dict) else card
    (folder / CARD).write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize("card", BROKEN_CARDS.values(), ids=BROKEN_CARDS)
def test_a_wrong_card_is_refused(tmp_path: Path, card: Any) -> None:
    write_card(tmp_path / "a", card)
    with pytest.raises(CheckpointError, match=r"card\.json"):
        read(tmp_path / "a")


# --- finding -----------------------------------------------------------------------------------


def test_checkpoints_come_in_the_order_of_their_cards(make_checkpoint: Make, tmp_path: Path):
    orders = {
        "zebra": 1,
        "apple": 2.5,
        "mango": 2,
        "late": None,
        "early": None,
        "text": "0",
        "nan": float("nan"),
        "huge": 10**400,
    }
    for name, order in orders.items():
        make_checkpoint(tmp_path / name, COLOUR)
        if order is not None:
            edit(read(tmp_path / name), order=order)
    assert list(find(tmp_path)) == [
        *("zebra", "mango", "apple"),
        *("early", "huge", "late", "nan", "text"),
    ]


def test_broken_and_foreign_folders_are_passed_over(make_checkpoint: Make, tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "good", COLOUR)
    for name, card in BROKEN_CARDS.items():
        write_card(tmp_path / name, card)
    (tmp_path / "a file").write_text("x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "card a folder" / CARD).mkdir(parents=True)
    (tmp_path / "loop").symlink_to("loop")
    assert list(find(tmp_path)) == ["good"]
    assert list(find(tmp_path / "a file", tmp_path / "nowhere", tmp_path)) == ["good"]
    assert find() == find(tmp_path / "photos") == {}


def test_a_folder_that_may_not_be_read_is_passed_over(
    make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoint(tmp_path / "good", COLOUR)
    make_checkpoint(tmp_path / "private", COLOUR)

    def refusing(method: Callable) -> Callable:
        def guarded(path: Path, *args: Any, **kwargs: Any) -> Any:
            if "private" in path.parts[len(tmp_path.parts) : -1]:
                raise PermissionError(13, "Permission denied", str(path))
            return method(path, *args, **kwargs)

        return guarded

    for name in ("stat", "is_file", "read_text", "read_bytes"):
        monkeypatch.setattr(Path, name, refusing(getattr(Path, name)))
    assert list(find(tmp_path)) == ["good"]


def test_run_folders_are_found_by_the_runs_name(make_checkpoint: Make, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_checkpoint(runs / "my-bags" / "checkpoint", COLOUR)
    make_checkpoint(runs / "my-bags" / "snapshots" / "0001", COLOUR)
    (runs / "just-begun" / "samples").mkdir(parents=True)
    found = find(tmp_path / "checkpoints", runs)
    assert list(found) == ["my-bags"]
    assert found["my-bags"].folder == runs / "my-bags" / "checkpoint"


def test_the_first_root_wins_where_names_are_equal(make_checkpoint: Make, tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "one" / "bags", COLOUR, title="First")
    make_checkpoint(tmp_path / "two" / "bags" / "checkpoint", COLOUR, title="Second")
    assert find(tmp_path / "one", tmp_path / "two")["bags"].title == "First"
    assert find(tmp_path / "two", tmp_path / "one")["bags"].title == "Second"


# --- writing whole -----------------------------------------------------------------------------


def test_an_interrupted_write_leaves_the_old_folder_and_no_litter(tiny: Checkpoint) -> None:
    before = contents(tiny.folder.parent)

    class Unsaveable:
        def save(self, *args: Any, **kwargs: Any) -> None:
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        save(tiny.folder, build(COLOUR), discriminators.build(JUDGE), {}, Unsaveable())
    with pytest.raises(KeyboardInterrupt), write_whole(tiny.folder) as fresh:
        (fresh / CARD).write_text("half")
        raise KeyboardInterrupt
    assert contents(tiny.folder.parent) == before
    assert [path.name for path in tiny.folder.parent.iterdir()] == ["tiny"]


def test_a_first_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), write_whole(tmp_path / "deep" / "new") as fresh:
        (fresh / "part").write_text("half")
        raise RuntimeError
    assert contents(tmp_path) == {}
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_write_replaces_the_whole_folder_at_its_end(tiny: Checkpoint, tmp_path: Path) -> None:
    (tiny.folder / "directions.json").write_text("of the old weights")
    with write_whole(tiny.folder) as fresh:
        (fresh / "new").write_text("whole")
        assert (tiny.folder / CARD).exists()
        assert fresh.parent == tiny.folder.parent
    assert contents(tmp_path) == {"tiny/new": b"whole"}


def test_a_folder_being_written_is_not_found(make_checkpoint: Make, tmp_path: Path) -> None:
    first = make_checkpoint(tmp_path / "bags", COLOUR)
    with write_whole(first.folder) as fresh:
        for path in first.folder.iterdir():
            shutil.copy(path, fresh)
        assert list(find(tmp_path)) == ["bags"]
    assert list(find(tmp_path)) == ["bags"]


def test_others_may_open_what_was_written(tiny: Checkpoint, tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    assert stat.S_IMODE(tiny.folder.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)
