"""The table of edits, run: do numbers change where a cell's code does, and nowhere else?

    python -m tests.soak.code_table FOLDER         # all of tests/bench/code_edits.py (minutes)
    python -m tests.soak.code_table FOLDER "rk2"   # those whose names contain a text

The package is laid out in FOLDER as it is installed; each edit is made there, four cells are run in
a process of their own, and the text is put back. Of each pair (edit, cell) it says N where numbers
changed (or the cell failed), and C where the code did; at the end how many were right, missed (N
without C) and told (C without N). Before any edit it compares the code with what ran, of every row
that ships, too. Exit 1 if a pair was missed, or something ran that is not in the list and is no
bookkeeping.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.code_edits import CELLS, EDITS, ROOT

ROOMS = ("bench", "kit", "models", "reports", "results", "solvers")
MEASURE = """
import json, sys, tempfile
from dataclasses import replace
from pathlib import Path
import torch
import sampler_bench
torch.set_num_threads(1)
from sampler_bench.bench.measure.code_of import BOOKKEEPING, code_of
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.kit.code import Reader
from sampler_bench.bench.plan import grid as grids, planning as plans
from sampler_bench.bench.run.runner import Runner
from sampler_bench.results import Store
from tests.bench.code_edits import CELLS
from tests.bench.code_trace import of_row, rows, traced, unlisted
from tests.bench.runs import Silent

assert Path(sampler_bench.__file__).is_relative_to(Path.cwd())
READER = Reader(without=frozenset(BOOKKEEPING))
PIXELS = build_extractor("pixels")
out, trace = {}, len(sys.argv) > 1
for name, text in CELLS.items():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g.toml"
        path.write_text(text)
        try:
            plan = plans.make(grids.read(str(path))[0])
        except ValueError as error:
            out[name] = {"code": "none", "numbers": str(error)}
            continue
        (work,) = plan.work
        ran, watcher, store = set(), Silent(), Store(Path(folder) / "run")
        runner = Runner(store, torch.device("cpu"), 64, watcher, unchecked=True)
        if trace:
            with traced(ran):
                runner.run(plan, text)
            assert len(ran) > 50
        else:
            runner.run(plan, text)
        code = code_of(work)
        numbers = [repr((r.value, r.loo, r.nfe, dict(r.profile))) for r in store.records()]
        more = unlisted(ran, code, BOOKKEEPING) if trace else []
        reasons = [reason.partition(":")[0] for reason in watcher.reasons]
        out[name] = {"code": code.digest, "numbers": numbers + reasons, "unlisted": more}
        if trace and name == "truncation":  # its model takes any sampler
            pixels = replace(work, cells=[replace(work.cell, metric="fid")], extractor=PIXELS)
            for row, settings in rows():
                more = of_row(pixels, settings, READER)[1]
                out[name]["unlisted"] += [f"{row}: {one}" for one in more]
print("RESULT" + json.dumps(out))
"""


def lay_out(folder):
    """Copy the package as it is installed, and the tests."""
    unwanted = shutil.ignore_patterns("__pycache__", "gallery", "baselines", ".git")

    def copy(source, target):
        shutil.copytree(source, target, ignore=unwanted, dirs_exist_ok=True)

    copy(ROOT / "top", folder / "sampler_bench")
    for room in ROOMS:
        copy(ROOT / room, folder / "sampler_bench" / room)
    copy(ROOT / "tests", folder / "tests")


def measured(folder, *words):
    """Run the cells in a new process; return numbers and code of each."""
    paths = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, *words],
        cwd=folder,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
    )
    if "RESULT" not in told.stdout:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout.rpartition("RESULT")[2])


def main(folder, wanted=""):
    """Run the table."""
    folder = Path(folder).resolve()
    lay_out(folder)
    base, counts = measured(folder, "trace"), {"right": 0, "missed": 0, "told": 0}
    more = {name: found["unlisted"] for name, found in base.items() if found["unlisted"]}
    print(f"ran, and not in the list: {more or 'nothing'}", flush=True)
    print(f"{'':34}" + "".join(f"{name:14}" for name in CELLS), flush=True)
    for edit, (file, old, new) in EDITS.items():
        if wanted not in edit:
            continue
        path = folder / "sampler_bench" / file
        text = path.read_text("utf-8")
        assert old in text, edit
        path.write_text(text.replace(old, new, 1), "utf-8")
        try:
            found = measured(folder)
        finally:
            path.write_text(text, "utf-8")
        line = f"{edit:34}"
        for name in CELLS:
            n = found[name]["numbers"] != base[name]["numbers"]
            c = found[name]["code"] != base[name]["code"]
            counts["right" if n == c else "missed" if n else "told"] += 1
            line += f"{'N' if n else '.'} {'C' if c else '.'}           "
        print(line, flush=True)
    print(counts)
    return int(bool(counts["missed"] or more))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
