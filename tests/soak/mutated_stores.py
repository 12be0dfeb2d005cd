"""Run's folders that something happened to: every command on each of them.

    python -m tests.soak.mutated_stores                # 10,000 folders
    python -m tests.soak.mutated_stores --one 17       # one of them, with what was done to it

It fails if a command ends in a traceback, takes longer than 20 s, or a number is shown that was not
measured. Numbers that somebody wrote there, with all digests anew, are counted apart: they are
shown.
"""

import argparse
import re
import sys
import time
from collections import Counter

import torch

from tests.crashes.mutated import Mutations, Pages

SEED = 22
TABLES, FIGURES = 10, 50
"""Of so many folders one has a report with tables, and with figures; of others there is a page."""


def _pages(number: int) -> Pages:
    return "none" if number % TABLES else "tables" if number % FIGURES else "figures"


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--one", type=int, help="the number of one folder")
    given = parser.parse_args()
    torch.set_num_threads(1)
    mutations = Mutations(given.seed)
    if given.one is not None:
        print("; ".join(mutations.folder(given.one).done))
        found = mutations.judge(given.one, _pages(given.one))
        print(found.ends, f"{found.forged} forged", *found.wrong, sep="\n")
        return bool(found.wrong)
    ends: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    forged = bad = 0
    started = time.perf_counter()
    for number in range(given.first, given.first + given.count):
        found = mutations.judge(number, _pages(number))
        forged += bool(found.forged)
        bad += bool(found.wrong)
        ends.update(f"{name} {end}" for name, end in found.ends.items())
        for line in found.wrong:
            kinds[re.sub(r"/\w+/tmp\w+|[0-9a-f]{12,}|\d+(\.\d+)?", "…", line)[:200]] += 1
            print(f"    {number}: {line[:400]}  ({'; '.join(mutations.folder(number).done)})"[:900])
            sys.stdout.flush()
        if (number + 1 - given.first) % 500 == 0:
            print(f"{number + 1 - given.first} folders …", flush=True)
    took = time.perf_counter() - started
    print(f"{given.count} folders in {took:.0f} s: {bad} with something wrong, {forged} forged")
    print(", ".join(f"{name} {count}" for name, count in sorted(ends.items())))
    for line, count in kinds.most_common():
        print(f"{count:6d} × {line}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
