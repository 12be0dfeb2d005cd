"""Baselines that ship."""

from importlib.resources import files
from pathlib import Path

from sampler_bench.kit.names import unknown

SHIPPED = Path(str(files("sampler_bench.results") / "baselines"))


def shipped() -> list[str]:
    """Return the names of the baselines that ship."""
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())


def locate(name_or_path: str) -> Path:
    """Return the folder of a baseline.

    Raises:
        ValueError: If it is neither a folder nor the name of a shipped one.
    """
    if Path(name_or_path).is_dir():
        return Path(name_or_path)
    if name_or_path not in shipped():
        raise ValueError(f"{unknown(name_or_path, shipped(), 'baseline')}, and no such folder")
    return SHIPPED / name_or_path
