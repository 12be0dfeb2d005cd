"""The same images and classes, written as every kind of source."""

import gzip
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = [0, 0, 0, 1, 1, 2]


def pictures(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def folder(path: Path, images: np.ndarray, labels: list[int] | None = None) -> Path:
    """Write images flat, or with ``labels`` into one sub-folder for each class."""
    for index, image in enumerate(images):
        inside = path if labels is None else path / f"class-{labels[index]}"
        inside.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(inside / f"{index:03}.png")
    return path


def listed(path: Path, images: np.ndarray, labels: list[int]) -> Path:
    """Write images as StyleGAN's tool does: folders that mean nothing, and dataset.json."""
    (path / "00000").mkdir(parents=True)
    folder(path / "00000", images)
    entries = [[f"00000/{index:03}.png", label] for index, label in enumerate(labels)]
    (path / "dataset.json").write_text(json.dumps({"labels": entries[::-1]}))
    return path


def pack(path: Path) -> Path:
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(path.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(path))
    return target


def idx_pair(
    path: Path, images: np.ndarray, labels: list[int], packed: bool = False, start: str = "train"
) -> Path:
    """Write both of MNIST's files under their names; returns the images' one."""
    path.mkdir(parents=True, exist_ok=True)
    end = ".gz" if packed else ""
    for name, array in [("images-idx3", images), ("labels-idx1", np.array(labels))]:
        content = idx(array)
        file = path / f"{start}-{name}-ubyte{end}"
        file.write_bytes(gzip.compress(content) if packed else content)
    return path / f"{start}-images-idx3-ubyte{end}"
