"""Noise levels that are listed one by one, or read from a file, where no formula makes them."""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Self

from sampler_bench.kit.canonical import hash_of, text_of
from sampler_bench.kit.names import shown, unknown

REPLACED = ("discretization", "steps", "sigma_min", "sigma_max")
"""What a list of levels says by itself."""
MOST_BYTES = 10_000_000
MOST_LEVELS = 1_000_000
_SHORT = 60


@dataclass(frozen=True)
class Listed:
    """Levels above 0, each at most the one before.

    Attributes:
        levels: σ; the first may be ``inf``.
        to_zero: Whether a last level of 0 was listed.
        name: What they are called where the numbers are too many to be shown.
    """

    levels: tuple[float, ...]
    to_zero: bool = False
    name: str = ""

    @classmethod
    def of(cls, given: Any, folder: Path = Path()) -> Self:
        """Return levels that were given as such, as a list, or as a file's name.

        Args:
            given: A sequence of numbers; or a ``.txt`` (numbers between spaces, commas or line
                ends), ``.json`` (a list) or ``.npy`` file of at most 10 MB.
            folder: What the file's name is relative to.

        Raises:
            ValueError: If they are no levels, or the file cannot be read; one line.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str | Path):
            return cls._checked(_read(folder / given), str(given))
        return cls._checked(given, "")

    @classmethod
    def _checked(cls, given: Any, name: str) -> Self:
        where = f"levels = {name!r}" if name else "levels"
        given = given.tolist() if hasattr(given, "tolist") else given  # an array, or a tensor
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            raise ValueError(f"levels = {shown(given)} is not allowed: {_NEEDED}")
        if len(given) > MOST_LEVELS:
            raise ValueError(f"{where}: {len(given):,} levels; at most {MOST_LEVELS:,} are allowed")
        numbers = [_number(level, f"{where}[{i}]") for i, level in enumerate(given)]
        for i, (above, below) in enumerate(itertools.pairwise(numbers), 1):
            if not below <= above or above == math.inf == below:
                raise ValueError(f"{where}[{i}] = {below:g} does not fall from {above:g}")
        to_zero = numbers[-1] == 0
        levels = tuple(numbers[:-1] if to_zero else numbers)
        if not levels or levels[-1] == 0:
            raise ValueError(f"{where} = {shown(given)} is not allowed: {_NEEDED}")
        return cls(levels, to_zero, name)

    @property
    def text(self) -> str:
        """The one text of these numbers, for a cell's key."""
        return text_of(list(self.levels))

    def __str__(self) -> str:
        """Return the file's name, or all numbers, or what tells so many apart."""
        text = ", ".join(f"{level:g}" for level in self.levels) + ", 0" * self.to_zero
        if self.name or len(text) <= _SHORT:
            return self.name or f"[{text}]"
        identity = hash_of({"levels": list(self.levels)}, 4)
        return f"{self.levels[0]:g} to {self.levels[-1]:g} ({len(self.levels)}, {identity})"


_NEEDED = "it must be a list of noise levels above 0, the highest first, or a file of them"


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{where} = {shown(value)} is not allowed: it must be a number")
    try:
        level = float(value)
    except OverflowError:
        level = math.nan
    if not level >= 0:
        raise ValueError(f"{where} = {shown(value)} is not allowed: it must be at least 0")
    return level


def _read(path: Path) -> Any:
    """Return what a file lists."""
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise ValueError(unknown(path.suffix, _READERS, f"kind of levels file ({path.name})"))
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES // 10**6} MB")
        return reader(path)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"levels = {str(path)!r} cannot be read: {reason}") from None


def _from_text(path: Path) -> list[float]:
    return [float(word) for word in path.read_text("utf-8-sig").replace(",", " ").split()]


def _from_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8-sig"))


def _from_npy(path: Path) -> Any:
    import numpy as np  # what lists grids needs it not

    return np.load(path, allow_pickle=False).tolist()


_READERS = {".txt": _from_text, ".json": _from_json, ".npy": _from_npy}
