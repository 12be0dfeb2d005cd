"""Every cell of every grid that runs here as a task: small, and the same work and shard elsewhere.

    python -m tests.soak.tasks          # all as tasks and back; every 40th also measured elsewhere
    python -m tests.soak.tasks 10       # every 10th

A task is measured here, and in a process that was started afresh in an empty folder.
"""

import multiprocessing
import os
import pickle
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.task import Task
from tests.bench import elsewhere
from tests.soak.shipped_keys import PUBLISHED

SHARD, BATCH, MOST_EVALUATIONS = 3, 16, 200


def main(every: int) -> int:
    """Tell how many there are, the largest, and how many are something else elsewhere."""
    chosen, sizes, wrong = [], [], 0
    for name in grids.shipped():
        grid, _ = grids.read(name, samples=20)
        if any(model.startswith(PUBLISHED) for model in grid.models):
            continue
        for work in plans.make(grid).lines:
            task = Task.of(work, grid)
            sizes.append(len(pickle.dumps(task)))
            again = task.work()
            wrong += (again.label, again.settings) != (work.label, work.settings)
            if len(sizes) % every == 0 and (work.nfe or 0) <= MOST_EVALUATIONS:
                chosen.append(task)
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context, os.chdir, (folder,)) as pool:
            for task in chosen:
                [here] = elsewhere.taken(task, SHARD, BATCH)
                [there] = pool.submit(elsewhere.taken, task, SHARD, BATCH).result()
                same = [
                    here.keys() == there.keys(),
                    *(here[name].tobytes() == there[name].tobytes() for name in here),
                ]
                wrong += not all(same)
    print(f"{len(sizes)} tasks, the largest of {max(sizes):,} bytes; {len(chosen)} measured twice")
    print(f"{wrong} are something else elsewhere")
    return int(wrong > 0 or max(sizes) >= 10_000)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
