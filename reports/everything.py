"""One page of everything: the paper's figures and tables, each from the runs of its grids."""

import base64
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from sampler_bench.kit.files import write_whole
from sampler_bench.reports import tables
from sampler_bench.reports.beside import printed
from sampler_bench.reports.claims import CLAIMS, Claim
from sampler_bench.reports.claims import table as claims
from sampler_bench.reports.claims.told import counted
from sampler_bench.reports.figures import FIGURES, TABLES
from sampler_bench.reports.formats import rendered, table_files
from sampler_bench.reports.markdown import Markdown, plain
from sampler_bench.reports.paper import (
    FIGURES_OF_THE_PAPER,
    PAPER,
    TABLES_OF_THE_PAPER,
    Item,
    Missing,
)
from sampler_bench.reports.provenance import provenance
from sampler_bench.reports.runs import Run, gather, merged
from sampler_bench.reports.style import NothingToDrawError, pictures

_PAGES = ("md", "html")


@dataclass(frozen=True)
class Picture:
    """A drawn figure.

    name     of its files, without suffix
    caption  what it shows
    files    its bytes by suffix: png, pdf
    """

    name: str
    caption: str
    files: Mapping[str, bytes]

    @property
    def inline(self) -> str:
        """The PNG as base64."""
        return base64.b64encode(self.files["png"]).decode()


@dataclass(frozen=True)
class Listing:
    """A table: its name and title, its files by suffix (md, csv, tex), and its HTML parts."""

    name: str
    title: str
    files: Mapping[str, str]
    html: list[tuple[str, str]]


@dataclass(frozen=True)
class Entry:
    """What one run has to show of one item."""

    run: Run
    figures: list[Picture]
    tables: list[Listing]

    @property
    def facts(self) -> Mapping[str, str]:
        """Where its numbers come from."""
        return provenance(self.run.records)


@dataclass(frozen=True)
class Section:
    """One item of the paper.

    tables   those that are made from the code itself
    printed  HTML of what the paper prints there; "" if it prints no numbers that are known here
    """

    item: Item
    entries: list[Entry]
    tables: list[Listing]
    printed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.entries or self.tables)

    @property
    def title(self) -> str:
        """What the item is called, for what is drawn of it."""
        return self.item.called([entry.run.records for entry in self.entries])

    @property
    def missing(self) -> list[Missing]:
        """Parts that are not drawn though others of it are, or that nothing here can draw."""
        drawn = {name for entry in self.entries for name in entry.run.records["model"]}
        return self.item.gone(drawn) if self.entries or not self.item.grids else []

    @property
    def shown(self) -> list[str]:
        """The paper's figures and tables that are here."""
        gone = {one.part for one in self.missing}
        return [] if self.empty else [name for name in self.item.numbers if name not in gone]

    @property
    def anchor(self) -> str:
        """What links to it are called."""
        return anchor_of(self.item.name)


def write_everything(paths: Iterable[str | Path], out: str | Path) -> Path:
    """Write OUT/index.html, one page that needs no other file, and return its path.

    Beside it: index.md with the same content, and each picture (PNG, PDF) and table (.md, .csv,
    .tex) as a file, named RUN-FIGURE. What is written depends on the records alone. All of it is
    made before the first file is written. Raises ValueError, in one line, if a path is no run or
    holds no finished records, two records disagree, or OUT cannot be written.
    """
    runs = gather(paths)
    sections = [_section(item, runs) for item in PAPER]
    others = [_other(run) for run in runs if not any(item.takes(run.name) for item in PAPER)]
    judged, answers = _judged(merged(runs).records)
    page = {
        "sections": sections,
        "runs": runs,
        "others": others,
        "statements": judged,
        "counted": answers,
        "summary": _summary(sections),
    }
    files = {f"index.{kind}": rendered(f"everything.{kind}", page).encode() for kind in _PAGES}
    for name, data in (_files([*sections], others, judged) | files).items():
        write_whole(Path(out) / name, data)
    return Path(out) / "index.html"


def _summary(sections: list[Section]) -> str:
    """How much of the paper is here: its own figures and tables, and what is not among them."""
    shown = [name for one in sections for name in one.shown]
    counts = {kind: sum(name.startswith(kind) for name in shown) for kind in ("Figure", "Table")}
    ours = [one.item.name for one in sections if one.item.ours and not one.empty]
    text = (
        f"{counts['Figure']} of the paper's {FIGURES_OF_THE_PAPER} figures and {counts['Table']} of"
        f" its {TABLES_OF_THE_PAPER} tables are drawn here"
    )
    text += f", and {len(ours)} of what it says in words ({', '.join(ours)})" if ours else ""
    gone = [missing.part for one in sections for missing in one.missing]
    return f"{text}." + (f" Missing: {', '.join(gone)}." if gone else "")


def _judged(records: pd.DataFrame) -> tuple[Listing, str]:
    """The statements, and how many hold; where in the paper is a link to what shows them."""
    table = claims(records)
    listing = _listing("statements", "The paper's statements", table)
    anchors = [_anchor(one) for one in CLAIMS.values()]
    told = list(zip(table["Where"], anchors, strict=True))
    links = [Markdown(f"[{plain(where)}](#{anchor})") for where, anchor in told]
    linked = table.assign(Where=pd.Series(links, index=table.index, dtype=object))
    ((title, page),) = listing.html
    for where, anchor in told:  # row by row: what is replaced is no longer found
        cell = f"<td>{html.escape(where)}</td>"
        page = page.replace(cell, f'<td><a href="#{anchor}">{html.escape(where)}</a></td>', 1)
    files = {**listing.files, "md": tables.markdown(linked)}
    judged = Listing(listing.name, listing.title, files, [(title, page)])
    return judged, counted(list(table["Answer"]))


def _anchor(claim: Claim) -> str:
    """Where the page shows what a claim is about: at the item it names, if that does."""
    shown = claim.shown
    items = (FIGURES[shown] if shown in FIGURES else TABLES[shown]).paper
    named = [name for name in items if re.search(rf"{name}(?!\d)", claim.where)]
    return anchor_of([*named, *items][0])


def anchor_of(item: str) -> str:
    """What links to an item of the paper are called."""
    return item.lower().replace(" ", "-").replace("α", "alpha")


def _files(sections: list[Section], others: list[Entry], judged: Listing) -> dict[str, bytes]:
    """Content by file name; a run that feeds several items is written once."""
    listings = [judged, *(one for section in sections for one in section.tables)]
    entries = [*(entry for section in sections for entry in section.entries), *others]
    listings += [one for entry in entries for one in entry.tables]
    texts = {
        f"{one.name}.{kind}": text.encode() for one in listings for kind, text in one.files.items()
    }
    pictures_ = [one for entry in entries for one in entry.figures]
    return texts | {
        f"{one.name}.{kind}": data for one in pictures_ for kind, data in one.files.items()
    }


def _section(item: Item, runs: list[Run]) -> Section:
    taken = [run for run in runs if item.takes(run.name)]
    figures = [name for name, row in FIGURES.items() if item.name in row.paper]
    listed = [name for name, row in TABLES.items() if item.name in row.paper]
    entries = [Entry(run, _figures(figures, run), _tables(listed, run)) for run in taken]
    own = [
        _listing(name, row.caption, row.build())
        for name, row in TABLES.items()
        if not row.records and item.name in row.paper
    ]
    return Section(
        item,
        [entry for entry in entries if entry.figures or entry.tables],
        own,
        tables.html(_as_table(printed(item.parts or (item.name,)))),
    )


def _other(run: Run) -> Entry:
    """All that a run has to show that is of no grid of the paper's."""
    return Entry(run, _figures(FIGURES, run), _tables(TABLES, run))


def _as_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What the paper prints, with the columns that tables are split by."""
    if rows.empty:
        return pd.DataFrame(columns=["Model", "Metric"])
    found = rows.rename(columns={"Data set": "Model"}).assign(Metric="FID")
    return found.sort_values(["Model", "Where", "Sampler", "NFE"], ignore_index=True)


def _figures(names: Iterable[str], run: Run) -> list[Picture]:
    made = []
    for name in names:
        row = FIGURES[name]
        try:
            figure: Figure = row(run.records, run.samples)
        except NothingToDrawError:
            continue
        made.append(Picture(f"{run.name}-{name}", row.told(run.records), pictures(figure)))
    return made


def _tables(names: Iterable[str], run: Run) -> list[Listing]:
    made = []
    for name in names:
        row = TABLES[name]
        if row.records:
            table = tables.signed(row.build(run.records), run.records, f"bench report {run.name}")
            if not table.empty:
                made.append(_listing(f"{run.name}-{name}", row.caption, table))
    return made


def _listing(name: str, title: str, table: pd.DataFrame) -> Listing:
    return Listing(name, title, table_files(table), tables.html(table))
