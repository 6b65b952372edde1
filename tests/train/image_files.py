"""Small pictures, files of them in folders and zips, and loading those with few words."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from train.data import images as data
from train.data.images import load_images

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


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def truncated(kind: str) -> bytes:
    content = encode(random_image(height=64, width=64), kind)
    return content[: len(content) // 2]


def reasons(images: data.ImageSet) -> dict[str, str]:
    return dict(images.skipped)


def mixed_folder(root: Path) -> Path:
    files = {f"{n:02d}.png": encode(random_image(n, 20 + n, 30)) for n in range(24)}
    return fill(root, files | {"05.png": b"", "11.png": b"text", "23.png": truncated("JPEG")})


def same(first: data.ImageSet, second: data.ImageSet) -> bool:
    return torch.equal(first.images, second.images) and all(
        getattr(first, field) == getattr(second, field)
        for field in ("names", "skipped", "label_names", "native_sizes")
    )
