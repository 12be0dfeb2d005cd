"""Files that are written whole or not at all: the one place where the rooms write.

A file is on disk before it gets its name, its folder after it, and a folder that was made is on
disk in the one above: whoever looks, after a kill or a power cut, sees the old file, the new one
or none.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

TEMPORARY = ".writing-"
_DAY = 24 * 3600.0


class Unwritable(ValueError):  # noqa: N818 - a state of the disk, named as users read it
    """A file that cannot be written; one line.

    Attributes:
        reason: What the system says.
    """

    def __init__(self, path: Path, wrong: OSError) -> None:
        self.reason = wrong.strerror or str(wrong)
        super().__init__(f"cannot write {path}: {self.reason}; choose a writable directory")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that appears at `path` only if the block ends without an error.

    Folders that are missing are made. Raises Unwritable where the file cannot be written.
    """
    with whole_by_name(path) as temporary, temporary.open("r+b") as file:
        yield file


@contextlib.contextmanager
def whole_by_name(path: Path) -> Iterator[Path]:
    """As `whole`, for libraries that want a name to write to: that of an empty file beside `path`.

    They may write into it, or put another in its place.
    """
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        make_folder(path.parent)
        temporary.touch(exist_ok=False)
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some libraries' files are their owner's alone
        put(temporary, path)
    except OSError as wrong:
        raise Unwritable(path, wrong) from wrong
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write `data` (a text as UTF-8) to `path`, whole or not at all. Raises Unwritable."""
    with whole(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def put(finished: Path, path: Path) -> None:
    """Have a file, or a folder with all that is in it, on disk, and then give it the name `path`.

    Both are in one file system. Raises OSError.
    """
    inside = sorted(finished.rglob("*"), reverse=True) if finished.is_dir() else []
    for each in (*inside, finished):
        (_sync_folder if each.is_dir() else _sync)(each)
    finished.replace(path)
    _sync_folder(path.parent)


def append(path: Path, text: str) -> None:
    """Add text at a file's end, made if it is not there, on disk when this returns.

    A kill may cut it short. Raises OSError.
    """
    new = not path.exists()
    with path.open("ab") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        _sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, each on disk. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        _sync_folder(folder.parent)


def link(path: Path, new: Path) -> None:
    """Give a file a second name, in one step; FileExistsError where there is one. Raises OSError.

    Like `renew`, it is not synced: for what need not survive a power cut.
    """
    new.hardlink_to(path)


def renew(path: Path) -> None:
    """Say that a file changed now, under all its names, by the disk's clock. Raises OSError."""
    os.utime(path)


def take_away(path: Path) -> Path | None:
    """Give a file a temporary name, and return that; None if it is gone. Raises OSError.

    Of several who try only one has it: he may look at what he took before he removes it.
    """
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        path.replace(temporary)
    except FileNotFoundError:
        return None
    return temporary


def remove(path: Path) -> None:
    """Remove a file, if it is there. Raises Unwritable."""
    try:
        path.unlink(missing_ok=True)
    except OSError as wrong:
        raise Unwritable(path, wrong) from wrong


def sweep(root: Path, age: float = _DAY) -> None:
    """Remove temporary files below `root` that no living writer can own: older than `age` s."""
    oldest = time.time() - age
    for path in root.rglob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _sync(file: Path) -> None:
    with file.open("r+b") as opened:  # a handle that could not write cannot sync everywhere
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    # The rename itself must survive a power cut; not every file system lets a folder be synced.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
