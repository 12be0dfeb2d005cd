"""How often is a truly best sampler called worse than the best? Simulated leagues; run by hand.

    python -m tests.soak.leagues                # 200 of each kind
    python -m tests.soak.leagues --count 1000

Kinds: what is true, how many samplers, how much of their noise they share; normal and skewed noise,
and samplers of which half were measured on other seeds. Each line: the share of leagues in which
none of the truly best is called worse (by the shipped rule, and by Holm's steps against the one
that looks best), the same for one of the truly best, and the mean size of the set.
"""

import argparse
import itertools
import sys

from tests.results.leagues import SHAPES, against_the_observed, shown

COVERED = 0.95


def main() -> int:
    """Print a line for each kind; return 1 if the shipped rule covers less than it says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    noise = {"normal": {}, "skewed": {"skewed": True}, "half on other seeds": {"unpaired": True}}
    print(f"{'':58} covered  (one)   size   against the observed best")
    lowest, total, kinds = 1.0, 0.0, 0
    for (told, options), shape in itertools.product(noise.items(), SHAPES):
        for k, correlation in itertools.product((5, 11, 30), (0.5, 0.8, 0.98)):
            kind = (shape, k, correlation, given.count, given.seed)
            ours = shown(*kind, **options)
            other = shown(*kind, **options, rule=against_the_observed)
            name = f"{told}: {shape}, {k} samplers, correlation {correlation}"
            print(
                f"{name:70} {ours.covered:.3f} ({ours.one:.3f}) {ours.size:6.2f}"
                f"   {other.covered:.3f} ({other.one:.3f}) {other.size:6.2f}",
                flush=True,
            )
            lowest, total, kinds = min(lowest, ours.covered), total + ours.covered, kinds + 1
    print(f"lowest {lowest:.3f}, mean {total / kinds:.4f} of {kinds} kinds")
    chance = 3 * (COVERED * (1 - COVERED) / given.count) ** 0.5
    return int(lowest < COVERED - chance)


if __name__ == "__main__":
    sys.exit(main())
