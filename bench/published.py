"""Tables of what is published, for ``bench list models`` and ``bench list references``."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from sampler_bench.models import fetch
from sampler_bench.models.published import PUBLISHED, REFERENCES, Published, PublishedReference


def show_checkpoints(console: Console) -> None:
    """Print the published checkpoints."""
    table = _table("checkpoint", "family", "data set", "licence", "parameters", "source", "")
    for name, row in PUBLISHED.items():
        size = f"{row.parameters / 1e6:.1f} M"
        table.add_row(name, row.family, _images(row), row.licence, size, _page(row), state(name))
    _print(table, console)


def show_references(console: Console) -> None:
    """Print the published statistics."""
    table = _table("reference", "data set", "features", "licence", "source", "")
    for name, row in REFERENCES.items():
        features = f"{row.features} {row.extractor}"
        table.add_row(name, _images(row), features, row.licence, _page(row), state(name))
    _print(table, console)


TABLES: dict[str, Callable[[Console], None]] = {
    "models": show_checkpoints,
    "references": show_references,
}


def state(name: str) -> str:
    """Return ``here``, or how it gets here."""
    if fetch.path_of(name):
        return "here"
    by_hand = any(file.url is None for file in fetch.find(name).files)
    return "to fetch, by hand" if by_hand else "to fetch"


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        right = column == "parameters"
        table.add_column(column, justify="right" if right else "left", no_wrap=column == columns[0])
    return table


def _print(table: Table, console: Console) -> None:
    console.print()
    console.print(table)
    console.print("\nTo fetch: bench fetch NAME", markup=False)


def _images(row: Published | PublishedReference) -> str:
    _, height, width = row.shape
    return f"{row.dataset} {height}×{width}"


def _page(row: Published | PublishedReference) -> str:
    return row.source.removeprefix("https://")
