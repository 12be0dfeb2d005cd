"""The log of a training run: one JSON object per line."""

import json
from pathlib import Path
from typing import Any

from sampler_bench.kit.files import append, write_whole


class Log:
    """A file of JSON lines that can be gone back in.

    Args:
        path: The file; made when first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, **values: Any) -> None:
        """Add one line, on disk when this returns."""
        append(self.path, json.dumps(values, allow_nan=False) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """Return all whole lines; the last may have been cut short by a kill or a full disk.

        Raises:
            ValueError: If the log is no file.
        """
        if not self.path.exists():
            return []
        if not self.path.is_file():  # a device, or a pipe, has no end
            raise ValueError(f"{self.path}: is no file; remove it")
        text = self.path.read_text("utf-8", errors="replace")
        return [entry for entry in map(_parsed, text.splitlines()) if entry]

    def rewind(self, images: int) -> None:
        """Drop the lines after so many images, so that going on from there repeats none."""
        kept = [line for line in self.lines() if line.get("images", 0) <= images]
        if self.path.exists():
            write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept))


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    images = found.get("images", 0) if isinstance(found, dict) else None
    return found if isinstance(images, int) else None
