"""Forty cells over every grid that runs here: what they measure, before a change and after.

    python -m tests.soak.same_cells OUT.json             # measure them (minutes)
    python -m tests.soak.same_cells OUT.json BEFORE.json # and compare with another commit's file
    python -m tests.soak.same_cells OUT.json BEFORE.json --bits    # to the last bit
    python -m tests.soak.same_cells --compare NOW.json BEFORE.json # two files, nothing measured

Run it at the commit before a change and at the one after: the same machine, torch, threads and
batch. Of each cell it keeps key, value, leave-one-out values, NFE and the digests of its shards'
arrays: moments of features, or errors, bit for bit.

Numbers may differ by what the store calls float noise, of the largest of them. More is an
exception that has to be explained, cell by cell: an image is truncated to uint8, and a value that
lies within round-off of a whole number falls on the other side, which moves a whole pixel step.
"""

import json
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run.runner import Runner
from sampler_bench.results import Store
from sampler_bench.results.shard import RTOL

CELLS, SAMPLES, BATCH, MOST_EVALUATIONS = 40, 64, 64, 150
FETCHED = ("baseline-", "edm-", "ideal:")


class Silent:
    """Watches a run, and lets no job fail."""

    def begin(self, work): ...

    def sampled(self, samples, evaluations): ...

    def finished(self, work, records, resumed): ...

    def measured(self, work, samples, seconds): ...

    def waiting(self, others): ...

    def failed(self, work, reason):
        raise RuntimeError(f"{work.label}: {reason}")


def chosen(name, count):
    """Return a grid's plan, cut down to ``count`` of its jobs, spread over it, and its text."""
    grid, text = grids.read(name, samples=SAMPLES)
    plan = plans.make(grid)
    work = [w for w in plan.work if (w.nfe or 0) <= MOST_EVALUATIONS] or plan.work[:1]
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


def apart(one, other):
    """Return how far two measurements of a cell are apart, of the largest number in them."""
    if one["nfe"] != other["nfe"]:
        return math.inf
    mine, theirs = (
        [float.fromhex(number) for number in (cell["value"], *cell["loo"])] for cell in (one, other)
    )
    most = max(map(abs, theirs)) or 1.0
    return max(abs(a - b) for a, b in zip(mine, theirs, strict=True)) / most


def compare(found, known, bits=False):
    """Print what differs; return whether something does beyond the store's float noise."""
    allowed = 0.0 if bits else RTOL
    moved = {key: apart(found[key], known[key]) for key in known.keys() & found.keys()}
    lost = sorted(known.keys() ^ found.keys())
    for key, distance in sorted(moved.items(), key=lambda one: -one[1]):
        shards = zip(found[key]["shards"], known[key]["shards"], strict=True)
        others = sum(a != b for a, b in shards)
        if distance or others:
            word = "noise" if distance <= allowed else "BEYOND NOISE"
            label = known[key]["label"]
            print(f"{key}: {distance:.1e} {word}, {others} shards' bits differ ({label})")
    beyond = [key for key, distance in moved.items() if distance > allowed]
    if bits:
        beyond = [key for key in moved if found[key] != known[key]]
    same = sum(found[key] == known[key] for key in moved)
    print(f"{len(known)} cells before, {len(found)} now, {len(lost)} in one alone: {lost}")
    print(f"{same} the same bits, {len(moved) - len(beyond)} within {allowed:g}: {beyond} are not")
    return bool(lost or beyond)


def read(path):
    """Return the cells of a file."""
    return json.loads(Path(path).read_text("utf-8"))


def main(*arguments):
    """Measure, write, and compare."""
    options = {one for one in arguments if one.startswith("--")}
    out, *before = (one for one in arguments if not one.startswith("--"))
    if "--compare" in options:
        found = read(out)
    else:
        found = measured()
        Path(out).write_text(json.dumps(found, indent=1), "utf-8")
    return int(bool(before) and compare(found, read(before[0]), "--bits" in options))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
