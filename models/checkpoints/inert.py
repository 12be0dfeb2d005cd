"""What the objects in an untrusted pickle become: data that do nothing.

A pickle calls ``__setstate__`` on what it has made, or sets attributes where there is none; hence
each class here has one, which keeps the state as data or refuses it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from sampler_bench.models.checkpoints.opcodes import RefusedError

_NUMBERS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}


class Fixed:
    """An object that a pickle cannot change."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise RefusedError("changes an object that has no state")


class Function(Fixed):
    """A name in a pickle that stands for one of our own functions."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        """Call our function."""
        return self._call(*args)


class Held(Fixed):
    """A tensor or storage, out of the pickle's reach: a tensor's own ``__setstate__`` takes memory.

    Attributes:
        value: The tensor or storage.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Weights(Held):
    """A held tensor."""

    value: Tensor


class Items(dict[Any, Any]):
    """A dict, or a subclass of it, whose attributes are of no interest."""

    __slots__ = ()

    def __init__(self, *args: Any) -> None:
        if args:  # Python's own pickler gives none; a copy per call would take memory
            raise RefusedError("copies a dict")
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        """Forget the attributes."""


class Module:
    """An object of some class, of which nothing is kept but its state.

    Attributes:
        class_name: The class as the file calls it; empty if it is one of PyTorch's.
        version: Of the way in which the file stores such objects.
        state: Its attributes.
    """

    __slots__ = ("class_name", "state", "version")

    class_name: str
    version: Any
    state: dict[Any, Any]

    def __new__(cls, *args: Any) -> "Module":
        """Make one as unpicklers do, which do not call ``__init__``."""
        made = super().__new__(cls)
        made.class_name, made.version, made.state = "", None, {}
        return made

    def __init__(self, *args: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        """Keep the attributes as data."""
        if not isinstance(state, dict):
            raise RefusedError("has an object whose state is not a dict")
        self.state = state


class NumberType(Fixed):
    """NumPy's dtype of a plain number.

    Attributes:
        code: Its code, such as ``"f8"``.
    """

    __slots__ = ("code",)

    def __init__(self, code: Any, *args: Any) -> None:
        if not isinstance(code, str) or code.lstrip("<|") not in _NUMBERS:
            raise RefusedError(f"has NumPy values of type {str(code)[:20]!r}, not plain numbers")
        self.code = code.lstrip("<|")

    def __setstate__(self, state: Any) -> None:
        """Check that the bytes are in the usual order."""
        if not isinstance(state, tuple) or state[1:2] not in {("<",), ("|",), ("=",)}:
            raise RefusedError("has NumPy values in another order of bytes")


class Array(Fixed):
    """A NumPy array: none is of interest here, so that nothing is kept."""

    __slots__ = ()

    def __init__(self, *args: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        """Forget what is in it."""
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[4], bytes):
            raise RefusedError("has a NumPy array that is not one of plain numbers")


def persistent(description: Any) -> Module:
    """Return an object of EDM's ``torch_utils.persistence``; its source code is not kept."""
    if not isinstance(description, dict) or description.get("type") != "class":
        raise RefusedError("has a persistent object that is not of a class")
    made = Module()
    name, state = description.get("class_name"), description.get("state")
    if not isinstance(name, str) or not name.isidentifier() or len(name) > 100:
        raise RefusedError("has a persistent object without a class name")
    made.class_name, made.version = name, description.get("version")
    made.__setstate__(state)
    return made


def number(kind: Any, data: Any) -> int | float | bool:
    """Return a NumPy scalar as a number of Python's."""
    if not isinstance(kind, NumberType) or not isinstance(data, bytes) or len(data) > 8:
        raise RefusedError("has a NumPy value that is not a plain number")
    return np.frombuffer(data, kind.code, count=1)[0].item()
