"""Images of a data set, from a folder, a zip, an .npz or an IDX file, in a fixed order."""

import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from sampler_bench.kit.bounds import reason, size_of, told
from sampler_bench.models.data import walk
from sampler_bench.models.data.idx import read_idx
from sampler_bench.models.data.npz import read_npz
from sampler_bench.models.data.walk import SUFFIXES, Names

KEYS = ("images", "arr_0")
BATCH = 1000
"""Images in a batch, if they take no more bytes than BATCH_BYTES together."""
BATCH_BYTES = 2**30
MOST_PIXELS = 2**26
"""Of one image: 8,192 × 8,192."""
MOST_FILE = 2**28
"""Bytes of one image's file, unpacked."""
# RuntimeError: a zip's member is encrypted.
UNREADABLE = (
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)


def read_images(source: Path) -> Iterator[Tensor]:
    """Batches of the images in ``source``, uint8 [n, 1 or 3, H, W], all of one size.

    ``source`` is a folder (with subfolders) or a .zip of image files, found and ordered as `walk`
    says; an .npz with uint8 ``images`` or ``arr_0``, [n, H, W], [n, H, W, C] or [n, C, H, W]; or
    an IDX file, plain or .gz. Nothing is resized or converted. Raises ValueError, naming the file,
    if there is no image, or one cannot be read, is neither 8-bit grey nor RGB, or differs in size.
    """
    if source.is_dir():
        return _folder(source)
    if not source.exists():
        raise ValueError(f"{source}: no such file or folder")
    if is_zip(source):
        return _zip(source)
    if is_npz(source):
        return _split(source, _npz(source))
    return _split(source, read_idx(source))


def is_zip(source: Path) -> bool:
    """Return whether a file is called a zip."""
    return source.suffix.lower() == ".zip"


def is_npz(source: Path) -> bool:
    """Return whether a file is called an .npz."""
    return source.suffix.lower() == ".npz"


def names_in(source: Path) -> Names:
    """Return what a folder or .zip holds, as `walk` says.

    Raises ValueError, naming the file, if ``source`` is neither.
    """
    return walk.in_folder(source) if source.is_dir() else _zip_names(source)


def batches(source: str, images: Iterable[tuple[str, NDArray[np.uint8]]]) -> Iterator[Tensor]:
    """Batches, uint8 [n, C, H, W], of named images [C, H, W].

    Raises ValueError, naming the image, if there is none or if one differs in size.
    """
    batch: list[NDArray[np.uint8]] = []
    first: tuple[str, tuple[int, ...]] | None = None
    for name, image in images:
        first = first or (name, image.shape)
        if image.shape != first[1]:
            raise ValueError(
                f"{source}/{name}: its size (channels, height, width) is {image.shape}, "
                f"but {first[0]} has {first[1]}; all images must be alike"
            )
        batch.append(image)
        if len(batch) == _in_a_batch(image):
            yield torch.from_numpy(np.stack(batch))
            batch = []
    if first is None:
        raise ValueError(f"{source}: holds no images (looked for {' '.join(SUFFIXES)})")
    if batch:
        yield torch.from_numpy(np.stack(batch))


def channels_first(place: str, mode: str, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels [H, W] or [H, W, 3] of a PIL image as [C, H, W].

    Raises ValueError, naming ``place``, if its mode is neither L nor RGB.
    """
    if mode not in ("L", "RGB"):
        raise ValueError(
            f"{place}: image mode {mode}, expected L (8-bit grey) or RGB (8 bits each)"
        )
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)


def _folder(source: Path) -> Iterator[Tensor]:
    names = names_in(source)
    names.say(source)

    def opened(name: str) -> tuple[int, IO[bytes]]:
        return size_of(source / name), (source / name).open("rb")

    return _decoded(source, names.images, opened)


def _zip(source: Path) -> Iterator[Tensor]:
    names = _zip_names(source)
    names.say(source)
    with zipfile.ZipFile(source) as archive:

        def opened(name: str) -> tuple[int, IO[bytes]]:
            return archive.getinfo(name).file_size, archive.open(name)

        yield from _decoded(source, names.images, opened)


def _zip_names(source: Path) -> Names:
    try:
        size_of(source)
        with zipfile.ZipFile(source) as archive:
            return walk.in_zip(archive)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{source}: cannot be read as a zip of images: {reason(error)}") from error


Opened = Callable[[str], tuple[int, IO[bytes]]]
"""Gives the length of an image's file, by its name, and the file."""


def _decoded(source: Path, names: list[str], opened: Opened) -> Iterator[Tensor]:
    return batches(
        str(source), ((name, _decode(f"{source}/{name}", name, opened)) for name in names)
    )


def _decode(place: str, name: str, opened: Opened) -> NDArray[np.uint8]:
    try:
        size, file = opened(name)
        with file:
            if size > MOST_FILE:
                raise ValueError(f"its file is longer than {told(MOST_FILE)}")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # said below
                image = Image.open(file)  # reads no more than what is said of it
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"it has {image.width:,} × {image.height:,} pixels; "
                    f"at most {MOST_PIXELS:,} are allowed"
                )
            pixels = np.asarray(image)
    except UNREADABLE as error:
        # PIL's message for a foreign file names a memory buffer, which tells nobody anything.
        why = "" if isinstance(error, UnidentifiedImageError) else f": {reason(error)}"
        raise ValueError(f"{place}: cannot be read as an image{why}") from error
    return channels_first(place, image.mode, pixels)


def _npz(source: Path) -> NDArray[np.uint8]:
    arrays = read_npz(source)
    key = next((key for key in KEYS if key in arrays), None)
    if key is None:
        raise ValueError(
            f"{source}: it holds {', '.join(arrays) or 'nothing'}, expected {' or '.join(KEYS)}"
        )
    array = arrays[key]
    if array.dtype != np.uint8:
        raise ValueError(f"{source}: '{key}' is {array.dtype}, expected uint8")
    return array


def _split(source: Path, images: NDArray[np.uint8]) -> Iterator[Tensor]:
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or images.size == 0:
        raise ValueError(
            f"{source}: images of shape {images.shape}, "
            "expected [n, H, W], [n, H, W, 1 or 3] or [n, 1 or 3, H, W]"
        )
    size = _in_a_batch(images[0])
    return (torch.tensor(images[start : start + size]) for start in range(0, len(images), size))


def _in_a_batch(image: NDArray[np.uint8]) -> int:
    return min(BATCH, max(1, BATCH_BYTES // image.size))
