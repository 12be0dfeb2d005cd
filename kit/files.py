"""Files that are written whole or not at all."""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

TEMPORARY = ".writing-"
_DAY = 24 * 3600.0


@contextlib.contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that appears at `path` only if the block ends without an error.

    The bytes go to a temporary file in the same folder, reach the disk, and are then renamed:
    whoever looks sees the old file, the new one or none. Raises ValueError, in one line, where
    the file cannot be written.
    """
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as wrong:
        reason = wrong.strerror or str(wrong)
        raise ValueError(f"cannot write {path}: {reason}; choose a writable directory") from wrong
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with whole(path) as file:
        file.write(data)


def sweep(root: Path, age: float = _DAY) -> None:
    """Remove temporary files below `root` that no living writer can own: older than `age` s."""
    oldest = time.time() - age
    for path in root.rglob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut; not every file system lets a folder be synced.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
