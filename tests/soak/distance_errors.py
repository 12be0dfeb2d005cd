"""Standard errors of KID, precision and recall against the spread over sets of seeds.

    python -m tests.soak.distance_errors          # 200 sets in each of 30 cases: half an hour
    python -m tests.soak.distance_errors 60 kid   # fewer sets, of one metric

Samples are normal in d dimensions, with axes of falling size: as the m real ones, wider or shifted,
and a mixture that misses a part of them. Real ones stay what they are, as in a run. Printed for
each case: the mean value, its standard deviation over sets, the mean error as a share of that, and
the spread of errors; a case is wrong where the share is not between 0.8 and 1.25. In cases of many
samples KID's subsets are 40 of them, as they are 1,000 of 50,000.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from sampler_bench.bench.features import distances, neighbours
from sampler_bench.results.estimate import Estimate

SHARDS = 20
LOWEST, HIGHEST = 0.8, 1.25
METRICS: dict[str, Callable] = {
    "kid": distances.kid,
    "precision": distances.precision,
    "recall": distances.recall,
}


@dataclass(frozen=True)
class Case:
    """n samples against m real ones, in d dimensions; KID's subsets and their size, and splits."""

    name: str
    n: int
    m: int
    d: int
    scale: float = 1.0
    shift: float = 0.0
    missing: bool = False
    subset: int = distances.KID_SUBSET
    subsets: int = distances.KID_SUBSETS
    splits: int = neighbours.SPLITS

    def drawn(self, rng: np.random.Generator, n: int, perfect: bool = False) -> np.ndarray:
        """Return features, float32 [n, d]."""
        x = rng.standard_normal((n, self.d))
        if not perfect:
            x = x * self.scale + self.shift
            if self.missing:
                x[:, 0] = np.abs(x[:, 0])
        return (x * np.linspace(1, 0.1, self.d)).astype(np.float32)


CASES = [
    Case("perfect, few", 100, 150, 8),
    Case("perfect", 400, 600, 8),
    Case("perfect, wide", 400, 600, 64),
    Case("perfect, flat", 400, 400, 2),
    Case("perfect, many samples", 2000, 300, 8, subset=40),
    Case("perfect, many real", 300, 3000, 8, subset=40),
    Case("shifted", 400, 600, 8, 0.8, 0.3),
    Case("shifted, many samples", 2000, 300, 4, 0.6, 0.3, subset=40),
    Case("wider", 400, 600, 16, 1.2),
    Case("half is missing", 400, 600, 8, missing=True),
]


@dataclass(frozen=True)
class Found:
    """The mean value, the standard deviation over sets, and errors as shares of that."""

    value: float
    spread: float
    ratio: float
    errors: float

    @property
    def is_right(self) -> bool:
        """Whether the mean error is the spread."""
        return LOWEST <= self.ratio <= HIGHEST

    def __str__(self) -> str:
        return (
            f"{self.value:.4g}, SD {self.spread:.3g}; SE/SD {self.ratio:.2f} ± {self.errors:.2f}"
            f"{'' if self.is_right else '  WRONG'}"
        )


def measured(case: Case, metric: str, sets: int, seed: int = 0) -> Found:
    """Measure so many sets of samples."""
    rng = np.random.default_rng(seed)
    real, found = case.drawn(rng, case.m, perfect=True), []
    with (
        patch.object(distances, "KID_SUBSET", case.subset),
        patch.object(distances, "KID_SUBSETS", case.subsets),
        patch.object(neighbours, "SPLITS", case.splits),
    ):
        for _ in range(sets):
            shards = np.array_split(case.drawn(rng, case.n), SHARDS)
            value, left_out = METRICS[metric](shards, real)
            found.append((value, Estimate.of(value, left_out).se))
    value, error = np.array(found).T
    spread = value.std(ddof=1)
    return Found(value.mean(), spread, error.mean() / spread, error.std(ddof=1) / spread)


def all_cases(sets: int, only: str = "") -> Iterator[Found]:
    """Measure and print all cases."""
    for metric in METRICS if not only else [only]:
        for case in CASES:
            found = measured(case, metric, sets)
            print(f"{metric}, {case.name}: {found}", flush=True)
            yield found


def main(sets: str = "200", only: str = "") -> int:
    """Print the table; return 1 if an error is off."""
    found = list(all_cases(int(sets), only))
    return int(not all(one.is_right for one in found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
