"""Grids, statistics, checkpoints and downloads that something happened to, and their commands.

    python -m tests.soak.mutated_inputs                # 10,000 inputs
    python -m tests.soak.mutated_inputs --one 17       # one of them, with what was done to it

It fails if a command ends in a traceback, takes longer than 20 s or all memory, executes what is in
a file, refuses in more than one line, in a long one, or without the file's name, takes what it must
refuse or the other way round, or makes other numbers of an input than lie in it.
"""

import argparse
import re
import resource
import sys
import time
from collections import Counter

import torch

from tests.inputs.case import judge
from tests.inputs.drawn import SEED, case

MEMORY = 14 << 30
"""Bytes of addresses: an allocation of what a header promises fails at once."""


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--one", type=int, help="the number of one input")
    given = parser.parse_args()
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if given.one is not None:
        found = case(given.one, given.seed)
        print(found.done, found.words, sep="\n")
        verdict = judge(found)
        print(verdict.end, *verdict.wrong, sep="\n")
        return bool(verdict.wrong)
    ends: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    bad = 0
    started = time.perf_counter()
    for number in range(given.first, given.first + given.count):
        made = case(number, given.seed)
        verdict = judge(made)
        ends[f"{made.done.partition(':')[0]} {verdict.end or 'neither'}"] += 1
        bad += bool(verdict.wrong)
        for line in verdict.wrong:
            kinds[re.sub(r"[0-9a-f]{12,}|\d+(\.\d+)?", "…", line)[:160]] += 1
            print(f"    {number}: {line[:300]}  ({made.done[:200]})", flush=True)
        if (number + 1 - given.first) % 500 == 0:
            print(f"{number + 1 - given.first} inputs …", flush=True)
    took = time.perf_counter() - started
    print(f"{given.count} inputs, seed {given.seed}, {bad} with something wrong; {took:.0f} s")
    for end, count in sorted(ends.items()):
        print(f"  {count:6} {end}")
    for line, count in kinds.most_common(40):
        print(f"  {count:6} × {line}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
