"""EDM's pickles as data: nothing they name is imported, nothing they hold is executed.

The released files are pickles of Python objects, whose loader executes the source code they
contain. Here the opcodes are looked over first (:mod:`models.checkpoints.opcodes`); then Python's
unpickler builds the objects, and for each name it asks for it gets one of our own stand-ins
(:mod:`models.checkpoints.inert`), or an error.
"""

import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

from sampler_bench.models.checkpoints import inert, opcodes, torch_file
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.opcodes import RefusedError

_TORCH_MODULE = re.compile(r"torch\.nn\.modules\.\w+\.\w+", re.ASCII)
_TORCH_VALUE = re.compile(r"torch\.(b?float(16|32|64)|device|Size|memory_format)", re.ASCII)


def load(path: Path) -> Any:
    """Return what is in a pickle: plain values, and :mod:`models.checkpoints.inert` objects.

    It needs as much memory as the file is long, besides the tensors it returns.

    Args:
        path: A pickle of protocol 3 to 5, as Python 3 writes by default.

    Raises:
        CheckpointError: If it is damaged, or names anything that EDM's files do not; one line.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            opcodes.scan(file, size, opcodes.OURS)
            if file.tell() != size:
                raise RefusedError("goes on behind its end")
            file.seek(0)
            return _Unpickler(file, size, str(path)).load()
    except RefusedError as error:
        raise CheckpointError(f"{path}: this pickle {error}") from None
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # pickle promises no particular kind for damaged files
        raise CheckpointError(f"{path}: this pickle is damaged ({type(error).__name__})") from None


class _Unpickler(pickle.Unpickler):
    """Python's unpickler, with no way to any name but those below.

    Args:
        file: The pickle.
        size: Its length in bytes, the most that its tensors can have.
        where: What to call it in messages.
    """

    def __init__(self, file: BinaryIO, size: int, where: str) -> None:
        super().__init__(file)
        self._size, self._where = size, where
        self._stored = self._claimed = 0
        functions: dict[str, Callable[..., Any]] = {
            "torch_utils.persistence._reconstruct_persistent_obj": inert.persistent,
            "torch._utils._rebuild_parameter": _parameter,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch.storage._load_from_bytes": self._storage,
            # Of what these hold nothing is needed.
            "builtins.set": inert.Array,
            "__builtin__.set": inert.Array,
        }
        for numpy in ("numpy.core", "numpy._core"):
            functions[f"{numpy}.multiarray.scalar"] = inert.number
            functions[f"{numpy}.multiarray._reconstruct"] = inert.Array
        self._names: dict[str, Any] = {
            "collections.OrderedDict": inert.Items,
            "dnnlib.util.EasyDict": inert.Items,
            "numpy.dtype": inert.NumberType,
            "numpy.ndarray": inert.Array(),
        }
        self._names |= {name: inert.Function(call) for name, call in functions.items()}

    def find_class(self, module: str, name: str, /) -> Any:
        """Return our stand-in for a name; nothing is ever looked up by it."""
        full = f"{module}.{name}"
        if full in self._names:
            return self._names[full]
        if _TORCH_MODULE.fullmatch(full):
            return inert.Module
        if _TORCH_VALUE.fullmatch(full):
            return inert.Array
        raise RefusedError(f"names {full[:100]!r}, which is not in EDM's files; nothing was run")

    def persistent_load(self, pid: Any) -> Any:
        """Refuse objects that are stored elsewhere."""
        raise RefusedError("refers to objects outside of it")

    def _storage(self, data: Any) -> inert.Held:
        if not isinstance(data, bytes):
            raise RefusedError("has a tensor's data that are not bytes")
        self._stored += len(data)
        if self._stored > self._size:
            raise RefusedError("claims the same data for several tensors")
        storage = torch_file.load_bytes(data, self._where)
        if not isinstance(storage, torch.storage.TypedStorage):
            raise RefusedError("has a tensor's data that are no storage")
        return inert.Held(storage)

    def _tensor(self, held: Any, offset: Any, size: Any, stride: Any, *_: Any) -> inert.Weights:
        storage = held.value if type(held) is inert.Held else None
        if storage is None or not _is_layout(offset, size, stride):
            raise RefusedError("has a tensor that is not described as one")
        needed = offset + 1 + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        count = math.prod(size)
        available = storage._size()
        if count > available or (count and needed > available):
            raise RefusedError(
                f"has a tensor of shape {list(size)}, and {available:,} numbers for it"
            )
        self._claimed += count * storage.dtype.itemsize
        if self._claimed > 2 * self._size:
            raise RefusedError("claims the same data for several tensors")
        empty = torch.empty(0, dtype=storage.dtype)
        return inert.Weights(empty.set_(storage._untyped_storage, offset, size, stride))


def _is_layout(offset: Any, size: Any, stride: Any) -> bool:
    whole = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride) <= 8
    return whole and all(type(n) is int and 0 <= n < 1 << 48 for n in (offset, *size, *stride))


def _parameter(data: Any, *_: Any) -> inert.Weights:
    if type(data) is not inert.Weights:
        raise RefusedError("has a parameter that is no tensor")
    return data
