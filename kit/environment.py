"""What stands in a person's environment: read and set here, and nowhere else.

No number of ours depends on any of it.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

CACHE = "SAMPLER_BENCH_CACHE"
"""Where fetched files lie, and logs of faults."""


def cache() -> Path | None:
    """Return the folder that was chosen for what is fetched; ``None`` if none was."""
    chosen = os.environ.get(CACHE)
    return Path(chosen).expanduser() if chosen else None


def says_width() -> bool:
    """Return whether it says how many columns are to be filled."""
    return "COLUMNS" in os.environ


def told(name: str) -> str:
    """Return what a variable says; empty where it is not set."""
    return os.environ.get(name, "")


def prepare() -> None:
    """Set what libraries read when they are loaded, in a process that is all ours."""
    # PyTorch's OpenMP: threads that wait by spinning for long stall all work on cores that are
    # shared: 100 times slower on a busy machine, no slower on a quiet one.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Matplotlib: a person's own settings are for his own figures.
    os.environ["MATPLOTLIBRC"] = os.devnull


@contextlib.contextmanager
def without(name: str) -> Iterator[str | None]:
    """Hide a variable while the block runs, which is given what it was."""
    value = os.environ.pop(name, None)
    try:
        yield value
    finally:
        if value is not None:
            os.environ[name] = value
