"""Parameters that are files: what is in one decides, not where it lies."""

from pathlib import Path
from typing import Any

from sampler_bench.kit.canonical import KEY_LENGTH
from sampler_bench.kit.own_files import digest_of


class File(type(Path())):  # type: ignore[misc]  # PosixPath or WindowsPath
    """The path of a file, and the digest of what was in it when it was declared.

    Attributes:
        digest: The first 16 hex digits of its SHA-256; what a cell's key holds of it.
    """

    digest: str = ""

    def __reduce__(self) -> Any:
        return _again, (str(self), self.digest)


def _again(path: str, digest: str) -> File:
    made = File(path)
    made.digest = digest
    return made


def file(value: str | Path, folder: Path, name: str) -> File:
    """Return a file that a parameter names.

    Args:
        value: Its path.
        folder: What the path is relative to.
        name: The parameter's, in messages.

    Raises:
        ValueError: If it cannot be read; one line.
    """
    if isinstance(value, File):
        return value
    try:
        path = (folder / Path(value).expanduser()).resolve()
        return _again(str(path), digest_of(path)[:KEY_LENGTH])
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{name} = {str(value)!r} cannot be read: {reason}") from None


def in_key(value: Any) -> Any:
    """Return what a cell's key holds of a parameter's value."""
    return value.digest if isinstance(value, File) else value
