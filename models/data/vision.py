"""Data sets of torchvision that are on this disk, by its own readers."""

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sampler_bench.kit.names import lookup, unknown
from sampler_bench.models.data.classes import as_labels
from sampler_bench.models.data.images import batches, channels_first

PREFIX = "torchvision:"
FORM = f"{PREFIX}NAME?root=FOLDER&KEY=VALUE"
# What a text cannot say, and what would change the images or fetch them.
CLOSED = {"self", "transform", "target_transform", "transforms", "loader", "is_valid_file"}


def read_vision(source: str, labels: bool) -> tuple[Tensor, Tensor | None]:
    """Images uint8 [N, C, H, W] and, if asked for, classes int64 [N] of a torchvision data set.

    ``source`` is ``torchvision:NAME?root=FOLDER&KEY=VALUE``: a class of `torchvision.datasets` and
    its arguments that are texts or true/false, percent-encoded where they hold & or %. Nothing is
    downloaded. ImageFolder, as torchvision has it, turns all images to RGB.

    Raises ValueError, one line that names ``source``, if torchvision is not installed, knows no
    such data set or argument, cannot read it, or if its items are no images with one class each.
    """
    opened = _open(source)
    targets: list[int] = []
    images = torch.cat(list(batches(source, _items(source, opened, targets if labels else None))))
    return images, as_labels(source, np.array(targets), len(images)) if labels else None


def _open(source: str) -> Any:
    name, _, query = source.removeprefix(PREFIX).partition("?")
    try:
        kind = lookup(_kinds(_torchvision(source)), name, "torchvision data set")
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    arguments = _arguments(source, inspect.signature(kind).parameters, query)
    try:
        return kind(**arguments)
    except Exception as error:  # other people's readers of whatever lies there
        raise ValueError(_failed(source, error)) from error


def _torchvision(source: str) -> ModuleType:
    try:
        import torchvision
    except (ImportError, RuntimeError) as error:  # RuntimeError: made for another torch
        raise ValueError(f"{source}: torchvision cannot be imported: {_line(error)}") from error
    return torchvision.datasets


def _kinds(datasets: ModuleType) -> Mapping[str, Any]:
    found = {name: getattr(datasets, name) for name in datasets.__all__}
    return {
        name: kind
        for name, kind in found.items()
        if inspect.isclass(kind) and "root" in inspect.signature(kind).parameters
    }


def _arguments(
    source: str, parameters: Mapping[str, inspect.Parameter], query: str
) -> dict[str, Any]:
    named = {key for key, value in parameters.items() if value.kind is not value.VAR_KEYWORD}
    allowed = named - CLOSED - {"download"}
    found: dict[str, Any] = {"download": False} if "download" in parameters else {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if key not in allowed:
            raise ValueError(f"{source}: {unknown(key, allowed, 'argument')}")
        if key in found or not equals:
            raise ValueError(f"{source}: '{part}', expected each argument once, as {FORM}")
        found[key] = _value(f"{source}: {key}", parameters[key].default, unquote(value))
    if not found.get("root"):
        raise ValueError(f"{source}: no root, the folder it lies in; expected {FORM}")
    return found


def _value(place: str, default: Any, text: str) -> str | bool:
    if isinstance(default, bool):
        if text.lower() not in {"true", "false"}:
            raise ValueError(f"{place} = {text!r}, expected true or false")
        return text.lower() == "true"
    return text


def _items(
    source: str, opened: Any, targets: list[int] | None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield names and pixels; classes are added to ``targets``."""
    for index in range(len(opened)):
        name = f"image {index}"
        try:
            item = opened[index]
        except Exception as error:  # as above
            raise ValueError(_failed(f"{source}: {name}", error)) from error
        image = item[0] if isinstance(item, tuple) else item
        if not isinstance(image, Image.Image):
            raise ValueError(f"{source}: {name} is a {type(image).__name__}, expected a picture")
        if targets is not None:
            targets.append(_target(f"{source}: {name}", item))
        yield name, channels_first(f"{source}: {name}", image.mode, np.asarray(image))


def _target(place: str, item: Any) -> int:
    target = item[1] if isinstance(item, tuple) and len(item) == 2 else None
    if isinstance(target, bool) or not isinstance(target, int | np.integer):
        raise ValueError(
            f"{place} has {type(target).__name__} for a label, expected one whole number"
        )
    return int(target)


def _failed(place: str, error: Exception) -> str:
    return f"{place}: torchvision cannot read it, and nothing is downloaded: {_line(error)}"


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
