"""Everything that a run has to show, in RUN/report/."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sampler_bench.kit import own_files
from sampler_bench.kit.files import write_whole
from sampler_bench.reports import tables
from sampler_bench.reports.figures import FIGURES, TABLES
from sampler_bench.reports.formats import FORMATS, USUAL, Report, rendered, written
from sampler_bench.reports.metrics import taken_of
from sampler_bench.reports.runs import Run, alone
from sampler_bench.reports.style import NothingToDrawError, picture, save
from sampler_bench.reports.together import together
from sampler_bench.results.store import Failure


def write(
    run: str | Path,
    out: str | Path | None = None,
    figures: Sequence[str] = (),
    formats: Sequence[str] = USUAL,
    live: bool = False,
) -> Path:
    """Write figures (PNG and PDF), tables and pages; return the path of the page.

    They go to `out`, RUN/report/ unless given; index.html holds its figures and needs no other
    file. `figures` are more of them, from files of one's own, `formats` names of FORMATS. `live`
    writes index.html alone, with one figure, as a page that a browser loads again every few
    seconds. What is
    written depends on the plan and the records alone, not on their order. Raises ValueError if
    `run` is no run, has no finished records, or cannot be written to; and if a figure or format
    that was asked for cannot be made.
    """
    return _write(
        alone(run), Path(run) / "report" if out is None else Path(out), figures, formats, live
    )


def write_together(
    runs: Iterable[str | Path],
    out: str | Path,
    figures: Sequence[str] = (),
    formats: Sequence[str] = USUAL,
) -> Path:
    """Write one report of several runs, as if they were one; see `write`, and `together`."""
    return _write(together(runs), Path(out), figures, formats)


def _write(
    run: Run, folder: Path, figures: Sequence[str], formats: Sequence[str], live: bool = False
) -> Path:
    records = run.records
    for name in formats:
        FORMATS.lookup(name)
    own = {_called(name): _drawn(name, run) for name in figures}
    shown = _tables(records, run.name)
    titles = {name: TABLES[name].caption for name in shown}
    page: dict[str, Any] = {
        "name": run.name,
        "live": live,
        "partial": run.partial,
        "missing": run.missing_by_label,
        "facts": [*_facts(records), *(f"note: {remark}" for remark in run.remarks)],
        "tables": [
            {
                "name": name,
                "title": titles[name],
                "markdown": tables.markdown(table),
                "html": tables.html(table),
            }
            for name, table in shown.items()
        ],
        "figures": _write_figures(run, folder, own, live),
        "conflicts": [str(conflict) for store in run.stores for conflict in store.conflicts()],
        "failures": _failures(run),
        "skipped": run.skipped,
        "grids": run.grids,
        "provenance": _provenance(records),
    }
    if live:
        write_whole(folder / "index.html", rendered("index.html", page))
        return folder / "index.html"
    files = written(Report(page["name"], records, shown, titles, page), formats)
    for name, data in files.items():
        write_whole(folder / name, data)
    index = [name for name in files if name.startswith("index.")]
    first = "index.html" if "index.html" in files else [*index, *files][0]
    return folder / first


def _called(name: str) -> str:
    """What the files of a figure are called."""
    return own_files.shown(name).removeprefix("file:")


def _drawn(name: str, run: Run) -> tuple[Figure, str]:
    """A figure that was asked for, and its caption."""
    row = FIGURES.lookup(name)
    with FIGURES.in_one_line(name):
        return row(run.records, run.samples), row.told(run.records)


def _write_figures(
    run: Run, folder: Path, own: Mapping[str, tuple[Figure, str]], live: bool
) -> list[dict[str, str]]:
    """Write what can be drawn; of a live page the first alone, and no file of its own."""
    drawn = dict(own)
    for name, row in FIGURES.items():
        try:
            drawn.setdefault(name, (row(run.records, run.samples), row.told(run.records)))
            if live:
                break
        except NothingToDrawError:
            continue
    made = []
    for name in [*(name for name in drawn if name not in own), *own]:
        figure, caption = drawn[name]
        png = picture(figure) if live else save(figure, folder / name)[0].read_bytes()
        inline = base64.b64encode(png).decode()
        told = f"{caption} {run.partial}." if run.partial else caption
        made.append({"name": name, "caption": told, "inline": inline})
    return made


def _tables(records: pd.DataFrame, run: str) -> dict[str, pd.DataFrame]:
    """The tables of a run; what says nothing of it is shown by reports.everything."""
    command = f"bench report {run}"
    built = {
        name: tables.signed(row.build(records), records, command)
        for name, row in TABLES.items()
        if row.records
    }
    return {name: table for name, table in built.items() if not table.empty}


def _facts(records: pd.DataFrame) -> list[str]:
    """What was measured, the floor aside: no sampler makes that."""
    records = records[~taken_of(records, "truth")]
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


def _failures(run: Run) -> dict[str, list[Failure]]:
    """Failures by the heading they stand under; what nobody asks for any more is no fault."""
    found: dict[str, list[Failure]] = {}
    for failure in (one for store in run.stores for one in store.failures()):
        title = "Failed" if failure.planned else "Failed before, and in no plan any more"
        found.setdefault(title, []).append(failure)
    return dict(sorted(found.items()))
