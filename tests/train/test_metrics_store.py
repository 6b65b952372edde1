"""What is kept of real images: the same numbers, and never a damaged one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from train.metrics import Store, default_folder
from train.metrics.store import Arrays, key_of

VALUES = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7), "e": np.zeros(0)}


class Computing:
    """Makes the values, and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Arrays:
        self.count += 1
        return dict(VALUES)


def assert_values(found: Arrays) -> None:
    assert found.keys() == VALUES.keys()
    for name, value in VALUES.items():
        np.testing.assert_array_equal(found[name], value, strict=True)


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    store, compute = Store(tmp_path / "new" / "folder"), Computing()
    for _ in range(2):
        assert_values(store.get("kind", "0" * 64, compute))
    assert compute.count == 1
    store.get("other", "0" * 64, compute)
    store.get("kind", "1" * 64, compute)
    assert compute.count == 3


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-3], lambda b: b"", lambda b: b"hello", lambda b: b[:50] + b"?" + b[51:]],
    ids=["cut", "empty", "other", "changed"],
)
def test_a_damaged_file_is_made_again(tmp_path: Path, damage) -> None:
    store, compute = Store(tmp_path), Computing()
    store.get("kind", "0" * 64, compute)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert_values(store.get("kind", "0" * 64, compute))
    assert compute.count == 2 and file.read_bytes() == whole


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    compute = Computing()
    Store().get("kind", "0" * 64, compute)
    Store().get("kind", "0" * 64, compute)
    assert compute.count == 2


def test_a_folder_that_cannot_be_written_costs_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert_values(Store(tmp_path / "file" / "folder").get("kind", "0" * 64, Computing()))
    assert "Nothing could be kept" in capsys.readouterr().err


def test_a_key_stands_for_every_part() -> None:
    images = torch.arange(12, dtype=torch.uint8)
    changed = images.clone()
    changed[5] = 0
    keys = {
        key_of("a", 1, images),
        key_of("a", 2, images),
        key_of("a", 1, changed),
        key_of("a", 1, images.view(3, 4)),
        key_of("a", 1, images.view(torch.int8)),
        key_of("a", "1", images),
        key_of("a", 1, None),
    }
    assert len(keys) == 7
    assert key_of("a", 1, images) == key_of("a", 1, images.clone())


def test_the_folder_is_the_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "measures"
    monkeypatch.delenv("STUDIO_CACHE")
    assert default_folder() == Path.home() / ".cache" / "atelier" / "measures"
