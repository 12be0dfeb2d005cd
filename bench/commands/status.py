"""What ``bench status`` prints: one screen."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from sampler_bench.bench.run.duration import duration
from sampler_bench.bench.run.status import Running, Status

WIDTH, LINES = 79, 6
"""Columns, and lines under one heading."""
_DAY = 20 * 3600.0
"""Seconds after which a time of day alone would mislead."""


def show(status: Status, folder: Path, console: Console) -> None:
    """Print how far a run is, who works on it, what failed and what is left."""
    for line in lines(status, folder):
        console.print(line, markup=False, soft_wrap=True, highlight=False)


def lines(status: Status, folder: Path, now: datetime | None = None) -> list[str]:
    """Return what is printed; a path or a label may be longer than a line, and is cut short."""
    told = [f"{status.done} of {status.cells} cells done"]
    if status.cells_failed:
        told.append(f"{status.cells_failed} failed")
    if status.cells_left:
        told.append(f"{status.cells_left} left")
    found = [f"{folder}: {', '.join(told)}"]
    if status.cells_left:
        found.append(_time_left(status))
    found += _listed("running", [_who(one, now or datetime.now(UTC)) for one in status.running])
    found += _listed("failed", [f"{job}: {reason}" for job, reason in status.failed])
    found += _listed("left", [f"{job}: {n} of {job.first.shards} shards" for job, n in status.left])
    if status.unplanned:
        found.append(f"{status.unplanned} jobs failed before, and are in no plan any more")
    return [_cut(line) for line in found]


def _time_left(status: Status) -> str:
    by = len(status.running)
    if status.seconds_left is None or status.seconds is None:
        how_long = "how long it takes is not known before something is measured"
    else:
        how_long = (
            f"about {duration(max(1.0, status.seconds_left))} of sampling left: "
            f"{status.evaluations:,.0f} evaluations at {_small(status.seconds)}"
            + (f", by {by} processes" * (by > 1))
        )
    return how_long if by else f"{how_long}; nobody is at work"


def _small(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _who(one: Running, now: datetime) -> str:
    since = datetime.fromisoformat(one.holder.since)
    lasts = max(0.0, (now - since).total_seconds())
    began = f"{since.astimezone():{'%H:%M' if lasts < _DAY else '%d %b %H:%M'}}"
    silent = f", no sign of it for {duration(one.silent)}" if one.silent else ""
    on = f": {'; '.join(one.on)}" if one.on else ""
    return f"{one.holder}, since {began} ({duration(lasts)}){silent}{on}"


def _listed(title: str, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    shown = list(texts) if len(texts) <= LINES else list(texts[: LINES - 1])
    more = len(texts) - len(shown)
    return [title, *(f"  {text}" for text in shown), *([f"  … and {more} more"] if more else [])]


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
