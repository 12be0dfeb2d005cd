"""Files of ``torch.save``, read by ``torch.load(weights_only=True)`` after a look at their claims.

``weights_only`` executes nothing, but believes sizes: a small file could ask for all memory there
is. Only what checkpoints need is let through to it; what comes out is measured against the file.
"""

import io
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

from sampler_bench.models.checkpoints import archive, inert, opcodes
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.tensors import check_memory

_GLOBALS = {
    "collections OrderedDict",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch.nn.parameter Parameter",
    *(
        f"{module} {kind}Storage"
        for module in ("torch", "torch.cuda")
        for kind in ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte")
    ),
    "torch BoolStorage",
    "torch.cuda BoolStorage",
}
_NUMPY: dict[str, Any] = {
    "numpy dtype": inert.NumberType,
    "numpy.core.multiarray scalar": inert.number,
    "numpy._core.multiarray scalar": inert.number,
}
"""NumPy's numbers, of which nothing but our stand-ins is ever called."""
_ENCODE = "_codecs encode"
"""How pickles of protocol 2 hold the bytes of such numbers; PyTorch calls it itself."""
_MOST_ENCODED, _MOST_CALLS = 256, 10_000
"""Beside it: each call can make a text many times as long."""
_STAND_INS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (ours, name.replace(" ", ".")) for name, ours in _NUMPY.items()
]
_LEGACY_PICKLES = 5
"""Magic number, version, the writer's machine, the object, the keys of its storages."""


def load(path: Path) -> Any:
    """Return what is in a .pth or .pt file: tensors, numbers, text, in lists and dicts.

    Tensors of files in the present (zip) format stay on disk until they are used.

    Args:
        path: A file of ``torch.save``, in either of its formats.

    Raises:
        CheckpointError: If it is damaged, or has anything else in it; one line.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            zipped = file.read(4) == archive.MAGIC
            file.seek(0)
            if zipped:
                with archive.verified(file, size) as record:
                    _check_pickles(record, _length(record), 1)
            else:
                _check_pickles(file, size, _LEGACY_PICKLES)
        return _load(path, size, mmap=zipped)
    except opcodes.RefusedError as error:
        raise CheckpointError(f"{path}: this PyTorch file {error}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None


def load_bytes(data: bytes, where: str) -> Any:
    """Return what ``torch.save`` wrote in its legacy format, as storages in pickles are.

    Args:
        data: The file's bytes.
        where: What to call it in messages.

    Raises:
        CheckpointError: If it is damaged, or has anything else in it; one line.
    """
    try:
        _check_pickles(io.BytesIO(data), len(data), _LEGACY_PICKLES)
        return _load(io.BytesIO(data), len(data), mmap=False, where=where)
    except opcodes.RefusedError as error:
        raise CheckpointError(f"{where}: a tensor's data {error}") from None


def _length(file: BinaryIO) -> int:
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    return length


def _check_pickles(file: BinaryIO, end: int, count: int) -> None:
    for _ in range(count):
        found = opcodes.scan(file, end, opcodes.TORCH)
        if _ENCODE in found.names and (found.longest > _MOST_ENCODED or found.calls > _MOST_CALLS):
            raise opcodes.RefusedError("has NumPy values, and more or longer texts than they need")
        for name in found.names:
            if name not in _GLOBALS and name not in _NUMPY and name != _ENCODE:
                named = name.replace(" ", ".")[:100]
                raise opcodes.RefusedError(
                    f"names {named!r}, which no checkpoint needs; nothing was run"
                )


def _load(source: Path | BinaryIO, size: int, mmap: bool, where: str | None = None) -> Any:
    where = where or str(source)
    if isinstance(source, Path) and source.suffix.lower() == ".safetensors":
        with source.open("rb") as file:  # PyTorch goes by such a name, not by what is in the file
            return _load(file, size, False, where)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_STAND_INS):
            warnings.simplefilter("ignore")  # of storages, which are no concern of the user's
            loaded = torch.load(source, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # torch.load promises no particular kind for damaged files
        told = RuntimeError | pickle.UnpicklingError | opcodes.RefusedError
        said = str(error) if isinstance(error, told) else ""
        reason = next(iter(said.splitlines()), "")[:150] or type(error).__name__
        raise CheckpointError(f"{where}: PyTorch cannot read it: {reason}") from None
    check_memory(loaded, size, where)
    return loaded
