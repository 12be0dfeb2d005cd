"""In what a report is written, by name."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape

from sampler_bench.kit.registry import Registry
from sampler_bench.kit.text import cut, harmless
from sampler_bench.reports import tables
from sampler_bench.reports.forms import FORMAT
from sampler_bench.reports.markdown import code, fence, plain

Text = str | bytes
USUAL = ("md", "html", "csv", "tex")
"""Formats of a report, unless others are asked for."""


@dataclass(frozen=True)
class Report:
    """What a run has to show.

    name     the run's
    records  the table of results.load
    tables   in numbers, by name: those of TABLES that the records fill
    titles   what each of them shows, by name
    page     everything that a page prints, as the templates take it
    """

    name: str
    records: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    titles: Mapping[str, str]
    page: Mapping[str, Any]


@dataclass(frozen=True)
class FormatRow:
    """A format.

    suffix  what its files end in
    about   what it is for, in a line
    page    a report as text, written to index.SUFFIX; None where it has no page
    table   a table as text, written to NAME.SUFFIX; None where it has none of tables alone
    """

    suffix: str
    about: str = ""
    page: Callable[[Report], Text] | None = None
    table: Callable[[pd.DataFrame], Text] | None = None

    def files(self, report: Report) -> dict[str, bytes]:
        """A report's files by name."""
        found = {} if self.page is None else {f"index.{self.suffix}": _bytes(self.page(report))}
        if self.table is not None:
            for name, table in report.tables.items():
                found[f"{name}.{self.suffix}"] = _bytes(self.table(table))
        return found


def rendered(name: str, page: Mapping[str, Any]) -> str:
    """The template of that name ("index.html"), filled in; HTML is escaped.

    Markdown's templates say `plain` of each text that is no part of their own.
    """
    templates = Environment(
        loader=PackageLoader("sampler_bench.reports"),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    templates.filters |= {"plain": plain, "code": code, "fence": fence, "cut": cut}
    return templates.get_template(f"{name}.j2").render(page)


def _harmless(value: Any) -> Any:
    return harmless(value) if type(value) is str else value


def table_files(table: pd.DataFrame) -> dict[str, str]:
    """A table in each of the usual formats that write tables alone, by suffix."""
    rows = [FORMATS[name] for name in USUAL]
    return {row.suffix: str(row.table(table)) for row in rows if row.table}


def written(report: Report, names: Iterable[str] = USUAL) -> dict[str, bytes]:
    """The files of a report by name, in some formats.

    Raises ValueError, in one line, for a format that there is not, or that fails.
    """
    found: dict[str, bytes] = {}
    for name in names:
        row = FORMATS.lookup(name)
        with FORMATS.in_one_line(name):
            found |= row.files(report)
    return found


def as_json(report: Report) -> str:
    """Everything measured, and the tables, in numbers: null where there is none."""
    parts = {"records": report.records, **report.tables}
    told = {name: json.loads(part.to_json(orient="records")) for name, part in parts.items()}
    return json.dumps({"name": report.name, **told}, indent=1, ensure_ascii=False)


def _bytes(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


FORMATS: Registry[FormatRow] = Registry(
    "report format",
    {
        "md": FormatRow(
            "md",
            "A page and tables, as Markdown",
            page=lambda report: rendered("index.md", report.page),
            table=tables.markdown,
        ),
        "html": FormatRow(
            "html",
            "One page that needs no other file",
            page=lambda report: rendered("index.html", report.page),
        ),
        "csv": FormatRow("csv", "Tables, in all digits", table=tables.csv),
        "tex": FormatRow("tex", "Tables, as LaTeX for booktabs", table=tables.latex),
        "json": FormatRow("json", "Records and tables, for programs", page=as_json),
    },
    group="formats",
    forms=FORMAT,
)
