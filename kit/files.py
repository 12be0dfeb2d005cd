"""Files that are written whole or not at all: the one place where the rooms write.

A file is on disk before it gets its name, its folder after it, and a folder that was made is on
disk in the one above: whoever looks, after a kill or a power cut, sees the old file, the new one
or none.

All calls of the system go through `system`, which tests put another in the place of, to record
what happens and to let any of it go wrong (`tests/soak/crash_states.py`).
"""

import contextlib
import errno
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

from sampler_bench.kit.bounds import size_of

TEMPORARY = ".writing-"
_TEMPORARY = re.compile(re.escape(TEMPORARY) + "[0-9a-f]{32}")
_DAY = 24 * 3600.0
_NOT_FOR_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM}


class System:
    """The calls of the system by which files are changed and read. Each raises OSError."""

    def mkdir(self, folder: Path) -> None:
        """Make a folder in one that is there; FileExistsError if there is something."""
        folder.mkdir()

    def create(self, path: Path) -> None:
        """Make an empty file; FileExistsError if there is something."""
        path.touch(exist_ok=False)

    def open(self, path: Path, mode: str) -> IO[Any]:
        """Open a file in a binary mode: "rb", "r+b" or "ab"."""
        if mode == "rb":
            size_of(path)  # or a pipe would be waited for
        return path.open(mode)

    def fsync(self, path: Path) -> None:
        """Have the content of a file, or the names in a folder, on disk."""
        # A handle that could not write cannot sync everywhere.
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file or folder another name; a file of that name is replaced."""
        old.replace(new)

    def link(self, path: Path, new: Path) -> None:
        """Give a file a second name; FileExistsError if there is something."""
        new.hardlink_to(path)

    def unlink(self, path: Path) -> None:
        """Remove a file's name."""
        path.unlink()

    def utime(self, path: Path) -> None:
        """Say that a file changed now."""
        os.utime(path)

    def names(self, folder: Path) -> list[str]:
        """Return the names in a folder."""
        return [path.name for path in folder.iterdir()]


system = System()


class Unwritable(ValueError):  # noqa: N818 - a state of the disk, named as users read it
    """A file that cannot be written, or removed; one line.

    Attributes:
        reason: What the system says.
        full: Whether there is no room: then nothing else can be written either.
    """

    def __init__(self, path: Path, wrong: OSError, what: str = "write") -> None:
        self.reason = wrong.strerror or str(wrong)
        self.full = wrong.errno in {errno.ENOSPC, errno.EDQUOT}
        super().__init__(f"cannot {what} {path}: {self.reason}; choose a writable directory")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that appears at `path` only if the block ends without an error.

    Folders that are missing are made. Raises Unwritable where the file cannot be written.
    """
    with whole_by_name(path) as temporary, system.open(temporary, "r+b") as file:
        yield file


@contextlib.contextmanager
def whole_by_name(path: Path) -> Iterator[Path]:
    """As `whole`, for libraries that want a name to write to: that of an empty file beside `path`.

    They may write into it, or put another in its place.
    """
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        make_folder(path.parent)
        system.create(temporary)
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some libraries' files are their owner's alone
        put(temporary, path)
    except OSError as wrong:
        raise Unwritable(path, wrong) from wrong
    finally:
        with contextlib.suppress(OSError):
            system.unlink(temporary)


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
        (sync_folder if each.is_dir() else system.fsync)(each)
    system.rename(finished, path)
    sync_folder(path.parent)


def move(path: Path, target: Path) -> None:
    """Give a file another name, in a folder that is made if it is missing; both are on disk.

    Raises Unwritable where it cannot be.
    """
    try:
        make_folder(target.parent)
        system.rename(path, target)
        sync_folder(target.parent)
        sync_folder(path.parent)
    except OSError as wrong:
        raise Unwritable(target, wrong) from wrong


def append(path: Path, text: str) -> None:
    """Add text at a file's end, made if it is not there, on disk when this returns.

    A kill may cut it short. Raises OSError.
    """
    new = not path.exists()
    with system.open(path, "ab") as file:
        file.write(text.encode())
    system.fsync(path)
    if new:
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, each on disk. Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        try:
            system.mkdir(folder)
        except FileExistsError:
            if not folder.is_dir():
                raise
        sync_folder(folder.parent)
    if not path.is_dir():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk: a rename must survive a power cut. Raises OSError."""
    try:
        system.fsync(folder)
    except OSError as wrong:  # not every file system lets a folder be synced
        if wrong.errno not in _NOT_FOR_FOLDERS:
            raise


def settle(*folders: Path) -> None:
    """Have names on disk that another process, or one that was killed, may not have synced.

    Before what they make superfluous is removed. Raises Unwritable.
    """
    for folder in folders:
        try:
            sync_folder(folder)
        except (FileNotFoundError, NotADirectoryError):  # who writes next says what is wrong
            pass
        except OSError as wrong:
            raise Unwritable(folder, wrong, "sync") from wrong


def remove(path: Path) -> None:
    """Remove a file, if it is there. Raises Unwritable."""
    try:
        system.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as wrong:
        raise Unwritable(path, wrong, "remove") from wrong


def link(path: Path, new: Path) -> None:
    """Give a file a second name, in one step; FileExistsError where there is one. Raises OSError.

    Like `renew`, it is not synced: for what need not survive a power cut.
    """
    system.link(path, new)


def take_away(path: Path) -> Path | None:
    """Give a file a temporary name, and return that; None if it is gone. Raises OSError.

    Of several who try only one has it: he may look at what he took before he removes it.
    """
    temporary = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        system.rename(path, temporary)
    except FileNotFoundError:
        return None
    return temporary


def renew(path: Path) -> None:
    """Say that a file changed now. Raises OSError."""
    system.utime(path)


def read(path: Path) -> bytes:
    """Return a file's content. Raises OSError: it says nothing of the content."""
    with system.open(path, "rb") as file:
        return file.read()


def listed(folder: Path, pattern: str = "*") -> list[Path]:
    """Return what lies in a folder under a name that fits, sorted; nothing without the folder.

    Unlike `Path.glob` it raises OSError where the folder cannot be read.
    """
    try:
        names = system.names(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names) if fnmatchcase(name, pattern)]


def is_temporary(path: Path) -> bool:
    """Return whether a file's name is one that unfinished writes have."""
    return bool(_TEMPORARY.fullmatch(path.name))


def sweep(folders: Iterable[Path], age: float = _DAY) -> None:
    """Remove what interrupted writes left in these folders, not below them.

    Only what no living writer can own: older than `age` s.
    """
    oldest = time.time() - age
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in filter(is_temporary, listed(folder)):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < oldest:
                        system.unlink(path)
