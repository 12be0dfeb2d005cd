"""Reader of .npz files of unknown origin."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file, by name; pickled objects are refused, not executed.

    Raises ValueError, naming the file, if it cannot be read.
    """
    try:
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, NpzFile):
            raise ValueError("it is a single array")
        with opened:
            return {name: opened[name] for name in opened}
    except (OSError, EOFError, ValueError, AttributeError, zlib.error, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path}: cannot be read as an .npz file: {reason}") from error
