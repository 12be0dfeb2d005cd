"""Images as a reference: a folder, archive or file of them, compared with as they are."""

import hashlib
import zipfile
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from sampler_bench.models.data import images as readers
from sampler_bench.models.data.dataset import is_grey
from sampler_bench.models.data.loading import together
from sampler_bench.models.data.npz import read_npz

_IDX, _GZIP = b"\x00\x00\x08", b"\x1f\x8b"


def holds_images(path: Path) -> bool:
    """Return whether there are images at a path, by what is there; of an .npz, no statistics."""
    if path.is_dir():
        return True
    if not path.is_file():
        return False
    if zipfile.is_zipfile(path):
        try:
            names = read_npz(path)
        except ValueError:
            return False
        if names.keys() & {"mu", "sigma"}:
            return False
        return bool(names.keys() & set(readers.KEYS)) or readers.is_zip(path)
    with path.open("rb") as file:
        return file.read(3).startswith((_IDX, _GZIP))


def images_at(path: Path, channels: int) -> Tensor:
    """Return all images at a path, uint8 [n, C, H, W].

    Args:
        path: See `models.data.images.read_images`.
        channels: Those of what they are compared with: RGB whose channels are equal is grey there.

    Raises:
        ValueError: If they cannot be read; one line.
    """
    images = _read(path, _signature(path))
    return images[:, :1] if channels == 1 and is_grey(images) else images


def digest_of(images: Tensor) -> str:
    """Return the SHA-256 of images, whatever file they came from."""
    found = hashlib.sha256(str(tuple(images.shape)).encode())
    found.update(images.contiguous().numpy().data)
    return found.hexdigest()


@lru_cache(maxsize=2)
def _read(path: Path, signature: object) -> Tensor:
    """Read images once for all models and metrics, as long as nothing there changes."""
    return torch.cat(list(together(str(path), readers.read_images(path))))


def _signature(path: Path) -> object:
    names = readers.names_in(path).images if path.is_dir() else [""]
    found = [(path / name).stat() for name in names]
    return tuple((n, s.st_size, s.st_mtime_ns) for n, s in zip(names, found, strict=True))
