"""Runs and trainings killed again and again: each ends as if nothing had happened.

    python -m tests.soak.kills               # 20 kills of runs, 20 of trainings (minutes)
    python -m tests.soak.kills 200 --seed 3  # as many as one likes, at other moments

The tests do the same with a few kills.
"""

import argparse
import os
import random
import tempfile
from pathlib import Path
from unittest import mock

import torch

from tests.bench import kills, trainings
from tests.bench.trainings import prepared, trained

AT_ONCE = 5  # kills of one training


def of_trainings(folder, least, seed):
    """Kill trainings at random states of progress."""
    moments, done = random.Random(seed), 0
    path = prepared(folder / "whole", *trainings.LONGER)
    trained(path, "--out", folder / "whole" / "out", *kills.OFTEN)
    while done < least:
        reached = [*sorted(32 * moments.randrange(15) for _ in range(AT_ONCE - 1)), 480]
        out = folder / f"out{done}"
        kills.kill_training(path, folder / "whole" / "out", out, reached, seed + done)
        done += AT_ONCE
        print(f"trainings: {done} kills, the last one at {reached}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=20, help="of runs, and of trainings")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    torch.set_num_threads(1)  # to the bit, threads must be the same: here, and in what is started
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        partial = kills.kill_runs(Path(folder), given.kills, given.seed)
        print(f"runs: {given.kills} kills, {partial} with something to lose", flush=True)
        with mock.patch.multiple("sampler_bench.bench.commands.training", **trainings.QUICK):
            of_trainings(Path(folder), given.kills, given.seed)


if __name__ == "__main__":
    main()
