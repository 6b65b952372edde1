"""The sample sets that ship: they are there, small, and what the check would pass."""

from __future__ import annotations

import zipfile

import pytest

from train.data import samples
from train.data.check import check
from train.data.samples import sample_sets


def test_there_are_two():
    assert list(sample_sets()) == ["handbags", "garments"]


@pytest.mark.parametrize("name", ["handbags", "garments"])
def test_sample_set_is_what_it_says(name):
    each = sample_sets()[name]
    report = check(each.path)
    assert each.name == name
    assert report.images == report.files == each.images
    assert report.leave_out == report.odd == report.unreadable == ()
    assert report.common_size == (64, 64)
    assert not any(kind in ("warning", "bad") for kind, _ in report.sentences)
    assert each.path.stat().st_size < 2_500_000
    assert "research" in each.licence
    with zipfile.ZipFile(each.path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_set_that_is_not_here_is_not_offered(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "FOLDER", tmp_path)
    (tmp_path / "garments.zip").write_bytes(b"")
    assert list(sample_sets()) == ["garments"]
