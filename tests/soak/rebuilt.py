"""Every record that ships, built back from what it says: the same key.

python -m tests.soak.rebuilt                # no model is loaded: seconds
python -m tests.soak.rebuilt --models       # and with the work that each stands for: minutes
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.measure.floor import Floor
from sampler_bench.bench.plan.expand import expand
from sampler_bench.bench.plan.profiles import expand_profiles
from sampler_bench.bench.plan.rebuilt import rebuilt
from sampler_bench.models.model import Given
from sampler_bench.results import Record, Store
from sampler_bench.solvers.denoiser import Plain

BASELINES = Path(__file__).parents[2] / "results" / "baselines"


class Anything(Plain):
    """A model of every noise level: a record's settings have the ends that were sampled."""

    shape: tuple[int, ...] = ()
    sigma_min = 0.0
    sigma_max = math.inf
    from_noise = True

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Return what was given."""
        return x


def shipped() -> Iterator[Record]:
    """Yield all records that ship."""
    for folder in sorted(path for path in BASELINES.iterdir() if path.is_dir()):
        yield from Store(folder).records()


def key_of(record: Record) -> str:
    """Return the key of the cell that a record's settings make; no model is loaded."""
    grid = rebuilt(record).declared()
    if grid.floor_alone:
        source = ReferenceSource(grid.reference, Given(Anything()))
        return replace(record.cell, sampler=Floor(source, "fid").declared(source.model).parts).key
    [item] = [*expand(grid)[0], *expand_profiles(grid)[0]]
    parts = item.sampler.declared(Anything()).parts
    return replace(record.cell, sampler=parts).key


def main(loads: bool) -> int:
    """Build all back; say which are other cells."""
    count, other = 0, 0
    for record in shipped():
        count += 1
        try:
            if loads:
                rebuilt(record).work()
            same = key_of(record) == record.cell.key
        except ValueError as error:
            print(f"{record.label}: {error}")
            same = False
        if not same:
            other += 1
            print(f"{record.cell.key} {record.label}: {dict(record.settings)}")
    print(f"{count} records, {count - other} built back")
    return int(other > 0)


if __name__ == "__main__":
    sys.exit(main("--models" in sys.argv[1:]))
