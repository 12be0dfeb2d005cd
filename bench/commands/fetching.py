"""What ``bench fetch`` does and shows."""

from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from sampler_bench.kit.text import one_line
from sampler_bench.models import fetch as fetching
from sampler_bench.models.cache import Cache
from sampler_bench.models.published import PUBLISHED


def fetch(name: str, console: Console, again: bool, source: Path | None, references: bool) -> None:
    """Bring a published name or an address, and say where it is and what its digest is.

    Args:
        name: What to bring.
        console: Where to write; a bar goes on if it is a terminal.
        again: Bring and pin it anew.
        source: A file, or a folder, to take it from.
        references: Bring the statistics that a checkpoint is judged by as well.

    Raises:
        ValueError: If it cannot be brought; one line.
    """
    item = fetching.find(name)
    if references and name not in PUBLISHED:
        raise ValueError(f"--references is for published checkpoints, and {name} is none")
    _fetch(item, console, again, source)
    if references:
        _fetch(fetching.find(PUBLISHED[name].reference), console, again, None)


def _fetch(item: fetching.Item, console: Console, again: bool, source: Path | None) -> None:
    if item.release and (again or not item.is_here(Cache.usual())):
        licence = f"{item.name}: {item.release.licence}, {item.release.source}"
        console.print(f"{licence}. {item.release.notes}", markup=False, soft_wrap=True)
    with _Bar(console) as bar:
        path = fetching.fetch(item.name, bar.told, again=again, source=source)
    console.print(f"{item.name}: {path}", markup=False, soft_wrap=True)
    for file in item.files:
        pin = Cache.usual().pin(item.key(file))
        console.print(f"  {file.name}: sha256 {pin}", markup=False, soft_wrap=True)


class _Bar(Progress):
    """Bytes, rate and time left; a new line for each file."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._known: dict[str, TaskID] = {}

    def told(self, what: str, done: int, total: int | None) -> None:
        """Show how far something is."""
        if what not in self._known:
            self._known[what] = self.add_task(one_line(what), total=total)
        self.update(self._known[what], completed=done, total=total)
