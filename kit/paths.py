"""Paths in a file belong to the file's folder, wherever it is read."""

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """Return a path with ``~`` as the home it stands for; as it is where there is none."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):
        return Path(path)


def placed(path: str, folder: Path) -> str:
    """Return a path that is relative to a folder as one that is not; an absolute one stays."""
    return str((folder / expanded(path)).absolute())


def exists(path: str | Path) -> bool:
    """Return whether there is something; of what can be no path there is nothing."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def nowhere(path: str | Path) -> str:
    """Return in words that there is no such file, and where it was looked for."""
    folder = Path(path).parent.resolve()
    here = Path(path).name
    beside = folder != Path.cwd() and exists(here)
    hint = f"; the {here} where you stand is not meant: a path in a file belongs to its folder"
    return f"there is no such file in {folder}" + (hint if beside else "")
