"""Labels that belong to image files, from where each kind of file keeps them."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sampler_bench.kit.bounds import content, told
from sampler_bench.models.data.dataset import check_range
from sampler_bench.models.data.idx import read_idx
from sampler_bench.models.data.images import is_npz, is_zip, names_in
from sampler_bench.models.data.npz import read_npz
from sampler_bench.models.data.walk import Names

LIST = "dataset.json"
LIST_FORM = '{"labels": [["NAME", 0], …]}'
KEYS = ("labels", "arr_1")
MOST_LIST = 2**29
"""Bytes of dataset.json; ImageNet's has 60 MB."""


def read_labels(source: Path, images: int) -> Tensor:
    """Classes of the images in ``source``, int64 [images], in the order `read_images` has.

    A folder or .zip has them in ``dataset.json``, {"labels": [[name, class], …]} (StyleGAN's and
    EDM's convention); without that file, the classes are the first-level sub-folders, in the order
    of their names (numbers as numbers), and none is empty. An .npz has whole numbers
    ``labels`` or ``arr_1`` [images]. Beside an IDX file x-images-idx3-y lies x-labels-idx1-y.

    Raises ValueError, naming the file, if there are none, too few or too many of them, or if they
    are no whole numbers from 0.
    """
    if source.is_dir() or is_zip(source):
        return _of_names(source, names_in(source))
    if is_npz(source):
        return _of_npz(source, images)
    return _of_idx(source, images)


def as_labels(place: str, values: NDArray[Any], images: int) -> Tensor:
    """``values`` as classes, int64 [images].

    Raises ValueError, naming ``place``, if they are not one whole number from 0 for each image.
    """
    if values.dtype.kind not in "iu" or values.shape != (images,):
        raise ValueError(
            f"{place}: {values.dtype} labels of shape {values.shape}, "
            f"expected one whole number for each of {images} images"
        )
    check_range(place, int(values.min()), int(values.max()), images)
    return torch.from_numpy(values.astype(np.int64))


def _of_npz(source: Path, images: int) -> Tensor:
    arrays = read_npz(source)
    key = next((key for key in KEYS if key in arrays), None)
    if key is None:
        raise ValueError(
            f"{source}: there are no labels; it holds {', '.join(arrays)}, "
            f"expected {' or '.join(KEYS)}"
        )
    return as_labels(f"{source}: '{key}'", arrays[key], images)


def _of_idx(source: Path, images: int) -> Tensor:
    name = source.name.replace("images", "labels").replace("idx3", "idx1")
    beside = source.with_name(name)
    if name == source.name or not beside.exists():
        wanted = "…labels…" if name == source.name else name
        raise ValueError(f"{source}: there are no labels; looked for a file {wanted} beside it")
    return as_labels(str(beside), read_idx(beside), images)


def _of_names(source: Path, found: Names) -> Tensor:
    listed, names = _list(source), found.images
    if listed is None:
        return _of_folders(source, found)
    place = f"{source}/{LIST}"
    classes = _listed_classes(place, listed)
    missing = next((name for name in names if name not in classes), None)
    if missing is not None:
        raise ValueError(f"{place}: 'labels' has none for the image {missing}")
    if len(classes) != len(names):
        stray = min(classes.keys() - set(names))
        raise ValueError(f"{place}: 'labels' names {stray}, but there is no such image")
    low, high = min(classes.values()), max(classes.values())
    check_range(f"{place}: 'labels'", low, high, len(names))
    return torch.tensor([classes[name] for name in names])


def _list(source: Path) -> Any:
    """What dataset.json says; ``None`` if there is no such file."""
    try:
        if source.is_dir():
            path = source / LIST
            return json.loads(content(path, MOST_LIST)) if path.exists() else None
        with zipfile.ZipFile(source) as archive:
            if LIST not in archive.namelist():
                return None
            if archive.getinfo(LIST).file_size > MOST_LIST:
                raise ValueError(f"longer than {told(MOST_LIST)}")
            return json.loads(archive.read(LIST))
    except OSError as error:
        raise ValueError(f"{source}/{LIST}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source}/{LIST}: cannot be read as JSON: {error}") from error


def _listed_classes(place: str, listed: Any) -> Mapping[str, int]:
    entries = listed.get("labels") if isinstance(listed, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{place}: there are no labels in it, expected {LIST_FORM}")
    classes: dict[str, int] = {}
    for entry in entries:
        match entry:
            case [str(name), int(label)] if not isinstance(label, bool):
                if name in classes:
                    raise ValueError(f"{place}: 'labels' names {name} twice")
                classes[name] = label
            case _:
                shown = json.dumps(entry)[:80]
                raise ValueError(f"{place}: 'labels' has {shown}, expected {LIST_FORM}")
    return classes


def _of_folders(source: Path, found: Names) -> Tensor:
    names = found.images
    tops = [name.partition("/")[0] if "/" in name else None for name in names]
    filled = set(tops)
    folders = [folder for folder in found.folders if folder in filled]
    wanted = f"looked for {LIST} and for one sub-folder for each class"
    if len(folders) < 2:
        # A single one is most often an archive's top folder, and no class.
        there = f"all sub-folders are one, {folders[0]}" if folders else "there are no sub-folders"
        raise ValueError(f"{source}: there are no labels; {wanted}, but {there}")
    if None in tops:
        stray = names[tops.index(None)]
        raise ValueError(f"{source}: no label for {stray}, it lies in no sub-folder; {wanted}")
    for folder in found.folders:
        if folder not in filled:  # or its class would be gone, and others would move down
            why = f" ({found.left_out[folder]})" if folder in found.left_out else ""
            raise ValueError(f"{source}: no image of class {folder}: the sub-folder has none{why}")
    classes = {folder: index for index, folder in enumerate(folders)}
    return torch.tensor([classes[top] for top in tops if top is not None])
