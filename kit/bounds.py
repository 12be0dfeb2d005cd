"""What is read has bounds, which are looked at before it is opened and before memory is taken.

A pipe with nobody at its other end never ends, nor does ``/dev/zero``; a header of a few bytes can
promise more than any machine holds.
"""

import codecs
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SMALL = 10_000_000
"""Bytes of a file that somebody wrote."""
LARGE = 4 * 2**30
"""Bytes of one that is read whole all the same: statistics, features."""


def size_of(path: Path) -> int:
    """Return the length of a file in bytes. Raises OSError; also if it is a pipe or a device."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "a pipe or device, and no file", str(path))
    return found.st_size


def content(path: Path, most: int) -> bytes:
    """Return what is in a file. Raises OSError; also if it is none, or longer than ``most``."""
    if size_of(path) <= most:
        with path.open("rb") as file:
            found = file.read(most + 1)  # it may grow
        if len(found) <= most:
            return found
    raise OSError(errno.EFBIG, f"longer than {told(most)}", str(path))


def text_in(path: Path, most: int) -> str:
    """Return the text of a file that somebody typed; a byte-order mark is read over.

    Raises:
        ValueError: If it cannot be read, is no UTF-8, or has more than ``most`` bytes; one line.
    """
    try:
        found = content(path, most)
        if found.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise ValueError("it is UTF-16, as PowerShell's > writes: save it as UTF-8")
        return found.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as UTF-8 text: {reason(error)}") from None


def require_room(needed: int, what: str) -> None:
    """Raise ValueError, one line that begins with ``what``, for more than the memory that is free.

    Args:
        needed: Bytes.
        what: What they are for: "images.npz: 'images'".
    """
    free = min(_free(), default=None)
    if free is not None and needed > free:
        raise ValueError(f"{what} would take {told(needed)} of memory, and {told(free)} are free")


def told(size: int) -> str:
    """Return a number of bytes as people read it: "1.5 GB"."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB")
    power = min(max(len(str(size)) - 1, 0) // 3, len(units) - 1)
    return f"{size / 1000**power:,.3g} {units[power]}" if power else f"{size} bytes"


def reason(error: Exception) -> str:
    """Return what an error says, in one line, without the name of the file."""
    said = str(getattr(error, "strerror", None) or error)
    return (said.splitlines() or [type(error).__name__])[0]


def _free() -> Iterator[int]:
    """Yield bytes that this process may still take, by each that limits it and can be asked."""
    with suppress(OSError, AttributeError, StopIteration):
        lines = Path("/proc/meminfo").read_text("ascii")
        yield next(int(kilo) * 1024 for kilo in re.findall(r"MemAvailable:\s+(\d+) kB", lines))
    with suppress(OSError, ValueError):
        yield int(Path("/sys/fs/cgroup/memory.max").read_text("ascii"))
    with suppress(OSError, AttributeError, ValueError):  # not everywhere
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(ImportError, OSError, ValueError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        if limit != resource.RLIM_INFINITY:
            yield max(0, limit - taken * os.sysconf("SC_PAGE_SIZE"))
