"""Our own format: one ``.safetensors`` whose metadata say what its tensors are.

Metadata have one key, ``sampler-bench``: a JSON object (:class:`Description`). One key, because
safetensors writes several in any order, and the same checkpoint has to be the same bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from sampler_bench.kit.canonical import faithful, restored
from sampler_bench.kit.files import Unwritable, whole_by_name
from sampler_bench.models.checkpoints import safetensors_file
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError

FORMAT = "sampler-bench"
VERSION = 1
_CHUNK = 1 << 22


class Description(BaseModel):
    """What the metadata hold.

    Attributes:
        version: Of this format.
        network, arguments, preconditioning, constants, notes: See
            :class:`~models.checkpoints.checkpoint.Checkpoint`. Infinity is written ``"inf"``.
        data_range: Values of the images the network, with its preconditioning, denoises.
        source: The format it was first read from.
        null_class: Which class means no class; left out where none does.
        sha256: Of all the above and of the tensors' names, types, shapes and bytes.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: int
    network: str
    arguments: dict[str, Any]
    preconditioning: str
    constants: dict[str, Any]
    data_range: list[Literal[-1, 1]]
    source: str
    notes: dict[str, str]
    null_class: int | None = None
    sha256: str


def recognises(path: Path) -> bool:
    """Return whether a file is in our format, be it damaged further in.

    Raises:
        CheckpointError: If it begins as a safetensors file does, and is none that can be read.
    """
    found = safetensors_file.header(path)
    return found is not None and FORMAT in found.metadata


def read(path: Path, options: Mapping[str, Any] | None = None) -> Checkpoint:
    """Read a file. Its tensors are mapped into memory, and read once to check them.

    Raises:
        CheckpointError: If the file is damaged, of a newer version of the format, or has values
            that are not finite; or if there are options: the file says everything.
    """
    if options:
        raise CheckpointError(f"{path}: takes no options: the file says everything")
    found = safetensors_file.header(path)
    description = _described(found.metadata.get(FORMAT) if found else None, path)
    tensors = safetensors_file.load(path)
    if _digest(description, tensors, path) != description["sha256"]:
        raise CheckpointError(
            f"{path}: damaged: its content has not the sha256 its metadata say; get it again"
        )
    return Checkpoint(
        network=description["network"],
        arguments=restored(description["arguments"]),
        preconditioning=description["preconditioning"],
        constants=restored(description["constants"]),
        tensors=tensors,
        format=description["source"],
        notes=description["notes"],
        null_class=description.get("null_class"),
    )


def write(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint: all of the file or nothing, and the same bytes for the same checkpoint.

    Raises:
        CheckpointError: If the folder cannot be written, or the checkpoint holds values that are
            not finite or cannot be written as JSON.
    """
    tensors = _separate(checkpoint.tensors)
    description = {
        "version": VERSION,
        "network": checkpoint.network,
        "arguments": dict(checkpoint.arguments),
        "preconditioning": checkpoint.preconditioning,
        "constants": dict(checkpoint.constants),
        "data_range": [-1, 1],
        "source": checkpoint.format,
        "notes": dict(checkpoint.notes),
    }
    if checkpoint.null_class is not None:
        description["null_class"] = checkpoint.null_class
    try:
        description["sha256"] = _digest(description, tensors, path)
        text = _json(description)
    except (TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: cannot be written as JSON: {error}") from None
    _save(tensors, {FORMAT: text}, path)


def _save(tensors: Mapping[str, Tensor], metadata: dict[str, str], path: Path) -> None:
    if not path.parent.is_dir():
        raise CheckpointError(f"{path}: cannot be written: there is no folder {path.parent}")
    try:
        with whole_by_name(path) as unfinished:
            save_file(dict(tensors), unfinished, metadata)
    except Unwritable as error:
        raise CheckpointError(f"{path}: cannot be written: {error.reason}") from None
    except (SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path}: cannot be written: {_line(error)}") from None


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return dense tensors of which no two share memory, as safetensors wants them."""
    separate: dict[str, Tensor] = {}
    seen = set()
    for name, tensor in tensors.items():
        dense = tensor.detach().cpu().contiguous()
        shared = dense.numel() and dense.data_ptr() in seen
        separate[name] = dense.clone() if shared else dense
        seen.add(dense.data_ptr())
    return separate


def _described(text: str | None, path: Path) -> dict[str, Any]:
    """Return the metadata, checked.

    Raises:
        CheckpointError: If they are not those of a file of ours that this version can read.
    """
    if text is None:
        raise CheckpointError(f"{path}: its metadata have no {FORMAT!r}: not our format")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: metadata {FORMAT!r}: no JSON: {_line(error)}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: metadata {FORMAT!r}: not a JSON object")
    version = found.get("version")
    if type(version) is int and version > VERSION:
        raise CheckpointError(
            f"{path}: version {version} of the format, where {VERSION} is the newest known here; "
            "update sampler-bench"
        )
    try:
        description = Description.model_validate(found).model_dump(exclude_unset=True)
        _json(description)  # not every value that can be read can be written again
        return description
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: metadata {FORMAT!r}: {_first(error)}") from None


def _first(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if not isinstance(error, ValidationError):
        return _line(error)
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where} = {problem['input']!r:.40}: {_line(problem['msg'])}"


def _digest(description: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> str:
    """Return the SHA-256 of everything but itself, chunk by chunk.

    Raises:
        CheckpointError: If a tensor has values that are not finite.
    """
    said = {key: value for key, value in description.items() if key != "sha256"}
    hashed = hashlib.sha256(_json(said).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        hashed.update(_json([name, str(tensor.dtype), list(tensor.shape)]).encode())
        values = tensor.reshape(-1)
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            if not bool(torch.isfinite(chunk).all()):
                raise CheckpointError(f"{path}: tensor {name!r} has values that are not finite")
            hashed.update(chunk.view(torch.uint8).numpy().data)
    return hashed.hexdigest()


def _json(value: Any) -> str:
    return json.dumps(faithful(value), sort_keys=True, allow_nan=False)


def _line(error: object) -> str:
    return " ".join(str(error).split())[:300]
