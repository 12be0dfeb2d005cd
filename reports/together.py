"""Several runs as one: curves of one label are one curve only where they are of one thing."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sampler_bench.reports.runs import Run, alone, check_once
from sampler_bench.results import load
from sampler_bench.results.load import SETTING

ALONG = ("steps", "rtol", "atol", "abstol", "reltol")
"""What varies along one curve; in all other settings it is the same all along."""


def together(paths: Iterable[str | Path]) -> Run:
    """Several runs as one, named after them.

    A label on one model is one curve of all runs that have it, if its settings are the same there
    and its code is; or, of other code, if the cells that they share have the same numbers. If not,
    it is a curve for each, "LABEL (RUN)". Samples to look at are the first run's of a cell that
    several have.

    Raises ValueError, in one line, if a path is no run, holds no finished records or is given
    twice, and Conflict (a ValueError) if two records of one cell and code disagree.
    """
    runs = [alone(path) for path in paths]
    runs.sort(key=lambda run: str(run.stores[0].root))
    stores = tuple(store for run in runs for store in run.stores)
    check_once(stores)
    records = load([store.root for store in stores])
    called = _called(runs)
    for label, model in _curves(records, runs):
        having = [run for run in runs if not _of(run.records, label, model).empty]
        groups = _alike(having, label, model)
        if len(groups) > 1:
            records = _split(records, groups, label, model, called)
    return Run(" + ".join(called[id(run)] for run in runs), stores, records)


def _called(runs: Sequence[Run]) -> dict[int, str]:
    """What each run is called: by its folder, or where two are called the same by its path."""
    names = [run.name for run in runs]
    return {
        id(run): run.name if names.count(run.name) == 1 else str(run.stores[0].root) for run in runs
    }


def _curves(records: pd.DataFrame, runs: Sequence[Run]) -> list[tuple[str, str]]:
    found = pd.concat([run.records[["label", "model"]] for run in runs]).drop_duplicates()
    return sorted(found.itertuples(index=False, name=None))


def _alike(runs: Sequence[Run], label: str, model: str) -> list[list[Run]]:
    """The runs that have a label, those together that have the same curve under it."""
    groups: list[list[Run]] = []
    for run in runs:
        for group in groups:
            if all(_same(run, other, label, model) for other in group):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def _same(one: Run, other: Run, label: str, model: str) -> bool:
    a, b = _of(one.records, label, model), _of(other.records, label, model)
    if _settings(a) != _settings(b):
        return False
    if set(a["code"]) == set(b["code"]):
        return True
    both = a.merge(b, on="key", suffixes=("", "_other"))
    return not both.empty and bool((both["value"] == both["value_other"]).all())


def _settings(rows: pd.DataFrame) -> set[tuple[tuple[str, Any], ...]]:
    """The settings of a curve, but for those that vary along it."""
    names = [
        name
        for name in rows.columns
        if name.startswith(SETTING) and name.rpartition(".")[2] not in ALONG
    ]
    found = rows[names].astype(object).to_dict("records")
    return {
        tuple(sorted((name, _plain(value)) for name, value in row.items() if not pd.isna(value)))
        for row in found
    }


def _plain(value: Any) -> str:
    """A setting as text; a column with a gap makes floats of whole numbers."""
    return value if isinstance(value, str) else repr(float(value))


def _split(
    records: pd.DataFrame,
    groups: Sequence[Sequence[Run]],
    label: str,
    model: str,
    called: dict[int, str],
) -> pd.DataFrame:
    """The records with one label as several: each group's own, under a label that names it."""
    is_it = (records["label"] == label) | records["label"].str.startswith(f"{label}, code ")
    is_it &= records["model"] == model
    place = records.loc[is_it, "order"].min()
    parts = [records[~is_it]]
    for group in groups:
        rows = _of(load([run.stores[0].root for run in group]), label, model)
        names = ", ".join(called[id(run)] for run in group)
        parts.append(rows.assign(label=f"{label} ({names})", order=place))
    return pd.concat(parts, ignore_index=True)[list(records.columns)]


def _of(records: pd.DataFrame, label: str, model: str) -> pd.DataFrame:
    return records[(records["label"] == label) & (records["model"] == model)]
