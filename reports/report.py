"""Everything that a run has to show, in RUN/report/."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sampler_bench.kit import own_files
from sampler_bench.kit.files import write_whole
from sampler_bench.reports import tables
from sampler_bench.reports.figures import FIGURES, TABLES
from sampler_bench.reports.formats import FORMATS, USUAL, Report, written
from sampler_bench.reports.runs import Run
from sampler_bench.reports.style import NothingToDrawError, save
from sampler_bench.results import Store, load
from sampler_bench.results.store import Failure


def write(
    run: str | Path,
    out: str | Path | None = None,
    figures: Sequence[str] = (),
    formats: Sequence[str] = USUAL,
) -> Path:
    """Write figures (PNG and PDF), tables and pages; return the path of the page.

    They go to `out`, RUN/report/ unless given; index.html holds its figures and needs no other
    file. `figures` are more of them, from files of one's own, `formats` names of FORMATS. What is
    written depends on the records alone, not on their order. Raises ValueError if `run` is no run,
    has no finished records, or cannot be written to; and if a figure or format that was asked for
    cannot be made.
    """
    store = Store(Path(run))
    folder = store.root / "report" if out is None else Path(out)
    records = load(store.root)
    if records.empty:
        raise ValueError(f"{run}: no finished records to report on; run its grid first")
    for name in formats:
        FORMATS.lookup(name)
    own = {_called(name): _drawn(name, store, records) for name in figures}
    shown = _tables(records)
    titles = {name: TABLES[name].caption for name in shown}
    partial = Run(store.root.name, (store,), records).partial
    page: dict[str, Any] = {
        "name": store.root.resolve().name,
        "facts": [*_facts(records), *([partial] if partial else [])],
        "tables": [
            {
                "name": name,
                "title": titles[name],
                "markdown": tables.markdown(table),
                "html": tables.html(table),
            }
            for name, table in shown.items()
        ],
        "figures": _write_figures(store, folder, records, own, partial),
        "conflicts": [str(conflict) for conflict in store.conflicts()],
        "failures": _failures(store),
        "skipped": plan.skipped if (plan := store.plan()) else [],
        "grid": _text(store.root / "grid.toml"),
        "provenance": _provenance(records),
    }
    files = written(Report(page["name"], records, shown, titles, page), formats)
    for name, data in files.items():
        write_whole(folder / name, data)
    index = [name for name in files if name.startswith("index.")]
    first = "index.html" if "index.html" in files else [*index, *files][0]
    return folder / first


def _called(name: str) -> str:
    """What the files of a figure are called."""
    return own_files.shown(name).removeprefix("file:")


def _drawn(name: str, store: Store, records: pd.DataFrame) -> tuple[Figure, str]:
    """A figure that was asked for, and its caption."""
    row = FIGURES.lookup(name)
    with FIGURES.in_one_line(name):
        return row(records, store.samples), row.told(records)


def _write_figures(
    store: Store,
    folder: Path,
    records: pd.DataFrame,
    own: Mapping[str, tuple[Figure, str]],
    partial: str,
) -> list[dict[str, str]]:
    drawn = dict(own)
    for name, row in FIGURES.items():
        try:
            drawn.setdefault(name, (row(records, store.samples), row.told(records)))
        except NothingToDrawError:
            continue
    made = []
    for name in [*(name for name in drawn if name not in own), *own]:
        figure, caption = drawn[name]
        png, _ = save(figure, folder / name)
        inline = base64.b64encode(png.read_bytes()).decode()
        told = f"{caption} {partial}".strip()
        made.append({"name": name, "caption": told, "inline": inline})
    return made


def _tables(records: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of a run; what says nothing of it is shown by reports.everything."""
    built = {name: row.build(records) for name, row in TABLES.items() if row.records}
    return {name: table for name, table in built.items() if not table.empty}


def _facts(records: pd.DataFrame) -> list[str]:
    cells, seconds = records["work_key"].nunique(), _sampling_seconds(records)
    return [
        f"{_count(records['model'].nunique(), 'model')}: {_listed(records['model'])}",
        f"{_count(records['label'].nunique(), 'sampler')}, {_count(cells, 'cell')},"
        f" {seconds:,.0f} s of sampling",
        f"measured: {_listed(records['metric_name'], '; ')}",
    ]


def _sampling_seconds(records: pd.DataFrame) -> float:
    # Several metrics of one cell were measured on the same samples.
    return float(records.sort_values("key").groupby("work_key")["seconds"].max().sum())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(values: pd.Series, between: str = ", ") -> str:
    return between.join(sorted({str(value) for value in values.dropna()}))


def _provenance(records: pd.DataFrame) -> dict[str, str]:
    columns = [column for column in records.columns if column.startswith("prov_")]
    found = {column.removeprefix("prov_"): _listed(records[column]) for column in columns}
    if "created" in found:
        dates = records["prov_created"].dropna()
        found["created"] = f"{dates.min()} to {dates.max()}"
    return found


def _failures(store: Store) -> dict[str, list[Failure]]:
    """Failures by the heading they stand under; what nobody asks for any more is no fault."""
    found: dict[str, list[Failure]] = {}
    for failure in store.failures():
        title = "Failed" if failure.planned else "Failed before, and in no plan any more"
        found.setdefault(title, []).append(failure)
    return dict(sorted(found.items()))


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
