"""Reader of .npz files of unknown origin."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from sampler_bench.kit.bounds import reason, require_room, size_of

_SUFFIX = ".npy"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Arrays(Mapping[str, NDArray[Any]]):
    """The arrays of an .npz file by name, each read when it is asked for.

    Before its memory is taken, what an array's header promises is held against what the archive has
    of it, and against the memory that is free. Pickled objects are refused, not executed.

    Args:
        path: The file.

    Raises:
        ValueError: If it, or later an array of it, cannot be read; one line that names the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as archive:
            members = [each for each in archive.infolist() if not _is_foreign(each.filename)]
        self._members = {member.filename.removesuffix(_SUFFIX): member for member in members}
        tops = {name.partition("/")[0] for name in self._members if "/" in name}
        if len(tops) == 1 and all("/" in name for name in self._members):  # packed with its folder
            self._members = {k.partition("/")[2]: each for k, each in self._members.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return an array; KeyError if there is none of this name."""
        member = self._members[name]
        with self._opened() as archive:
            with archive.open(member) as file:
                self._check(name, file, member.file_size)
            with archive.open(member) as file:
                array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
                return array

    def __contains__(self, name: object) -> bool:
        """Return whether there is an array of this name; it is not read."""
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._members)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self._members)

    def _check(self, name: str, file: Any, size: int) -> None:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"'{name}' is of version {version} of NumPy's format")
        try:
            shape, _, dtype = _HEADERS[version](file)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, TokenError):
            raise ValueError(f"'{name}' has a header that nobody can read") from None
        if dtype.hasobject:
            raise ValueError(f"'{name}' holds Python objects, which are not read")
        promised, there = math.prod(shape) * dtype.itemsize, size - file.tell()
        if promised != there:
            raise ValueError(f"'{name}' has {there:,} bytes, and its header promises {promised:,}")
        require_room(promised, f"'{name}'")

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        # Others: a member is encrypted, or packed in a way that Python does not know.
        unreadable = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile)
        try:
            size_of(self.path)
            with zipfile.ZipFile(self.path) as archive:
                yield archive
        except (*unreadable, RuntimeError, MemoryError) as error:
            told = f"{self.path}: cannot be read as an .npz file: {reason(error)}"
            raise ValueError(told) from error


def _is_foreign(name: str) -> bool:
    """Return whether a member is a folder, or what a system adds of its own."""
    parts = name.split("/")
    return name.endswith("/") or parts[0] == "__MACOSX" or parts[-1].startswith(".")


def read_npz(path: Path) -> Arrays:
    """Return the arrays of an .npz file, by name; see :class:`Arrays`."""
    return Arrays(path)
