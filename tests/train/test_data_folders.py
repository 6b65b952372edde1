"""Folders of images, and zips like them: names, order, labels, sizes, workers and memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from image_files import (
    BLUE,
    GREEN,
    RED,
    SIZE,
    encode,
    fill,
    load,
    make_zip,
    mixed_folder,
    pixels,
    plain,
    random_image,
    same,
)
from PIL import Image

from studio.photos import prepare
from train.data import reading
from train.data.images import DataError


def test_folder_in_name_order_at_any_depth(tmp_path):
    kinds = {"b.png": "PNG", "a.webp": "WEBP", "d/e/c.tiff": "TIFF"}
    images = {name: random_image(seed) for seed, name in enumerate(kinds)}
    for name, kind in kinds.items():
        options = {"lossless": True} if kind == "WEBP" else {}
        fill(tmp_path, {name: encode(images[name], kind, **options)})
    loaded = load(tmp_path)
    assert loaded.names == ("a.webp", "b.png", "d/e/c.tiff")
    assert loaded.images.dtype == torch.uint8
    assert loaded.images.shape == (3, 3, SIZE, SIZE)
    assert len(loaded) == 3
    for name, array in zip(loaded.names, loaded.images.numpy(), strict=True):
        assert np.array_equal(array, pixels(images[name]))
    assert loaded.labels is None
    assert loaded.label_names == ()
    assert loaded.skipped == ()


def test_one_channel(tmp_path):
    image = random_image()
    loaded = load(fill(tmp_path, {"a.png": encode(image)}), channels=1)
    assert np.array_equal(loaded.images[0, 0].numpy(), np.asarray(image.convert("L")))


def test_native_sizes(tmp_path):
    sizes = {"a": (10, 90), "b": (20, 20), "c": (50, 40)}
    fill(tmp_path, {f"{n}.png": encode(Image.new("RGB", size)) for n, size in sizes.items()})
    assert load(tmp_path).native_sizes == (10, 20, 40)


def test_large_jpeg_read_at_reduced_size_looks_the_same(tmp_path):
    image = random_image(height=32, width=32).resize((512, 512), Image.Resampling.NEAREST)
    content = encode(image, "JPEG", quality=95)
    loaded = load(fill(tmp_path, {"a.jpg": content}), size=64)
    difference = loaded.images[0].numpy() - prepare(Image.open(io.BytesIO(content)), 64, 3) * 1.0
    assert np.abs(difference).mean() < 4
    assert loaded.native_sizes.median == 512


def test_image_named_otherwise_is_read_by_its_content(tmp_path):
    image = random_image()
    loaded = load(fill(tmp_path, {"a.jpg": encode(image), "b": encode(image)}))
    assert loaded.names == ("a.jpg", "b")
    assert np.array_equal(loaded.images[1].numpy(), pixels(image))


LABELLED = {"tee/1.png": RED, "dress/2.png": GREEN, "dress/long/3.png": BLUE}


@pytest.mark.parametrize("zipped", [False, True])
def test_labels_are_first_level_folders(tmp_path, zipped):
    files = {name: encode(plain(colour)) for name, colour in LABELLED.items()}
    path = make_zip(tmp_path / "a.zip", files) if zipped else fill(tmp_path, files)
    loaded = load(path)
    assert loaded.names == ("dress/2.png", "dress/long/3.png", "tee/1.png")
    assert loaded.label_names == ("dress", "tee")
    assert loaded.labels.dtype == torch.int64
    assert loaded.labels.tolist() == [0, 0, 1]
    assert [tuple(image[:, 0, 0].tolist()) for image in loaded.images] == [GREEN, BLUE, RED]


@pytest.mark.parametrize(
    "names", [("a/1.png", "b/1.png", "1.png"), ("a/1.png", "a/2.png"), ("1.png", "2.png")]
)
def test_no_labels_without_two_folders_or_with_images_outside(tmp_path, names):
    loaded = load(fill(tmp_path, {name: encode(plain()) for name in names}))
    assert len(loaded) == len(names)
    assert loaded.labels is None


def test_folder_without_a_usable_image_is_no_label(tmp_path):
    files = {"a/1.png": encode(plain()), "b/1.png": encode(plain()), "c/1.png": b"", "2.png": b"x"}
    loaded = load(fill(tmp_path, files))
    assert loaded.label_names == ("a", "b")


def test_zip_with_one_wrapping_folder(tmp_path):
    files = {f"set/{name}": encode(plain(colour)) for name, colour in LABELLED.items()}
    files |= {"set/": b"", "set/tee/broken.png": b"", "notes.csv": b"x", "__MACOSX/1.png": b"x"}
    loaded = load(make_zip(tmp_path / "a.zip", files))
    assert loaded.names == ("dress/2.png", "dress/long/3.png", "tee/1.png")
    assert loaded.label_names == ("dress", "tee")
    assert loaded.skipped == (("tee/broken.png", "empty"),)


def test_folders_that_wrap_everything_are_no_label(tmp_path):
    files = {f"sent/set/{name}": encode(plain(colour)) for name, colour in LABELLED.items()}
    loaded = load(fill(tmp_path, files))
    assert loaded.names == (
        "sent/set/dress/2.png",
        "sent/set/dress/long/3.png",
        "sent/set/tee/1.png",
    )
    assert loaded.label_names == ("dress", "tee")
    assert loaded.labels.tolist() == [0, 0, 1]


def test_zip_wrapper_around_plain_images(tmp_path):
    loaded = load(make_zip(tmp_path / "a.zip", {f"set/{n}.png": encode(plain()) for n in "ab"}))
    assert loaded.names == ("a.png", "b.png")
    assert loaded.labels is None


@pytest.mark.parametrize("zipped", [False, True])
def test_side_files_are_ignored_in_silence(tmp_path, zipped):
    names = ["metadata.csv", "notes.txt", "x/info.JSON", "README.md", "LICENSE", ".DS_Store"]
    names += ["x/Thumbs.db", ".hidden/a.png", ".b.png", "__MACOSX/c.png"]
    files = {"x/a.png": encode(plain()), **dict.fromkeys(names, b"text")}
    loaded = load(make_zip(tmp_path / "a.zip", files) if zipped else fill(tmp_path, files))
    assert len(loaded) == 1
    assert loaded.skipped == ()


def test_result_does_not_depend_on_workers(tmp_path):
    one, four = (load(mixed_folder(tmp_path), workers=workers) for workers in (1, 4))
    assert len(one) == 21
    assert [name for name, _ in one.skipped] == ["05.png", "11.png", "23.png"]
    assert same(one, four)


def test_beyond_the_memory_limit_images_lie_in_a_file(tmp_path, monkeypatch):
    mapped = []
    memmap = np.memmap
    monkeypatch.setattr(
        reading.np, "memmap", lambda *args, **kw: mapped.append(memmap(*args, **kw)) or mapped[-1]
    )
    folder = mixed_folder(tmp_path)
    needed = 24 * 3 * SIZE * SIZE
    in_memory = load(folder, memory_limit=needed)
    assert not mapped
    in_file = load(folder, memory_limit=needed - 1)
    assert len(mapped) == 1
    assert np.shares_memory(in_file.images.numpy(), mapped[0])
    assert same(in_memory, in_file)


def test_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(reading.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(DataError, match="smaller size"):
        load(mixed_folder(tmp_path), memory_limit=0)


def test_progress(tmp_path, capsys):
    fill(tmp_path, {"a.png": encode(plain())})
    load(tmp_path)
    assert "Reading images" not in capsys.readouterr().err
    load(tmp_path, progress=True)
    assert "1/1" in capsys.readouterr().err
