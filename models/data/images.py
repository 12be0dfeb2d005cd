"""Images of a data set, from a folder, a zip, an .npz or an IDX file, in a fixed order."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from sampler_bench.models.data.idx import read_idx
from sampler_bench.models.data.npz import read_npz

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
KEYS = ("images", "arr_0")
BATCH = 1000
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

    ``source`` is a folder (with subfolders) or a .zip of image files, taken in the order of their
    names; an .npz with uint8 ``images`` or ``arr_0``, [n, H, W], [n, H, W, C] or [n, C, H, W]; or
    an IDX file, plain or .gz. Nothing is resized or converted. Raises ValueError, naming the file,
    if there is no image, or one cannot be read, is neither 8-bit grey nor RGB, or differs in size.
    """
    if source.is_dir():
        return _folder(source)
    if not source.exists():
        raise ValueError(f"{source}: no such file or folder")
    if source.suffix == ".zip":
        return _zip(source)
    if source.suffix == ".npz":
        return _split(source, _npz(source))
    return _split(source, read_idx(source))


def image_names(source: Path) -> list[str]:
    """Names of the images in a folder or .zip, relative to it, in the order they are read.

    Raises ValueError, naming the file, if ``source`` is neither.
    """
    return _images_among(_folder_names(source) if source.is_dir() else _zip_names(source))


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
        if len(batch) == BATCH:
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
    names = _images_among(_folder_names(source))
    return _decoded(source, names, lambda name: (source / name).read_bytes())


def _folder_names(source: Path) -> list[str]:
    return [path.relative_to(source).as_posix() for path in source.rglob("*")]


def _zip(source: Path) -> Iterator[Tensor]:
    names = _images_among(_zip_names(source))
    with zipfile.ZipFile(source) as archive:
        yield from _decoded(source, names, archive.read)


def _zip_names(source: Path) -> list[str]:
    try:
        with zipfile.ZipFile(source) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{source}: cannot be read as a zip of images: {error}") from error


def _images_among(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if Path(name).suffix.lower() in SUFFIXES)


def _decoded(source: Path, names: list[str], read: Callable[[str], bytes]) -> Iterator[Tensor]:
    return batches(str(source), ((name, _decode(f"{source}/{name}", name, read)) for name in names))


def _decode(place: str, name: str, read: Callable[[str], bytes]) -> NDArray[np.uint8]:
    try:
        image = Image.open(io.BytesIO(read(name)))
        pixels = np.asarray(image)
    except UNREADABLE as error:
        # PIL's message for a foreign file names a memory buffer, which tells nobody anything.
        reason = "" if isinstance(error, UnidentifiedImageError) else f": {error}"
        raise ValueError(f"{place}: cannot be read as an image{reason}") from error
    return channels_first(place, image.mode, pixels)


def _npz(source: Path) -> NDArray[np.uint8]:
    arrays = read_npz(source)
    key = next((key for key in KEYS if key in arrays), None)
    if key is None:
        raise ValueError(
            f"{source}: it holds {', '.join(arrays) or 'nothing'}, expected {' or '.join(KEYS)}"
        )
    if arrays[key].dtype != np.uint8:
        raise ValueError(f"{source}: '{key}' is {arrays[key].dtype}, expected uint8")
    return arrays[key]


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
    return (torch.tensor(images[start : start + BATCH]) for start in range(0, len(images), BATCH))
