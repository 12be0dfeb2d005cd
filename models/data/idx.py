"""Reader of the IDX format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UBYTE = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Array of unsigned bytes in an IDX file, plain or gzipped.

    Returns uint8, of the shape the file's header states. Raises ValueError, naming the file, if it
    cannot be read, is no IDX file of unsigned bytes, or has another length than its header states.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read as an IDX file: {error}") from error
    if len(content) < 4 or content[:3] != bytes([0, 0, UBYTE]) or content[3] == 0:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes (header {content[:4].hex()})")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path}: truncated, {len(content)} bytes end inside the header")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    expected = int(np.prod(shape, dtype=np.int64))
    if len(content) - start != expected:
        raise ValueError(
            f"{path}: {len(content) - start} bytes of data, expected {expected} for shape {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
