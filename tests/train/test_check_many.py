"""The check on many photos takes bounded time and memory, and any number of workers agrees."""

from __future__ import annotations

import gzip
import struct
import time

import numpy as np
from image_files import encode, make_zip
from PIL import Image
from product_photos import photos, product

from train.data import likeness
from train.data.check import check


def test_five_thousand_tiny_photos_in_bounded_time(tmp_path):
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (4_990, 4, 4, 3), np.uint8)
    files = {
        f"{n:04d}.png": encode(Image.fromarray(p).resize((24, 24), Image.Resampling.BICUBIC))
        for n, p in enumerate(pictures)
    }
    copies = {f"copy-{n}.png": files[f"{n:04d}.png"] for n in range(10)}
    path = make_zip(tmp_path / "a.zip", files | copies)
    start = time.process_time()
    report = check(path, size=16)
    assert time.process_time() - start < 20  # about 3 on two cores
    assert report.images == 5_000
    assert report.leave_out == tuple(sorted(copies))
    assert report.sentences[0] == ("good", "4,990 photos can be used.")


def test_many_that_look_nearly_the_same_stay_cheap():
    """A thousand steps of a slow fade: every picture has hundreds that may be the same."""
    base = np.random.default_rng(0).integers(40, 200, (1, 32, 32, 3)).astype(np.float32)
    steps = np.linspace(0, 40, 1_500, dtype=np.float32)[:, None, None, None]
    sketches = (base + steps).round().astype(np.uint8)
    start = time.process_time()
    result = likeness.originals(sketches, np.ones(1_500), np.arange(1_500))
    assert time.process_time() - start < 10
    assert (result[result] == result).all()
    assert 4 <= len(set(result.tolist())) <= 20


def test_the_search_looks_at_few_however_many_may_be_the_same(monkeypatch):
    """Pictures that the search can't tell apart, though they differ: fine noise on one ground."""
    looked_at = []
    same = likeness._same
    monkeypatch.setattr(
        likeness,
        "_same",
        lambda one, others, *rest: looked_at.append(len(others)) or same(one, others, *rest),
    )
    noise = np.random.default_rng(0).choice([-60, 60], (600, 8, 8, 4, 4, 3))
    noise[..., 1::2, :, :] = -noise[..., ::2, :, :]  # each part keeps its mean
    sketches = (128 + noise).transpose(0, 1, 3, 2, 4, 5).reshape(600, 32, 32, 3).astype(np.uint8)
    result = likeness.originals(sketches, np.ones(600), np.arange(600))
    assert result.tolist() == list(range(600))
    assert max(looked_at) == likeness.TRIED


def test_ten_thousand_of_an_idx_file(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (10_000, 8, 8), np.uint8)
    header = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(header + images.tobytes(), 1))
    start = time.process_time()
    report = check(path, channels=1, size=8)
    assert time.process_time() - start < 30
    assert (report.images, report.leave_out) == (10_000, ())
    assert report.thumbnail("train-09999").size == (8, 8)


def test_result_does_not_depend_on_workers(tmp_path):
    photos(tmp_path, 40)
    (tmp_path / "copy.jpg").write_bytes(encode(product(3), "JPEG", quality=80))
    (tmp_path / "broken.jpg").write_bytes(b"")
    one, four = (check(tmp_path, workers=workers) for workers in (1, 4))
    assert one == four
    assert one.leave_out == ("copy.jpg",)
