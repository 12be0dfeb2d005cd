"""The records of a plan: each as the point of every curve that it is planned to be."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sampler_bench.kit.canonical import hash_of, restored
from sampler_bench.results import agreement
from sampler_bench.results.damaged import NotShown
from sampler_bench.results.record import Record
from sampler_bench.results.schema import Line, PlanFile, Rung
from sampler_bench.results.store import Store

Versions = Mapping[str, list[Record]]


def lines(stores: Iterable[Store]) -> list[Record]:
    """The records of several folders, one for each point of a curve that their plans have.

    A cell that is a point of several curves comes once under each label, with the settings that
    were asked for there; so does a cell that has other numbers by other code. What several folders
    have alike comes once. What lies in a folder and belongs to no plan is not among them, and a
    warning says so. A folder without a plan is taken to be one of all its records.

    Raises Conflict if two records of one cell and code disagree, in one folder or in two.
    """
    found = {store.root: store.found() for store in stores}
    versions = agreement.versions(one for each in found.values() for one in each)
    kept: dict[Any, Record] = {}
    rungs: dict[Any, Rung] = {}
    asked: dict[Any, set[int]] = {}
    elsewhere: set[Any] = set()  # points of the folders before
    for store in sorted(stores, key=lambda store: str(store.root)):
        here = [record.cell.key for _, record in found[store.root]]
        own = {key: versions[key] for key in here}
        new = list(of_plan(store.plan(), own, str(store.root)))
        for record in new:
            asked.setdefault(_point(record), set()).update(record.nfe_asked)
            if record.rung is not None:
                rungs.setdefault(_point(record), record.rung)
            if _point(record) not in elsewhere:
                kept.setdefault((record.label, _point(record)), record)
        elsewhere |= {_point(record) for record in new}
    # A point of a search may have come first from another folder, where it is of none; it is one.
    return [
        replace(
            record,
            rung=rungs.pop(_point(record), None),
            nfe_asked=tuple(sorted(asked[_point(record)])),
        )
        for record in kept.values()
    ]


def of_plan(plan: PlanFile | None, records: Versions, where: str) -> Iterator[Record]:
    """Yield the records of one folder as the points that its plan has."""
    if plan is None:
        for versions in records.values():
            yield from versions
        return
    for line in plan.lines:
        yield from (_as(line, record) for record in records.get(line.key, []))
    planned = {line.key for line in plan.lines}
    if other := [key for key in records if key not in planned]:
        count = "1 record belongs" if len(other) == 1 else f"{len(other)} records belong"
        warnings.warn(f"{where}: {count} to no plan of it: not shown", NotShown, stacklevel=2)


def _as(line: Line, record: Record) -> Record:
    settings = restored(line.settings)
    return record.of(line.label, line.model, settings, line.rung, line.nfe_asked)


def _point(record: Record) -> str:
    told = {"key": record.cell.key, "model": record.model, "settings": record.settings}
    return hash_of(told | {"code": record.code.digest})
