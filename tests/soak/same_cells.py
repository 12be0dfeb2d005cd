"""Forty cells over every grid that runs here: what they measure, to the last bit.

    python -m tests.soak.same_cells OUT.json             # measure them (minutes)
    python -m tests.soak.same_cells OUT.json BEFORE.json # and compare with another commit's file

Run it at the commit before a change that should move no number, and at the one after: the same
machine, torch, threads and batch. Of each cell it keeps key, value, leave-one-out values, NFE and
the digests of its shards' arrays: moments of features, or errors, bit for bit.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from sampler_bench.bench import grid as grids
from sampler_bench.bench import plan as plans
from sampler_bench.bench.runner import Runner
from sampler_bench.results import Store

CELLS, SAMPLES, BATCH, MOST_EVALUATIONS = 40, 64, 64, 150
FETCHED = ("baseline-", "edm-", "ideal:")


class Silent:
    """Watches a run, and lets no job fail."""

    def begin(self, work): ...

    def sampled(self, samples, evaluations): ...

    def finished(self, work, records, resumed): ...

    def failed(self, work, reason):
        raise RuntimeError(f"{work.label}: {reason}")


def chosen(name, count):
    """Return a grid's plan, cut down to ``count`` of its jobs, spread over it, and its text."""
    grid, text = grids.read(name, samples=SAMPLES)
    plan = plans.make(grid)
    work = [w for w in plan.work if w.nfe <= MOST_EVALUATIONS] or plan.work[:1]
    picked = {len(work) * (2 * i + 1) // (2 * count): None for i in range(count)}
    return replace(plan, work=[work[i] for i in picked]), text


def measured():
    """Return what the cells measure, by grid and key."""
    torch.set_num_threads(1)
    here = []
    for name in grids.shipped():
        grid, _ = grids.read(name)
        if not any(model.startswith(FETCHED) for model in grid.models):
            here.append(name)
    found, missing = {}, CELLS
    for place, name in enumerate(here):
        plan, text = chosen(name, max(1, -(-missing // (len(here) - place))))
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            Runner(store, torch.device("cpu"), BATCH, Silent(), unchecked=True).run(plan, text)
            for record in store.records():
                found[f"{name}/{record.cell.key}"] = {
                    "label": record.label,
                    "value": float(record.value).hex(),
                    "loo": [float(value).hex() for value in record.loo],
                    "nfe": record.nfe,
                    "shards": [receipt["digest"] for receipt in record.shards],
                }
        missing -= len(plan.work)
        print(f"{name}: {len(plan.work)} jobs, {len(found)} cells so far", flush=True)
    return found


def main(out, before=None):
    """Measure, write, and compare."""
    found = measured()
    Path(out).write_text(json.dumps(found, indent=1), "utf-8")
    if before is not None:
        known = json.loads(Path(before).read_text("utf-8"))
        differing = sorted(k for k in known.keys() | found.keys() if known.get(k) != found.get(k))
        print(f"{len(known)} cells before, {len(found)} now, {len(differing)} differ: {differing}")
        return 1 if differing else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
