"""One training at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_NAME = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[str]:
    """Hold a training's folder; the system lets go of it when the process ends, however it does.

    Yields:
        What cannot be promised, in one line; empty if nobody else can train in the folder.

    Raises:
        ValueError: If another process holds it, or the lock cannot be made; one line.
    """
    path = folder / _NAME
    if path.is_symlink():  # it would be emptied, wherever it is
        raise ValueError(f"{path}: is a link; remove it, or give another folder")
    lock, doubt = FileLock(path), ""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"{folder}: another training is at work in it; wait for its end, or give another folder"
        ) from None
    except NotImplementedError:
        doubt = f"{folder} cannot be locked on this file system: train in it by one process alone"
    except OSError as error:
        raise ValueError(f"{path}: cannot be locked: {error.strerror}") from None
    try:
        yield doubt
    finally:
        lock.release()
