"""A run as one table."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd

from sampler_bench.results.cell import Cell
from sampler_bench.results.record import Record
from sampler_bench.results.store import Store, agreeing_records

_CELL = [field.name for field in fields(Cell) if field.name not in {"sampler", "condition"}]
_MEASURED = ["value", "se", "loo", "nfe", "nfe_min", "nfe_max", "seconds", "metric_name", "profile"]
_MEASURED += ["metric_better", "metric_of"]
COLUMNS = ["key", "work_key", "point", "label", "order", *_CELL, "repeat", *_MEASURED]
_ORDER = ["metric", "model", "label", "nfe", "seed_start", "key"]


def load(path: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """The records of one run, or of several together, as a tidy table: one row per record.

    Columns: key, work_key, point (the same for repeats), label, every field of the cell (the
    sampler's settings under their own names), repeat (0, 1, … by seed_start), value, se, loo
    (list), nfe, nfe_min, nfe_max, seconds, metric_name, profile (columns over σ by name; {} for
    metrics that are one number), metric_better ("lower" or "higher"), metric_of (what it is taken
    of: "samples", "trajectory" or "levels"), provenance as prov_*, and order: the place of the
    label in the grid that was run, for colours and legends (the last if it is unknown).
    The rows' order depends on their contents alone.

    Raises ValueError if a path is no run or holds a damaged record, Conflict (a ValueError)
    if two records of one cell disagree.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    stores = [_opened(Path(one)) for one in paths]
    found = [file for store in stores for file in store.record_files()]
    planned = dict.fromkeys(label for store in stores for label in store.planned_labels())
    return table(agreeing_records(found), list(planned))


def table(records: Iterable[Record], planned: Sequence[str] = ()) -> pd.DataFrame:
    """The tidy table of `load`, from records at hand; `planned` are labels in the grid's order."""
    rows = [_row(record) for record in records]
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    frame = pd.DataFrame(rows).sort_values(_ORDER, ignore_index=True)
    frame["repeat"] = frame.groupby("point")["seed_start"].rank(method="dense").astype(int) - 1
    places = {label: place for place, label in enumerate(planned)}
    frame["order"] = [places.get(label, len(places)) for label in frame["label"]]
    others = sorted(set(frame.columns) - set(COLUMNS))
    settings = [name for name in others if not name.startswith("prov_")]
    provenance = [name for name in others if name.startswith("prov_")]
    return frame[[*COLUMNS, *settings, *provenance]]


def _row(record: Record) -> dict[str, Any]:
    cell = record.cell
    return {
        "key": cell.key,
        "work_key": cell.work_key,
        "point": cell.point,
        "label": record.label,
        **{name: getattr(cell, name) for name in _CELL},
        **cell.sampler,
        **cell.condition,
        **{name: getattr(record, name) for name in _MEASURED},
        "loo": list(record.loo),
        "profile": {name: list(column) for name, column in record.profile.items()},
        **{f"prov_{name}": value for name, value in record.provenance.items()},
    }


def _opened(path: Path) -> Store:
    if not path.is_dir():
        raise ValueError(f"{path}: no such run directory")
    if not (path / "records").is_dir() and not (path / "grid.toml").is_file():
        raise ValueError(f"{path}: not a run, expected a directory with grid.toml or records/")
    return Store(path)
