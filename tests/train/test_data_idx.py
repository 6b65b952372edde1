"""Idx files, as Fashion-MNIST comes in: by path, by name, and damaged."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import fill, idx_bytes, load
from PIL import Image

from studio.photos import prepare
from train.data import idx, reading
from train.data.images import DataError

IMAGES = np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8)
LABELS = np.arange(20) % 10
IMAGES_GZ, LABELS_GZ = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def fashion(root: Path, zipped: bool = True, labels: np.ndarray = LABELS) -> Path:
    pack = gzip.compress if zipped else bytes
    names = (IMAGES_GZ, LABELS_GZ) if zipped else (IMAGES_GZ[:-3], LABELS_GZ[:-3])
    contents = (pack(idx_bytes(IMAGES)), pack(idx_bytes(labels)))
    return fill(root, dict(zip(names, contents, strict=True)))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("as_file", [True, False])
def test_idx(tmp_path, zipped, as_file):
    folder = fashion(tmp_path, zipped)
    path = folder / (IMAGES_GZ if zipped else IMAGES_GZ[:-3]) if as_file else folder
    loaded = load(path, 28, 1)
    assert np.array_equal(loaded.images.numpy(), IMAGES[:, None])
    assert loaded.labels.dtype == torch.int64
    assert loaded.labels.tolist() == LABELS.tolist()
    assert loaded.label_names[0] == "T-shirt/top"
    assert loaded.label_names[9] == "Ankle boot"
    assert loaded.names[:2] == ("train-00000", "train-00001")
    assert len(loaded.names) == 20
    assert loaded.native_sizes == (28, 28, 28)


def test_idx_in_colour_and_at_other_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 4 * 28 * 28)
    fashion(tmp_path)
    colour = load(tmp_path, 28, 3).images.numpy()
    assert np.array_equal(colour, np.repeat(IMAGES[:, None], 3, axis=1))
    for size in (16, 40):
        expected = np.stack([prepare(Image.fromarray(image), size, 3) for image in IMAGES])
        assert np.array_equal(load(tmp_path, size, 3, workers=3).images.numpy(), expected)


def test_idx_beyond_the_memory_limit(tmp_path):
    loaded = load(fashion(tmp_path), 28, 1, memory_limit=0)
    assert np.array_equal(loaded.images.numpy()[:, 0], IMAGES)


def test_idx_of_the_test_set_and_without_labels(tmp_path):
    fill(tmp_path, {"t10k-images-idx3-ubyte": idx_bytes(IMAGES)})
    loaded = load(tmp_path, 28, 1)
    assert loaded.names[0] == "t10k-00000"
    assert loaded.labels is None


def test_idx_with_more_than_ten_classes(tmp_path):
    loaded = load(fashion(tmp_path, labels=np.arange(20)), 28, 1)
    assert loaded.label_names == tuple(str(number) for number in range(20))


GOOD = idx_bytes(IMAGES)
HOSTILE_IDX = {
    "magic": (b"\0\0\x08\x02" + GOOD[4:], "not an idx file of images"),
    "floats": (b"\0\0\x0d\x03" + GOOD[4:], "not an idx file of images"),
    "empty": (b"", "cut short"),
    "short header": (GOOD[:9], "cut short"),
    "short": (GOOD[:-1], "cut short"),
    "long": (GOOD + b"\0", "more than the 20"),
    "no pixels": (struct.pack(">4B3I", 0, 0, 8, 3, 20, 0, 28), "without any pixels"),
    "boundless": (struct.pack(">4B3I", 0, 0, 8, 3, *[2**32 - 1] * 3) + GOOD, "cut short"),
    "none": (struct.pack(">4B3I", 0, 0, 8, 3, 0, 28, 28), "no usable images"),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", HOSTILE_IDX)
def test_hostile_idx_images(tmp_path, name, zipped):
    content, message = HOSTILE_IDX[name]
    files = {IMAGES_GZ: gzip.compress(content)} if zipped else {IMAGES_GZ[:-3]: content}
    with pytest.raises(DataError, match=message):
        load(fill(tmp_path, files), 28, 1)


def test_damaged_gzip(tmp_path):
    good = gzip.compress(GOOD)
    with pytest.raises(DataError, match="cut short"):
        load(fill(tmp_path, {IMAGES_GZ: good[:-20]}), 28, 1)
    with pytest.raises(DataError, match="damaged"):
        load(fill(tmp_path, {IMAGES_GZ: good[:-8] + b"\0" * 8}), 28, 1)
    with pytest.raises(DataError, match="damaged"):
        load(fill(tmp_path, {IMAGES_GZ: good[:200] + b"\xff" * 50 + good[250:]}), 28, 1)


def test_idx_images_of_absurd_size(tmp_path):
    header = struct.pack(">4B3I", 0, 0, 8, 3, 1, 5000, 5000)
    path = fill(tmp_path, {IMAGES_GZ: gzip.compress(header + bytes(25_000_000), 1)})
    with pytest.raises(DataError, match="too large"):
        load(path, 28, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(np.zeros(19)), "19 labels for 20 images"),
        (idx_bytes(np.zeros(20))[:-1], "cut short"),
        (idx_bytes(np.zeros(20)) + b"\0", "more than the 20"),
        (GOOD, "not an idx file of labels"),
    ],
)
def test_hostile_idx_labels(tmp_path, content, message):
    fashion(tmp_path, zipped=False)
    with pytest.raises(DataError, match=message):
        load(fill(tmp_path, {LABELS_GZ[:-3]: content}), 28, 1)


def test_fashion_mnist_by_name(tmp_path, monkeypatch):
    calls = []

    def download(root, train, download):
        calls.append(root)
        fashion(Path(root, "FashionMNIST", "raw"))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("torchvision.datasets.FashionMNIST", download)
    for _ in range(2):
        assert np.array_equal(load("fashion-mnist", 28, 1).images[:, 0].numpy(), IMAGES)
    assert len(calls) == 1
    assert os.listdir(tmp_path / "cache") == ["fashion-mnist"]


def test_fashion_mnist_without_network(tmp_path, monkeypatch):
    def download(root, train, download):
        fill(Path(root, "FashionMNIST", "raw"), {IMAGES_GZ: b"half"})
        raise RuntimeError("Error downloading")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("torchvision.datasets.FashionMNIST", download)
    with pytest.raises(DataError, match=r"network.*folder.*train-images-idx3-ubyte\.gz"):
        load("fashion-mnist", 28, 1)
    assert os.listdir(tmp_path / "cache") == []


def test_a_folder_named_like_the_word_comes_first(tmp_path, monkeypatch):
    fashion(tmp_path / "fashion-mnist")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "download_fashion_mnist", lambda: pytest.fail("downloads"))
    assert len(load(idx.FASHION_MNIST, 28, 1)) == 20
