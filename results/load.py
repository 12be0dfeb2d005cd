"""A run as one table."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from sampler_bench.kit.canonical import hash_of
from sampler_bench.kit.text import one_line
from sampler_bench.results.cell import Cell
from sampler_bench.results.lines import lines
from sampler_bench.results.record import Record
from sampler_bench.results.schema import columns
from sampler_bench.results.store import Store

_CELL = [field.name for field in fields(Cell) if field.name not in {"sampler", "condition"}]
_MEASURED = [
    "value",
    "se",
    "loo",
    "nfe",
    "nfe_asked",
    "nfe_min",
    "nfe_max",
    "seconds",
    "metric_name",
    "profile",
]
_MEASURED += ["metric_better", "metric_of"]
_NAMED = ["key", "work_key", "point", "label", "order", "model", "search", "rung", "over"]
_PLACE = ("search", "rung", "over")  # of some rows alone: no number that pandas would make of none
COLUMNS = [*_NAMED, *_CELL, "code", "repeat", *_MEASURED]
SETTING = ("sampler.", "measurement.")
"""What the columns of settings begin with."""
_ORDER = ["metric", "model", "label", "nfe", "seed_start", "settings", "code"]


def load(path: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """The records of one run, or of several together, as a tidy table: a row per point of a curve.

    A cell that is a point of several curves of the plan has a row in each, and a cell with other
    numbers by other code a row for each code, under a label that says so.

    Columns: key, work_key, point (the same for repeats), label, order (the place of the label in
    the grid that was run, for colours and legends; the last if it is unknown), model, search and
    rung (the name of the search that it took part in, and where: 0, 1, … or "fresh"; None of all
    others), over (what the search is over: "churn" or "samplers"; None likewise), every field of
    the cell, code, repeat (0, 1, … by seed_start), value, se, loo (list), nfe, nfe_asked (a tuple:
    what the plans asked for by NFE; empty if by steps), nfe_min, nfe_max, seconds, metric_name,
    profile (columns over σ by name; {} for metrics that are one number), metric_better ("lower" or
    "higher"), metric_of (what it is taken of: "samples", "trajectory", "levels" or "truth"), the
    settings as sampler.* and measurement.*, and provenance as prov_*.
    The rows' order depends on their contents alone.

    Damaged files are set aside, and what belongs to no plan left out, each with a warning
    (`NotShown`). Names are one line each, without control characters, whatever a file says.
    Raises ValueError if a path is no run, Conflict (a ValueError) if two records of one cell and
    code disagree.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    stores = [_opened(Path(one)) for one in paths]
    plans = [plan for store in stores if (plan := store.plan()) is not None]
    planned = dict.fromkeys(line.label for plan in plans for line in plan.lines)
    return table(lines(stores), list(planned))


def table(records: Iterable[Record], planned: Sequence[str] = ()) -> pd.DataFrame:
    """The tidy table of `load`, from records at hand; `planned` are labels in the grid's order."""
    rows = [_row(record) for record in records]
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    places = {name: pd.Series([row.pop(name) for row in rows], dtype=object) for name in _PLACE}
    frame = pd.DataFrame(rows).assign(**places)
    frame = frame.sort_values(_ORDER, ignore_index=True).drop(columns="settings")
    order = {one_line(label): place for place, label in enumerate(planned)}
    frame["order"] = [order.get(label, len(order)) for label in frame["label"]]
    frame = _told_apart(frame)
    frame["repeat"] = frame.groupby("point")["seed_start"].rank(method="dense").astype(int) - 1
    others = sorted(set(frame.columns) - set(COLUMNS))
    settings = [name for name in others if not name.startswith("prov_")]
    provenance = [name for name in others if name.startswith("prov_")]
    return frame[[*COLUMNS, *settings, *provenance]]


def _told_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of one cell that other code gave other numbers: other points of other curves."""
    same = frame.groupby(["label", "model", "key", "point"])["code"]
    several = same.transform("nunique") > 1
    told = frame["label"] + ", code " + frame["code"].str[:12]
    point = [
        hash_of({"point": p, "code": c}) for p, c in zip(frame["point"], frame["code"], strict=True)
    ]
    return frame.assign(
        label=frame["label"].where(~several, told),
        point=frame["point"].where(~several, pd.Series(point, index=frame.index)),
    )


def _row(record: Record) -> dict[str, Any]:
    cell = record.cell
    return {
        "key": cell.key,
        "work_key": cell.work_key,
        "point": hash_of({"point": cell.point, "settings": record.settings}),
        "label": one_line(record.label),
        "model": one_line(record.model),
        "search": record.rung and record.rung.search,
        "rung": record.rung and record.rung.rung,
        "over": record.rung and record.rung.over,
        "settings": hash_of({"settings": record.settings}),
        **{name: getattr(cell, name) for name in _CELL},
        "code": record.code.digest,
        **cell.condition,
        **{name: getattr(record, name) for name in _MEASURED},
        "metric_name": one_line(record.metric_name),
        "loo": list(record.loo),
        "profile": {name: list(column) for name, column in record.profile.items()},
        **columns(record.settings),
        **{f"prov_{one_line(name)}": one_line(value) for name, value in record.provenance.items()},
    }


def _opened(path: Path) -> Store:
    if not path.is_dir():
        raise ValueError(f"{path}: no such run directory")
    if not (path / "records").is_dir() and not (path / "grid.toml").is_file():
        raise ValueError(f"{path}: not a run, expected a directory with grid.toml or records/")
    return Store(path)
