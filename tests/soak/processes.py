"""Several processes on one folder: all end well, hardly any work is done twice, and it is faster.

    python -m tests.soak.processes              # 20 tries each of two and four, and of kills
    python -m tests.soak.processes 5 --seed 3   # fewer, with other kills
    python -m tests.soak.processes 0 --timing   # two against one at 0.1 s a call: on two idle cores

The tests do one try.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.bench import processes, runs
from tests.bench.kills import made

CASES = {
    "2 processes": ([16, 64], 0),
    "4 processes": ([7, 64, 16, 3], 0),
    # A kill costs up to one group of shards: of these three samples, 2.75 % of all evaluations.
    "2 processes, 3 kills": ([3, 2], 3),
    "4 processes, 3 kills": ([2, 3, 1, 3], 3),
}
TWICE = 1.15
CALL = 0.1
FASTER = 0.62


def tries(folder, whole, count, seed):
    """Share the grid again and again; say what it took, relative to one process."""
    for name, (batches, kills) in CASES.items():
        ratios = []
        for number in range(count):
            out = folder / f"{name}-{number}" / "run"
            ratios.append(processes.share(out, whole, batches, kills, seed + number))
            assert ratios[-1] < TWICE, (name, number, ratios[-1])
        mean = sum(ratios) / count
        print(f"{name}: {count} tries, evaluations {mean:.3f} (max {max(ratios):.3f})", flush=True)


def seconds(out, batches):
    """Return how long some processes take together, from the first shard: start-up is not meant."""
    out.parent.mkdir()
    started = [processes.started(out, batch, CALL) for batch in batches]
    while not Path(f"{out}.evaluations").exists():
        time.sleep(0.001)
    began = time.monotonic()
    for process in started:
        process.join()
        assert process.exitcode == 0
    assert made(out) == 20 * 3
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tries", type=int, nargs="?", default=20, help="of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--timing", action="store_true", help="two processes against one")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole" / "run"
        whole.parent.mkdir()
        runs.run(whole, processes.GRID, 64)
        if given.tries:
            tries(folder, whole, given.tries, given.seed)
        if given.timing:
            one, two = (seconds(folder / str(n) / "run", [3] * n) for n in (1, 2))
            print(f"{CALL} s a call: {one:.1f} s by one, {two:.1f} s by two: {two / one:.2f}")
            assert two <= FASTER * one


if __name__ == "__main__":
    main()
