"""Images of every kind, good and hostile, on their way to one uint8 tensor."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from train import archives, data, idx
from train.data import DataError, load_images, prepare

SIZE = 8
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def random_image(seed: int = 0, height: int = SIZE, width: int = SIZE) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def plain(colour: tuple[int, ...] | int = RED, mode: str = "RGB", size: int = SIZE) -> Image.Image:
    return Image.new(mode, (size, size), colour)


def fill(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def load(path: Path | str, size: int = SIZE, channels: int = 3, minimum: int = 1, **options):
    return load_images(path, size, channels, minimum=minimum, **options)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def truncated(kind: str) -> bytes:
    content = encode(random_image(height=64, width=64), kind)
    return content[: len(content) // 2]


def reasons(images: data.ImageSet) -> dict[str, str]:
    return dict(images.skipped)


# prepare: modes -----------------------------------------------------------------------------------


def with_transparency(image: Image.Image, value: object) -> Image.Image:
    return Image.open(io.BytesIO(encode(image, transparency=value)))


def palette(colour: tuple[int, int, int]) -> Image.Image:
    image = plain(1, "P")
    image.putpalette([9, 9, 9, *colour])
    return image


def lab(colour: tuple[int, int, int]) -> Image.Image:
    srgb, target = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(plain(colour), srgb, target, outputMode="LAB")


def sixteen(value: int, kind: str = "<u2") -> Image.Image:
    return Image.fromarray(np.full((SIZE, SIZE), value, kind))


MODES = {
    "RGB": (plain((200, 100, 50)), (200, 100, 50)),
    "L": (plain(77, "L"), (77, 77, 77)),
    "1 white": (plain(1, "1"), (255, 255, 255)),
    "1 black": (plain(0, "1"), (0, 0, 0)),
    "RGBA": (plain((255, 0, 0, 128), "RGBA"), (255, 127, 127)),
    "RGBA clear": (plain((1, 2, 3, 0), "RGBA"), (255, 255, 255)),
    "RGBa": (plain((255, 0, 0, 128), "RGBA").convert("RGBa"), (255, 127, 127)),
    "LA": (plain((0, 128), "LA"), (127, 127, 127)),
    "La": (plain((0, 128), "LA").convert("La"), (127, 127, 127)),
    "PA": (palette(GREEN).convert("PA"), GREEN),
    "P": (palette((1, 2, 3)), (1, 2, 3)),
    "P clear": (with_transparency(palette(RED), 1), (255, 255, 255)),
    "P other clear": (with_transparency(palette(RED), 0), RED),
    "P half clear": (with_transparency(palette(RED), b"\xff\x80"), (255, 127, 127)),
    "RGB clear": (with_transparency(plain((9, 8, 7)), (9, 8, 7)), (255, 255, 255)),
    "L clear": (with_transparency(plain(9, "L"), 9), (255, 255, 255)),
    "RGBX": (plain((1, 2, 3, 0), "RGBX"), (1, 2, 3)),
    "CMYK": (plain((0, 255, 255, 0), "CMYK"), RED),
    "YCbCr": (plain((200, 100, 50)).convert("YCbCr"), (200, 100, 50)),
    "HSV": (plain((0, 255, 255), "HSV"), RED),
    "LAB": (lab((200, 100, 50)), (200, 100, 50)),
    "I;16 white": (sixteen(65535), (255, 255, 255)),
    "I;16 middle": (sixteen(128 * 257), (128, 128, 128)),
    "I;16 rounded": (sixteen(128 * 257 + 200), (129, 129, 129)),
    "I;16 dark": (sixteen(300), (1, 1, 1)),
    "I;16B": (sixteen(128 * 257, ">u2"), (128, 128, 128)),
    "I;16 PNG": (Image.open(io.BytesIO(encode(sixteen(50 * 257)))), (50, 50, 50)),
    "I;16 TIFF": (Image.open(io.BytesIO(encode(sixteen(50 * 257), "TIFF"))), (50, 50, 50)),
    "I;16 clear": (with_transparency(sixteen(300), 300), (255, 255, 255)),
}


@pytest.mark.parametrize("name", MODES)
def test_prepare_reads_every_mode(name):
    image, colour = MODES[name]
    array = prepare(image, SIZE, 3)
    assert (array.shape, array.dtype) == ((3, SIZE, SIZE), np.uint8)
    expected = np.broadcast_to(np.reshape(colour, (3, 1, 1)), array.shape)
    # Only these two are rounded on the way.
    tolerance = {"LAB": 3, "YCbCr": 1}.get(name, 0)
    np.testing.assert_allclose(array.astype(int), expected, atol=tolerance)

    grey = prepare(image, SIZE, 1)
    assert (grey.shape, grey.dtype) == ((1, SIZE, SIZE), np.uint8)
    luma = np.dot(colour, (0.299, 0.587, 0.114))
    np.testing.assert_allclose(grey.astype(int), luma, atol=tolerance + 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 1e8, 2e8], [0, 128, 255]),
        ([float("nan"), 0.5, 1.0], [0, 128, 255]),
        ([float("inf"), 0.5, 1.0], [0, 128, 255]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
    ],
)
def test_prepare_scales_float_grey(values, expected):
    image = Image.fromarray(np.tile(np.array(values, np.float32), (3, 1)))
    assert image.mode == "F"
    assert prepare(image, 3, 1)[0, 1].tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 100, 200], [0, 100, 200]),
        ([0, 2570, 65535], [0, 10, 255]),
        ([0, 1606, 4095], [0, 100, 255]),
        ([-5, 0, 5], [0, 128, 255]),
    ],
)
def test_prepare_scales_32_bit_grey(values, expected):
    image = Image.fromarray(np.tile(np.array(values, np.int32), (3, 1)))
    assert image.mode == "I"
    assert prepare(image, 3, 1)[0, 1].tolist() == expected


# prepare: geometry --------------------------------------------------------------------------------


def test_prepare_leaves_an_image_of_the_right_size_alone():
    image = random_image()
    assert np.array_equal(prepare(image, SIZE, 3), pixels(image))


@pytest.mark.parametrize("upright", [False, True])
def test_prepare_takes_the_centre_square(upright):
    stripes = np.concatenate([np.asarray(plain(c)) for c in (RED, GREEN, BLUE)], axis=1)
    image = Image.fromarray(stripes.transpose(1, 0, 2).copy() if upright else stripes)
    assert np.array_equal(prepare(image, SIZE, 3), pixels(plain(GREEN)))


def test_prepare_antialiases():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    array = prepare(Image.fromarray(checks.astype(np.uint8)), SIZE, 1)
    assert np.abs(array[0, 2:-2, 2:-2].astype(int) - 127).max() <= 3


def test_prepare_keeps_a_very_long_picture_small():
    line = Image.new("RGB", (60_000, 1), RED)
    assert np.array_equal(prepare(line, 64, 3), pixels(plain(RED, size=64)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO(encode(random_image(height=SIZE, width=SIZE + 4), exif=exif))
    upright = ImageOps.exif_transpose(Image.open(file))
    left, top = (upright.width - SIZE) // 2, (upright.height - SIZE) // 2
    expected = pixels(upright.crop((left, top, left + SIZE, top + SIZE)))
    assert np.array_equal(prepare(Image.open(file), SIZE, 3), expected)


def test_tiff_is_not_turned_twice():
    image = random_image()
    file = io.BytesIO(encode(image, "TIFF", tiffinfo={0x0112: 6}))
    expected = pixels(image.transpose(Image.Transpose.ROTATE_270))
    assert np.array_equal(prepare(Image.open(file), SIZE, 3), expected)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_costs_only_the_orientation():
    image = random_image()
    file = io.BytesIO(encode(image, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense"))
    assert np.array_equal(prepare(Image.open(file), SIZE, 3), pixels(image))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_its_first_frame(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encode(plain(RED), kind, save_all=True, append_images=[plain(BLUE)], **options)
    animation = Image.open(io.BytesIO(content))
    animation.seek(1)
    assert np.array_equal(prepare(animation, SIZE, 3), pixels(plain(RED)))


# load_images: what it returns ---------------------------------------------------------------------


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


def mixed_folder(root: Path) -> Path:
    files = {f"{n:02d}.png": encode(random_image(n, 20 + n, 30)) for n in range(24)}
    return fill(root, files | {"05.png": b"", "11.png": b"text", "23.png": truncated("JPEG")})


def same(first: data.ImageSet, second: data.ImageSet) -> bool:
    return torch.equal(first.images, second.images) and all(
        getattr(first, field) == getattr(second, field)
        for field in ("names", "skipped", "label_names", "native_sizes")
    )


def test_result_does_not_depend_on_workers(tmp_path):
    one, four = (load(mixed_folder(tmp_path), workers=workers) for workers in (1, 4))
    assert len(one) == 21
    assert [name for name, _ in one.skipped] == ["05.png", "11.png", "23.png"]
    assert same(one, four)


def test_beyond_the_memory_limit_images_lie_in_a_file(tmp_path, monkeypatch):
    mapped = []
    memmap = np.memmap
    monkeypatch.setattr(
        data.np, "memmap", lambda *args, **kw: mapped.append(memmap(*args, **kw)) or mapped[-1]
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
    monkeypatch.setattr(data.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(DataError, match="smaller size"):
        load(mixed_folder(tmp_path), memory_limit=0)


def test_progress(tmp_path, capsys):
    fill(tmp_path, {"a.png": encode(plain())})
    load(tmp_path)
    assert "Reading images" not in capsys.readouterr().err
    load(tmp_path, progress=True)
    assert "1/1" in capsys.readouterr().err


# load_images: files that can't be read ------------------------------------------------------------


BAD = {
    "truncated.jpg": (truncated("JPEG"), "cut short"),
    "truncated.png": (truncated("PNG"), "cut short"),
    "truncated.gif": (truncated("GIF"), "cut short"),
    "truncated.webp": (truncated("WEBP"), "damaged"),
    "header.png": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"this is no picture", "not an image"),
    "page.htm": (b"<html>", "not an image"),
    "bomb.png": (png_header(20_000, 20_000), "too large: more than 100 million pixels"),
    "large.png": (png_header(10_001, 10_000), "too large: more than 100 million pixels"),
    "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "export them as JPEG"),
    "film.mp4": (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "not an image"),
    "photo.dng": (encode(random_image(), "TIFF"), "camera raw"),
    "drawing.svg": (b"<svg/>", "export them as PNG"),
    "program.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n", "not an image"),
    "more.zip": (b"PK\x03\x04", "unpack it first"),
    "more.tar.gz": (b"\x1f\x8b", "unpack it first"),
}


@pytest.mark.parametrize("zipped", [False, True])
def test_unreadable_files_are_named_with_a_reason(tmp_path, zipped):
    files = {name: content for name, (content, _) in BAD.items()} | {"ok.png": encode(plain())}
    loaded = load(make_zip(tmp_path / "a.zip", files) if zipped else fill(tmp_path, files))
    assert loaded.names == ("ok.png",)
    assert np.array_equal(loaded.images[0].numpy(), pixels(plain()))
    found = reasons(loaded)
    assert list(found) == sorted(BAD)
    for name, (_, reason) in BAD.items():
        assert reason in found[name], name


def test_noise_in_place_of_bytes_never_stops_a_load(tmp_path):
    random = np.random.default_rng(0)
    kinds = ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM", "JPEG2000")
    for number in range(160):
        kind = kinds[number % len(kinds)]
        content = np.frombuffer(encode(random_image(number), kind), np.uint8).copy()
        content[random.integers(0, len(content), 8)] = random.integers(0, 256, 8)
        fill(tmp_path, {f"{number:03d}.{kind}": content.tobytes()})
    fill(tmp_path, {"ok.png": encode(plain())})
    loaded = load(tmp_path)
    assert loaded.names[-1] == "ok.png"
    assert len(loaded) + len(loaded.skipped) == 161
    assert len(loaded.skipped) > 10


def test_file_over_the_byte_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_FOLDER_FILE_BYTES", 2**20)
    fill(tmp_path, {"big.png": encode(plain()) + b"\0" * 2**20, "ok.png": encode(plain())})
    assert reasons(load(tmp_path)) == {"big.png": "too large: more than 1 MB"}


def test_links_are_not_followed(tmp_path):
    outside = fill(tmp_path / "outside", {"secret.png": encode(plain())})
    inside = fill(tmp_path / "inside", {"ok.png": encode(plain())})
    (inside / "loop").symlink_to(inside, target_is_directory=True)
    (inside / "folder").symlink_to(outside, target_is_directory=True)
    (inside / "file.png").symlink_to(outside / "secret.png")
    (inside / "gone.png").symlink_to(outside / "nothing")
    loaded = load(inside)
    assert loaded.names == ("ok.png",)
    assert reasons(loaded) == dict.fromkeys(
        ("file.png", "folder", "gone.png", "loop"), archives.LINK
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_does_not_block(tmp_path):
    fill(tmp_path, {"ok.png": encode(plain())})
    os.mkfifo(tmp_path / "pipe.png")
    assert reasons(load(tmp_path)) == {"pipe.png": "not an ordinary file"}


def test_file_name_that_is_no_text(tmp_path):
    try:
        with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9\x1b.png"), "wb") as file:
            file.write(encode(plain()))
    except OSError:
        pytest.skip("This file system takes text only.")
    (name,) = load(tmp_path).names
    assert name == "caf\ufffd\ufffd.png"
    name.encode("utf-8")


# Zips ---------------------------------------------------------------------------------------------


def test_zip_equals_folder(tmp_path):
    folder = mixed_folder(tmp_path / "folder")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    stored = load(make_zip(tmp_path / "a.zip", files))
    deflated = load(make_zip(tmp_path / "b.zip", files, zipfile.ZIP_DEFLATED), workers=4)
    assert same(load(folder), stored)
    assert same(stored, deflated)


def test_zip_is_not_extracted_and_its_names_never_climb(tmp_path):
    names = ["../../evil.png", "/root.png", "C:\\windows\\back.png", "a/./../b.png", "..\\up.png"]
    path = make_zip(tmp_path / "a.zip", {name: encode(plain()) for name in names})
    loaded = load(path)
    assert loaded.names == ("a/b.png", "evil.png", "root.png", "up.png", "windows/back.png")
    assert list(tmp_path.iterdir()) == [path]


def patch(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def set_flags(path: Path, name: str, flags: int) -> None:
    """Overwrite a member's flags, before its contents and in the table of contents."""
    content = bytearray(path.read_bytes())
    raw = name.encode()
    for magic, flag_at, name_at in ((b"PK\3\4", 6, 30), (b"PK\1\2", 8, 46)):
        start = content.find(magic)
        while content[start + name_at : start + name_at + len(raw)] != raw:
            start = content.index(magic, start + 1)
        content[start + flag_at : start + flag_at + 2] = struct.pack("<H", flags)
    path.write_bytes(content)


def test_encrypted_member(tmp_path):
    path = make_zip(tmp_path / "a.zip", {n: encode(plain()) for n in ("a.png", "ok.png")})
    set_flags(path, "a.png", 1)
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "password" in reasons(loaded)["a.png"]


@pytest.mark.parametrize("flags", [0x800, 0], ids=["marked", "unmarked"])
def test_utf8_member_names(tmp_path, flags):
    names = ("été/é.png", "冬/1.png")
    path = make_zip(tmp_path / "a.zip", {name: encode(plain()) for name in names})
    for name in names:
        set_flags(path, name, flags)
    assert load(path).label_names == ("été", "冬")


def test_member_names_in_an_unknown_encoding(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"aé.png": encode(plain())})
    set_flags(path, "aé.png", 0)
    patch(path, "é".encode(), b"\x8f\x9a")
    (name,) = load(path).names
    assert name.startswith("a")
    assert name.endswith(".png")


def test_member_name_marked_as_utf8_that_is_not(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"aé.png": encode(plain())})
    patch(path, "é".encode(), b"\xff\xfe")
    with pytest.raises(DataError, match="broken"):
        load(path)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.95])
def test_broken_zip(tmp_path, keep):
    path = make_zip(tmp_path / "a.zip", {f"{n}.png": encode(random_image(n)) for n in range(4)})
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(len(content) * keep)])
    with pytest.raises(DataError, match=r"The zip .*a\.zip is broken or incomplete"):
        load(path)


def test_damaged_member_stops_no_other(tmp_path):
    files = {"bad.ppm": encode(plain(RED), "PPM"), "ok.png": encode(plain())}
    path = make_zip(tmp_path / "a.zip", files)
    patch(path, bytes(RED) * 4, bytes(BLUE) * 4)
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "damaged" in reasons(loaded)["bad.ppm"]


def test_zip_bomb_is_refused_and_plain_bitmaps_are_not(tmp_path):
    bomb = b"BM" + b"\0" * (2 * 2**20)
    flat = np.full((1024, 1024, 3), 255, np.uint8)
    flat[256:768, 256:768] = np.random.default_rng(0).integers(0, 256, (512, 512, 3))
    bitmap = encode(Image.fromarray(flat), "BMP")
    files = {"bomb.bmp": bomb, "small.bmp": encode(plain(size=64), "BMP"), "white.bmp": bitmap}
    loaded = load(make_zip(tmp_path / "a.zip", files, zipfile.ZIP_DEFLATED))
    assert loaded.names == ("small.bmp", "white.bmp")
    assert "zip bomb" in reasons(loaded)["bomb.bmp"]


def test_member_limits(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {"big.png": b"\0" * 70_000, "ok.png": encode(plain())})
    with monkeypatch.context() as patched:
        patched.setattr(archives, "MAX_MEMBER_BYTES", 66_000)
        assert "too large" in reasons(load(path))["big.png"]
    with monkeypatch.context() as patched:
        patched.setattr(archives, "MAX_MEMBERS", 1)
        with pytest.raises(DataError, match="2 files, more than the 1"):
            load(path)
    with monkeypatch.context() as patched:
        patched.setattr(archives, "MAX_TOTAL_BYTES", 70_000)
        with pytest.raises(DataError, match="unpacks to"):
            load(path)


def test_table_of_contents_that_is_too_long(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", {f"{n}.png": encode(plain()) for n in range(40)})
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    with pytest.raises(DataError, match="broken"):
        load(path)


def test_member_that_understates_its_size(tmp_path):
    bitmap = encode(plain(), "BMP")
    path = make_zip(tmp_path / "a.zip", {"a.bmp": bitmap, "ok.png": encode(plain())})
    size = struct.pack("<I", len(bitmap))
    patch(path, size + struct.pack("<HH", 5, 0), struct.pack("<I", 60) + struct.pack("<HH", 5, 0))
    loaded = load(path)
    assert loaded.names == ("ok.png",)
    assert "damaged" in reasons(loaded)["a.bmp"]


def test_uncommon_compression_is_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.png": encode(plain())}, zipfile.ZIP_BZIP2)
    with pytest.raises(DataError, match="uncommon"):
        load(path)


def test_link_in_a_zip(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/hostname")
        archive.writestr("ok.png", encode(plain()))
    assert reasons(load(path)) == {"link.png": archives.LINK}


# Idx ----------------------------------------------------------------------------------------------


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


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
    monkeypatch.setattr(data, "BLOCK_BYTES", 4 * 28 * 28)
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
    monkeypatch.setattr(data, "download_fashion_mnist", lambda: pytest.fail("downloads"))
    assert len(load(idx.FASHION_MNIST, 28, 1)) == 20


# Data sets that can't be used ---------------------------------------------------------------------


def test_missing_path(tmp_path):
    with pytest.raises(DataError, match=r"no file or folder at .*nowhere"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("files", [{}, {"notes.txt": b"x"}, {"a/.DS_Store": b"x"}])
def test_nothing_to_read(tmp_path, files):
    with pytest.raises(DataError, match=r"There are no images in .*; give a folder or zip"):
        load(fill(tmp_path, files))
    with pytest.raises(DataError, match=r"There are no images in .*; give a folder or zip"):
        load(make_zip(tmp_path / "a.zip", files))


@pytest.mark.parametrize("name", ["a.png", "a.tar", "weights.pt"])
def test_single_file_of_another_kind(tmp_path, name):
    fill(tmp_path, {name: encode(plain())})
    with pytest.raises(DataError, match="give a folder or a zip"):
        load(tmp_path / name)


def test_other_gzip(tmp_path):
    fill(tmp_path, {"photos.tar.gz": gzip.compress(b"x" * 600)})
    with pytest.raises(DataError, match="not an idx file"):
        load(tmp_path / "photos.tar.gz")


def test_too_few_images_names_the_unreadable(tmp_path):
    files = {f"{n}.png": encode(plain()) for n in range(3)}
    fill(tmp_path, files | {f"bad-{n}.jpg": b"" for n in range(5)})
    with pytest.raises(DataError) as error:
        load(tmp_path, minimum=4)
    message = str(error.value)
    assert "holds 3 usable images, and at least 4 are needed; 5 could not be read" in message
    assert "bad-0.jpg (empty), bad-1.jpg (empty), bad-2.jpg (empty) and 2 more." in message
    assert len(load(tmp_path, minimum=3)) == 3


def test_no_usable_image_at_all(tmp_path):
    fill(tmp_path, {"a.jpg": b"text"})
    with pytest.raises(DataError, match=r"no usable images.*1 could not be read: a\.jpg"):
        load(tmp_path, minimum=0)


def test_default_minimum(tmp_path):
    fill(tmp_path, {f"{n}.png": encode(plain()) for n in range(15)})
    with pytest.raises(DataError, match="at least 16"):
        load_images(tmp_path, SIZE, 3)
    fill(tmp_path, {"last.png": encode(plain())})
    assert len(load_images(str(tmp_path), SIZE, 3)) == 16


@pytest.mark.parametrize(("size", "channels"), [(0, 3), (8, 2), (8, 4)])
def test_arguments_out_of_range(tmp_path, size, channels):
    with pytest.raises(ValueError, match="1 or 3 channels"):
        load(tmp_path, size, channels)
