"""Data sets by source: a folder, a zip, an .npz, an IDX file, or one of torchvision's."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

import torch
from torch import Tensor

from sampler_bench.kit import paths
from sampler_bench.kit.bounds import require_room
from sampler_bench.kit.paths import expanded
from sampler_bench.models.data.classes import read_labels
from sampler_bench.models.data.dataset import Dataset
from sampler_bench.models.data.images import read_images
from sampler_bench.models.data.sizing import pad as padded
from sampler_bench.models.data.sizing import resize as resized
from sampler_bench.models.data.vision import PREFIX, read_vision


def load(
    source: str, labels: bool = False, pad: int | None = None, resize: int | None = None
) -> Dataset:
    """Return the images of a source, and their classes if asked for, in memory.

    Args:
        source: Path of a folder, .zip, .npz or IDX file (:func:`models.data.images.read_images`),
            or ``torchvision:NAME?root=FOLDER`` (:func:`models.data.vision.read_vision`).
        labels: Whether to read classes (:func:`models.data.classes.read_labels`).
        pad: Side of the images with black borders (:func:`models.data.sizing.pad`).
        resize: Side of the images averaged over areas (:func:`models.data.sizing.resize`), after
            ``pad`` if both are given.

    Raises:
        ValueError: If anything cannot be read or is not as described there; one line that names
            the file.
    """
    try:
        data = Dataset(*_read(source, labels), source)
        if pad is not None:
            data = replace(data, images=padded(data.images, pad, source))
        if resize is not None:
            data = replace(data, images=resized(data.images, resize, source))
    except MemoryError as error:
        raise ValueError(f"{source}: there is not enough memory for it") from error
    except (OSError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{source}: cannot be read: {reason}") from error
    return data


def placed(source: str, folder: Path) -> str:
    """Return a source whose path, if it is relative to a folder, no longer depends on that."""
    if not source.startswith(PREFIX):
        return paths.placed(source, folder)
    name, question, query = source.partition("?")
    return name + question + "&".join(_with_root(part, folder) for part in query.split("&"))


def _with_root(part: str, folder: Path) -> str:
    key, equals, value = part.partition("=")
    if key != "root" or not value:
        return part
    return f"{key}{equals}{quote(paths.placed(unquote(value), folder))}"


def _read(source: str, labels: bool) -> tuple[Tensor, Tensor | None]:
    if source.startswith(PREFIX):
        return read_vision(source, labels)
    path = expanded(source)
    images = torch.cat(list(together(source, read_images(path))))
    return images, read_labels(path, len(images)) if labels else None


def together(source: str, batches: Iterator[Tensor]) -> Iterator[Tensor]:
    """Yield batches as long as all of them together fit into memory once more."""
    total = 0
    for batch in batches:
        total += batch.nbytes
        require_room(total, source)
        yield batch
