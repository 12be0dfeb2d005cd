"""Whether a run's records are of the present code: planned again, and nothing measured."""

from pathlib import Path

import torch

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning
from sampler_bench.bench.run.codes import Codes, Other
from sampler_bench.bench.run.search import declared
from sampler_bench.bench.run.search.prepared import prepare
from sampler_bench.kit import own_files
from sampler_bench.results import Record, Store
from sampler_bench.results.lines import lines

CPU = torch.device("cpu")


def check_fresh(folder: Path) -> None:
    """Refuse a run of which a record was made by other code than there is now.

    Raises:
        ValueError: If there is one, or if what the run asked for can no longer be planned; one
            line.
    """
    store = Store(folder)
    records = lines([store])
    try:
        other = _other(store, records)
    except ValueError as error:
        plan = store.plan()
        was = own_files.changed(plan.files) if plan else ""
        raise ValueError(
            f"{folder}: whether it is of the present code cannot be told: {was or error}; compare "
            "what was recorded by --recorded"
        ) from None
    if other:
        raise ValueError(
            f"{folder} holds {other}; run its grid again by --again, or compare what was recorded "
            "by --recorded"
        )


def check_whole(folder: Path) -> None:
    """Refuse a baseline that lacks a record of what it planned: nothing would be held to it.

    But for jobs that failed, as its folder says.

    Raises:
        ValueError: If it does; one line.
    """
    store = Store(folder)
    plan = store.plan()
    keys = {record.cell.key for record in store.records()}
    failed = {failure.work_key for failure in store.failures()}
    lines_of = plan.lines if plan else []
    gone = [one for one in lines_of if one.key not in keys and one.work_key not in failed]
    if gone:
        raise ValueError(
            f"{folder} has no record of {len(gone)} of the cells that it planned, first "
            f"{gone[0].label!r}: run its grid again"
        )


def _other(store: Store, records: list[Record]) -> Other:
    codes, other = Codes(), Other()
    works = _planned(store)
    records = [record for record in records if record.metric.taken_of != "truth"]
    gone = [record for record in records if record.cell.key not in works]
    if gone:
        count = "1 record is" if len(gone) == 1 else f"{len(gone)} records are"
        raise ValueError(f"{count} of cells that its grid has no more, first {gone[0].label!r}")
    for record in records:
        now = codes.of(works[record.cell.key])
        if record.code.digest != now.digest:
            other.records.append(record)
            other.note(record.code, now)
    return other


def _planned(store: Store) -> dict[str, Work]:
    """Return the work of each cell of a run, planned as its folder says."""
    path = store.root / "grid.toml"
    text = path.read_text("utf-8") if path.is_file() else ""
    plan = store.plan()
    if declared.is_search(text):
        return _of_search(
            store, text, Path(plan.grid_folder) if plan and plan.grid_folder else None
        )
    folder = Path(plan.grid_folder) if plan and plan.grid_folder else store.root
    made = planning.make(grids.again(text, str(path), folder), CPU, dry=True)
    return {cell.key: work for work in made.work for cell in work.cells}


def _of_search(store: Store, text: str, folder: Path | None) -> dict[str, Work]:
    """Return, for each cell of a search, a work of the same model: settings of churn are numbers,
    and all of them have one code.
    """
    search = declared.parsed(text, str(store.root / "grid.toml"), folder)
    prepared, _ = prepare(search, CPU, dry=True)
    by_model = {one.model: one for one in prepared}
    found = [r for r in lines([store]) if r.model in by_model]
    return {r.cell.key: by_model[r.model].like(r.label) for r in found}
