"""Where samples change a sampler's key does; what changes keys alone is in a table, with reasons.

A thinned set of what can be changed, one thing at a time; all of it: ``python -m tests.soak.keys``.
"""

from dataclasses import dataclass, field

import pytest

from sampler_bench.solvers import SOLVERS
from sampler_bench.solvers.registry import ORIGINALS
from tests.solvers import perturbed
from tests.solvers.acts_on_nothing import unexplained
from tests.solvers.perturbed import CONTEXTS, base, made

KINDS = ("heun", "dpmpp-2m")


@dataclass
class Tried:
    """What came of changing a sampler.

    count    changes that could be built
    merged   those with other samples and the same key
    idle     those with the same samples and another key for which no reason is known
    reasons  those that were
    """

    count: int = 0
    merged: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, keys, changes):
        """Change a sampler by each of some arguments."""
        known, tried = made(keys), cls()
        for change in changes if known else ():
            if other := made({**keys, **change}):
                tried.add(known, other, keys, change)
        return tried

    def add(self, known, other, keys, change):
        self.count += 1
        names, apart = known.differs_in(other), known.apart(other)
        if apart and not names:
            self.merged.append(f"{keys} with {change}")
        if names and not apart:
            rest, reasons = unexplained(names, keys, {**keys, **change})
            self.reasons |= reasons
            self.idle += [f"{keys} with {change}: {rest}"] if rest else []

    @property
    def wrong(self):
        """All that is wrong."""
        return self.merged + self.idle


@pytest.mark.parametrize("solver", [*SOLVERS, *ORIGINALS])
def test_what_a_solver_computes_is_in_its_key(solver):
    keys = base(solver)
    changes = [*perturbed.of_solver(keys)]
    if solver in SOLVERS:
        changes += [*perturbed.flows()][1::3]  # all of them with two solvers, below
    tried = Tried.of(keys, changes)
    assert tried.wrong == []
    assert tried.count > 0


@pytest.mark.parametrize("solver", KINDS)
def test_what_a_path_and_levels_are_is_in_the_key(solver):
    tried = Tried.of(base(solver), [*perturbed.paths(), *perturbed.grids()])
    assert tried.wrong == []
    assert tried.count > 60


@pytest.mark.parametrize("context", [name for name in CONTEXTS if name != "plain"])
def test_what_one_part_makes_another_see_is_in_the_key(context):
    for solver in KINDS:
        changes = [*perturbed.flows(), *perturbed.options()]
        assert Tried.of(base(solver, context), changes).wrong == []


MINE = """
from dataclasses import dataclass

from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.step import Step


def step(flow, x, t, t_next, *, k: float = 1.0):
    return x + k * (t_next - t) * flow(x, t)


@dataclass(frozen=True, kw_only=True)
class InTime(Rule):
    def __call__(self, process, z, step, past):
        h = step.down.t - step.here.t
        return z + h * process.slope(z, step.here)


def halves(grid, schedule):
    n = len(grid) - 1
    for i, (above, below) in enumerate(zip(grid, grid[1:])):
        middle = schedule.at((above.t + below.t) / 2)
        yield Step(i, n, above, above, middle, middle)
        yield Step(i, n, middle, middle, below, below)


halves.draws = False


@dataclass(frozen=True, kw_only=True)
class Halves(Path):
    def steps(self, grid, schedule, round_sigma=None):
        return halves(grid, schedule)


def levels(n, sigma_min, sigma_max, *, context):
    high, low = context.schedule.time(sigma_max), context.schedule.time(sigma_min)
    return [context.schedule.sigma(high + (low - high) * i / max(n - 1, 1)) for i in range(n)]
"""
OWN = [
    {"solver": "step", "end": "sigma-min"},
    {"solver": "InTime", "end": "sigma-min"},
    {"path": "halves"},
    {"path": "Halves"},
    {"discretization": "levels"},
]


@pytest.mark.parametrize("part", OWN, ids=lambda part: next(iter(part.values())))
def test_a_part_that_claims_nothing_is_taken_to_see_everything(part, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    own = {k: v if v == "sigma-min" else f"{tmp_path}/mine.py:{v}" for k, v in part.items()}
    plain = base("dpmpp-2m")
    tried = Tried.of({**plain, **own}, perturbed.flows())
    assert tried.merged == []
    assert tried.count > 5
    assert Tried.of(plain, [own]).merged == []
