"""Files of safetensors: the header is looked at before any tensor is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from sampler_bench.models.checkpoints.checkpoint import CheckpointError

_LONGEST = 100_000_000
"""safetensors' own limit: what claims more is something else."""
_MOST_BYTES = 1 << 24
_MOST_TENSORS = 100_000
"""Large networks have some thousands."""
_TYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")


@dataclass(frozen=True)
class Header:
    """What stands in front of the tensors.

    Attributes:
        metadata: Texts by name.
        names: The tensors' names.
    """

    metadata: dict[str, str]
    names: tuple[str, ...]


def header(path: Path) -> Header | None:
    """Return a file's header; ``None`` if it does not begin as a safetensors file.

    Raises:
        CheckpointError: If it does, and is damaged, or has tensors that are not read here.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if file.read(1) != b"{" or length > _LONGEST:
            return None
        if length > _MOST_BYTES:
            raise CheckpointError(
                f"{path}: its header has {length:,} bytes, {_MOST_BYTES:,} at most are read"
            )
        text = b"{" + file.read(length - 1)
    try:
        found = json.loads(text)
    except RecursionError:
        raise CheckpointError(f"{path}: damaged: its header is nested too deeply") from None
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged: its header is no JSON: {_line(error)}") from None
    return _checked(found, path)


def load(path: Path) -> dict[str, Tensor]:
    """Return a file's tensors by name, in the names' order.

    Raises:
        CheckpointError: If it is no such file, or as for :func:`header`.
    """
    if header(path) is None:
        raise CheckpointError(f"{path}: does not begin as a safetensors file does")
    with _readable(path), safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}


def _checked(found: dict[str, Any], path: Path) -> Header:
    metadata = found.pop("__metadata__", None) or {}
    texts = isinstance(metadata, dict) and all(isinstance(v, str) for v in metadata.values())
    if not texts or not all(isinstance(tensor, dict) for tensor in found.values()):
        raise CheckpointError(f"{path}: damaged: its header is not one of safetensors")
    if len(found) > _MOST_TENSORS:
        raise CheckpointError(
            f"{path}: has {len(found):,} tensors, {_MOST_TENSORS:,} at most are read"
        )
    for name, tensor in found.items():
        if tensor.get("dtype") not in _TYPES:
            raise CheckpointError(
                f"{path}: tensor {name!r:.100} has type {tensor.get('dtype')!r:.20}, which is not "
                f"read (known: {', '.join(_TYPES)})"
            )
    return Header(metadata, tuple(found))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError, RuntimeError, KeyError, UnicodeError) as error:
        raise CheckpointError(f"{path}: damaged: {_line(error)}") from None


def _line(error: object) -> str:
    return " ".join(str(error).split())[:300]
