"""A shard: what was measured on one range of seeds, as one immutable file."""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sampler_bench.kit.files import read as read_file
from sampler_bench.kit.files import whole
from sampler_bench.results.schema import Code, ShardMeta, fitting

Arrays = Mapping[str, np.ndarray]
RTOL = 1e-6  # what another machine's float arithmetic may change
_META = "__meta__"
_NAME = re.compile(r"(\d{3,})-([0-9a-f]{12})\.npz")


class Conflict(ValueError):  # noqa: N818 - a state of the store, named as users read it
    """Two files that claim the same measurement and disagree beyond float noise."""


@dataclass(frozen=True)
class Shard:
    """The contents of one shard file: its number, its arrays, and text and numbers about it."""

    index: int
    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]

    @property
    def digest(self) -> str:
        """12 hex digits of the arrays."""
        return digest_of(self.arrays)

    @property
    def told(self) -> ShardMeta:
        """What it says besides its arrays. Raises ValueError, one line, if that is not all there.

        The digest in its name is of the arrays alone.
        """
        return fitting(self.meta, ShardMeta, f"shard {self.index}")

    @property
    def evaluations(self) -> float:
        """How many its samples took. Raises ValueError, one line, if it does not say."""
        nfe = self.arrays.get("nfe")
        if nfe is None or nfe.dtype.kind not in "iuf":
            raise ValueError(f"shard {self.index}: no numbers of evaluations")
        return float(nfe.sum())


def digest_of(arrays: Arrays) -> str:
    """12 hex digits of names, types, shapes and bytes of the arrays."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha.update(array.data.cast("B") if array.size else b"")
    return sha.hexdigest()[:12]


def parse_name(path: Path) -> tuple[int, str] | None:
    """Number and digest that a shard's file name declares; None if it is no such name."""
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), match[2]) if match else None


def write(folder: Path, index: int, arrays: Arrays, meta: Mapping[str, Any]) -> Path:
    """Write a shard into `folder`, whole or not at all, and return its path.

    The name holds the digest of the arrays, so equal results meet in one file and differing
    ones lie side by side. Raises ValueError where the folder cannot be written.
    """
    path = folder / f"{index:03d}-{digest_of(arrays)}.npz"
    with whole(path) as file:
        write_arrays(file, arrays, meta)
    return path


def write_arrays(file: Any, arrays: Arrays, meta: Mapping[str, Any]) -> None:
    """Write arrays and JSON `meta` as npz without pickle."""
    text = json.dumps(dict(meta), sort_keys=True).encode()
    np.savez(file, allow_pickle=False, **arrays, **{_META: np.frombuffer(text, dtype=np.uint8)})


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Undo `write_arrays`.

    Raises ValueError naming a file that is damaged or not ours, OSError where it cannot be read:
    a disk that fails says nothing of what is on it.
    """
    try:
        content = io.BytesIO(read_file(path))
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    try:
        with np.load(content, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop(_META).tobytes())
    except Exception as wrong:  # zip, zlib, npy header and JSON each fail in their own way
        raise ValueError(f"{path}: truncated, or not a file of this harness ({wrong})") from wrong
    return arrays, meta


def read(path: Path) -> Shard:
    """Read a shard. Raises ValueError naming a file that is truncated, altered or not a shard."""
    named = parse_name(path)
    if named is None:
        raise ValueError(f"{path}: not a shard, expected a name like 007-0123456789ab.npz")
    arrays, meta = read_arrays(path)
    shard = Shard(named[0], arrays, meta)
    if shard.digest != named[1]:
        raise ValueError(f"{path}: its contents do not have the digest of its name")
    return shard


def code_of(path: Path) -> Code:
    """Return the code that made a shard. Raises ValueError as `read`."""
    _, meta = read_arrays(path)
    return fitting(meta.get("code", {}), Code, str(path))


def difference(one: Arrays, other: Arrays) -> str | None:
    """Say what differs beyond float noise; None if nothing does.

    Floats may differ by 1e-6 of the largest entry of their array (sums of products come close
    to zero by cancellation); integers and every array named `nfe…` must be equal.
    """
    if names := sorted(set(one) ^ set(other)):
        return f"only one of them has {', '.join(names)}"
    for name in sorted(one):
        a, b = one[name], other[name]
        if a.shape != b.shape:
            return f"{name} has shapes {a.shape} and {b.shape}"
        exact = name.startswith("nfe") or a.dtype.kind not in "fc"
        if exact and not np.array_equal(a, b):
            return f"{name} is not equal"
        if not exact and (text := _float_difference(a, b)):
            return f"{name} {text}"
    return None


def _float_difference(a: np.ndarray, b: np.ndarray) -> str | None:
    if a.size == 0 or np.array_equal(a, b, equal_nan=True):
        return None
    largest = max(float(np.abs(a).max()), float(np.abs(b).max()))
    gap = float(np.abs(a - b).max()) / largest
    # Written so that a nan counts as a difference.
    return None if gap <= RTOL else f"differs by {gap:.1e} of its largest entry"
