"""Everything that a run has to show, in RUN/report/."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape

from sampler_bench.kit.files import write_whole
from sampler_bench.reports import tables
from sampler_bench.reports.figures import FIGURES, TABLES
from sampler_bench.reports.style import NothingToDrawError, save
from sampler_bench.results import Store, load
from sampler_bench.results.store import Failure


def write(run: str | Path, out: str | Path | None = None) -> Path:
    """Write figures (PNG and PDF), tables (.md, .csv, .tex), index.md and index.html.

    They go to `out`, RUN/report/ unless given; index.html holds its figures and needs no other
    file. Returns its path. What is written depends on the records alone, not on their order.
    Raises ValueError if `run` is no run, has no finished records, or cannot be written to.
    """
    store = Store(Path(run))
    folder = store.root / "report" if out is None else Path(out)
    records = load(store.root)
    if records.empty:
        raise ValueError(f"{run}: no finished records to report on; run its grid first")
    page: dict[str, Any] = {
        "name": store.root.resolve().name,
        "facts": _facts(records),
        "tables": _write_tables(folder, records),
        "figures": _write_figures(store, folder, records),
        "conflicts": [str(conflict) for conflict in store.conflicts()],
        "failures": _failures(store),
        "skipped": plan.skipped if (plan := store.plan()) else [],
        "grid": _text(store.root / "grid.toml"),
        "provenance": _provenance(records),
    }
    for name in ("index.md", "index.html"):
        write_whole(folder / name, render(name, page).encode())
    return folder / "index.html"


def render(name: str, page: Mapping[str, Any]) -> str:
    """The template of that name ("index.html"), filled in; HTML is escaped."""
    templates = Environment(
        loader=PackageLoader("sampler_bench.reports"),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template(f"{name}.j2").render(page)


def _write_figures(store: Store, folder: Path, records: pd.DataFrame) -> list[dict[str, str]]:
    made = []
    for name, row in FIGURES.items():
        try:
            figure = row(records, store.samples)
        except NothingToDrawError:
            continue
        png, _ = save(figure, folder / name)
        inline = base64.b64encode(png.read_bytes()).decode()
        made.append({"name": name, "caption": row.caption, "inline": inline})
    return made


def _write_tables(folder: Path, records: pd.DataFrame) -> list[dict[str, Any]]:
    made = []
    for name, row in TABLES.items():
        if not row.records:  # says nothing of this run: reports.everything shows it
            continue
        table = row.build(records)
        if table.empty:
            continue
        markdown = tables.markdown(table)
        texts = {"md": markdown, "csv": table.to_csv(index=False), "tex": tables.latex(table)}
        for kind, text in texts.items():
            write_whole(folder / f"{name}.{kind}", text.encode())
        made.append(
            {"name": name, "title": row.caption, "markdown": markdown, "html": tables.html(table)}
        )
    return made


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
