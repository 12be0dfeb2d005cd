"""Puts the floor of a perfect sampler into the baselines that ship, and into their plans.

    python -m tools.baseline_floors                  # all of them
    python -m tools.baseline_floors quick gate       # these

Run it again whenever a baseline was replaced: what there is of floors in a folder is replaced by
what its grid plans at the folder's own samples, and nothing else of it is touched.
"""

import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console

from sampler_bench.bench.commands.baselines import shipped
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.floors import LABEL
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run.planned import plan_file
from sampler_bench.bench.run.progress import Watcher
from sampler_bench.bench.run.runner import Runner
from sampler_bench.bench.run.search import declared
from sampler_bench.results import Record, Store
from tools import ROOT

BASELINES = ROOT / "results" / "baselines"
KNOWN: dict[str, Record] = {}
"""By key: several baselines have one floor."""


def main(names: list[str]) -> None:
    """Say of each baseline how many floors it has now."""
    for name in names or shipped():
        folder = BASELINES / name
        text = (folder / "grid.toml").read_text("utf-8")
        if declared.is_search(text):
            print(f"{name}: a search")
            continue
        print(f"{name}: {put(folder, floors_of(text, folder))}", flush=True)


def floors_of(text: str, folder: Path) -> Plan:
    """Return the floors of the plan of a baseline, and no other work."""
    grid = grids.again(text, str(folder / "grid.toml"), folder)
    made = plans.make(grid)
    whole = plans.with_floors(made) if grid.floor else made
    ours = len(made.work), len(made.again)
    left_out = [item for item in whole.skipped if item.entry == LABEL]
    return Plan(whole.work[ours[0] :], left_out, again=whole.again[ours[1] :])


def put(folder: Path, plan: Plan) -> str:
    """Put floors into a baseline, instead of those that it has."""
    store = Store(folder)
    before = store.plan()
    assert before is not None
    told = plan_file(plan, 1)
    for record in list(store.records()):
        if record.metric.taken_of == "truth":
            (folder / "records" / record.file_name).unlink()
    for record in map(measured, plan.work):
        store.write_record(record)
    kept = [line for line in before.lines if line.label != LABEL]
    skipped = [item for item in before.skipped if item.entry != LABEL]
    changed = {"lines": [*kept, *told.lines], "skipped": [*skipped, *told.skipped]}
    store.write_plan(before.model_copy(update=changed))
    reasons = "; ".join(item.reason for item in told.skipped)
    return f"{len(told.lines)} floors{reasons and f', none: {reasons}'}"


def measured(work: Work) -> Record:
    """Return the record of a floor, measured once for all baselines."""
    if work.key not in KNOWN:
        with tempfile.TemporaryDirectory() as folder:
            store, alone = Store(Path(folder)), Plan([work], [])
            with Watcher(alone, Console(quiet=True)) as watcher:
                failed = Runner(store, torch.device("cpu"), 100, watcher).run(alone, "")
            assert not failed, f"{work.label} of {work.name} failed"
            (KNOWN[work.key],) = store.records()
    return KNOWN[work.key].of(work.label, work.name, work.settings)


if __name__ == "__main__":
    main(sys.argv[1:])
