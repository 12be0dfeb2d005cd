"""Reader of the IDX format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sampler_bench.kit.bounds import reason, require_room, size_of

UBYTE = 0x08
MOST_SIZES = 8
MOST_PACKED = 1100
"""Bytes that one of gzip's becomes at most (deflate: 1,032)."""


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Array of unsigned bytes in an IDX file, plain or gzipped.

    Returns uint8, of the shape the file's header states. Raises ValueError, naming the file, if it
    cannot be read, is no IDX file of unsigned bytes, or has another length than its header states.
    """
    try:
        size = size_of(path)
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            file: Any = gzip.GzipFile(fileobj=raw) if zipped else raw
            shape = _shape(path, file)
            expected = math.prod(shape)
            if expected > size * (MOST_PACKED if zipped else 1):
                raise ValueError(
                    f"{path}: truncated, its header has shape {shape}, and {size:,} bytes hold less"
                )
            require_room(expected, str(path))
            content = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read as an IDX file: {reason(error)}") from error
    if len(content) != expected:
        found = f"{len(content):,}" if len(content) < expected else f"more than {expected:,}"
        raise ValueError(f"{path}: {found} bytes of data, expected {expected:,} for shape {shape}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, file: BinaryIO) -> tuple[int, ...]:
    """Return the shape that a header has, and leave the file where its data begin."""
    header = file.read(4)
    if len(header) < 4 or header[:3] != bytes([0, 0, UBYTE]) or not 0 < header[3] <= MOST_SIZES:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes (header {header.hex()})")
    sizes = file.read(4 * header[3])
    if len(sizes) < 4 * header[3]:
        raise ValueError(f"{path}: truncated, {4 + len(sizes)} bytes end inside the header")
    return struct.unpack(f">{header[3]}I", sizes)
