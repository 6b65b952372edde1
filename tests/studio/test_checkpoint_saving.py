"""Checkpoints: what is saved is what is loaded, and a folder is written whole or not at all."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_cards import COLOUR, JUDGE, Make, write_card
from PIL import Image
from safetensors.torch import load_file

from studio.checkpoint import (
    CARD,
    CONDITION,
    DISCRIMINATOR,
    FLOW,
    GENERATOR,
    PREVIEW,
    Checkpoint,
    CheckpointError,
    find,
    load_weights,
    read,
    save,
    save_weights,
    update_card,
)
from studio.files import sha256, write_whole
from studio.generators import build
from train import discriminators

CODED = {
    "kind": "coded",
    "style_dim": 6,
    "code_channels": 14,
    "code_size": 4,
    "synthesis_widths": [8, 8],
    "decoder_widths": [8, 8, 6],
    "flow_width": 8,
    "flow_blocks": 1,
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- saving and loading ------------------------------------------------------------------------


def test_collections_that_differ_in_their_flow_share_all_the_rest(tmp_path: Path) -> None:
    torch.manual_seed(3)
    generator, sheet = build(CODED), Image.new("L", (9, 9))
    one = save(tmp_path / "one", generator, None, {}, sheet)
    before = generator.map(torch.ones(2, 6))
    with torch.no_grad():
        generator.flow.mean += 1
    two = save(tmp_path / "two", generator, None, {}, sheet)
    assert (one.folder / GENERATOR).read_bytes() == (two.folder / GENERATOR).read_bytes()
    assert one.fingerprint != two.fingerprint
    for saved, wanted in ((one, before), (two, before + 1)):
        drawn = saved.load_generator().map(torch.ones(2, 6))
        torch.testing.assert_close(drawn, wanted, atol=1e-3, rtol=0)
    shutil.copyfile(one.folder / FLOW, two.folder / FLOW)
    with pytest.raises(CheckpointError, match=r"flow\.safetensors is not the file its card"):
        two.load_generator()
    (two.folder / FLOW).unlink()
    with pytest.raises(CheckpointError, match=r"flow\.safetensors can't be read"):
        two.load_generator()


def test_collections_of_one_flow_differ_in_their_categories_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    generator, sheet = build({**CODED, "classes": 2}), Image.new("L", (9, 9))
    one = save(tmp_path / "one", generator, None, {}, sheet)
    other = build({**CODED, "classes": 1})
    parts = generator.state_dict()
    parts["flow.embedding.weight"] = parts["flow.embedding.weight"][1:]
    other.load_state_dict(parts)
    two = save(tmp_path / "two", other, None, {}, sheet)
    assert one.fingerprint != two.fingerprint
    assert sorted(contents(tmp_path / "one")) == sorted(contents(tmp_path / "two"))
    for name in (GENERATOR, FLOW):
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()
    z = torch.ones(1, 6)
    drawn = [
        each.load_generator().map(z, torch.tensor([label])) for each, label in ((one, 1), (two, 0))
    ]
    torch.testing.assert_close(drawn[0], drawn[1])
    (two.folder / CONDITION).unlink()
    with pytest.raises(CheckpointError, match=r"condition\.safetensors can't be read"):
        two.load_generator()


def test_a_flow_may_lie_in_the_generators_file(tmp_path: Path) -> None:
    """As it did before it had one of its own."""
    torch.manual_seed(3)
    generator = build(CODED)
    save(tmp_path / "old", generator, None, {}, Image.new("L", (9, 9)))
    (tmp_path / "old" / FLOW).unlink()
    save_weights(generator, tmp_path / "old" / GENERATOR, half=False)
    card = {**read(tmp_path / "old").card, "generator_sha256": sha256(tmp_path / "old" / GENERATOR)}
    del card["flow_sha256"]
    write_card(tmp_path / "old", card)
    z = torch.ones(2, 6)
    assert torch.equal(read(tmp_path / "old").load_generator().map(z), generator.map(z))


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
    assert tiny.card["generator_sha256"] == sha256(tiny.folder / GENERATOR)
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


# --- changing a card ---------------------------------------------------------------------------


def test_a_card_is_changed_as_it_is_now(tiny: Checkpoint) -> None:
    update_card(tiny, quality={"distance": 1.5})
    update_card(tiny, title="Täschchen")  # of a card read before the first change
    now = read(tiny.folder)
    assert now.card == {**tiny.card, "quality": {"distance": 1.5}, "title": "Täschchen"}
    assert "Täschchen" in (tiny.folder / CARD).read_text(encoding="utf-8")


def test_a_card_that_a_training_replaced_is_left_alone(make_checkpoint: Make, tmp_path: Path):
    found = make_checkpoint(tmp_path / "bags", COLOUR, seed=1)
    make_checkpoint(tmp_path / "bags", COLOUR, seed=2, notes="new")
    before = contents(tmp_path)
    with pytest.raises(CheckpointError, match="bags was trained on in the meantime"):
        update_card(found, quality={})
    assert contents(tmp_path) == before


def test_a_card_that_is_replaced_just_then_is_left_alone(
    make_checkpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = make_checkpoint(tmp_path / "bags", COLOUR, seed=1)
    after: dict[str, bytes] = {}

    def read_and_replaced(folder: Path) -> Checkpoint:
        now = read(folder)
        make_checkpoint(folder, COLOUR, seed=2, notes="new")
        after.update(contents(tmp_path))
        return now

    monkeypatch.setattr("studio.checkpoint.read", lambda folder: now_or_then.pop()(folder))
    now_or_then = [read, read_and_replaced]
    with pytest.raises(CheckpointError, match="trained on in the meantime"):
        update_card(found, quality={})
    assert contents(tmp_path) == after
    assert read(found.folder).card["notes"] == "new"
