"""ER-SDE-Solver's ``ve_…`` and ``vp_…``: levels as they were asked, the last one given."""

import math

from sampler_bench.solvers.paths.er_sde import ERSDE, Scale
from sampler_bench.solvers.rules.taylor import Taylor
from sampler_bench.solvers.schedules import Linear
from tests.parity.case import Case
from tests.parity.run import NotMapped, Setup

SCALES: dict[int, Scale] = {
    1: "ode",
    2: "sde",
    3: "sde-1",
    4: "sde-2",
    5: "sde-3",
    6: "sde-4",
    7: "sde-5",
}
"""Its ``func_type``."""


def mapped(case: Case) -> Setup | NotMapped:
    """Return what a function is here."""
    assert case.grid is not None
    path = ERSDE(scale=SCALES[case.args["func_type"]], least_variance=1e-6)
    rule = Taylor(
        k=next(k for k in (1, 2, 3) if f"{k}_order" in case.function), third="released", points=100
    )
    grid = [Linear().level(float(sigma)) for sigma in case.grid]
    first, last = 1.0, 1.0
    if case.function.startswith("vp"):  # a state of unit variance
        first, last = (math.hypot(1, grid[i].sigma) for i in (0, -1))
    used = path.draws * (len(grid) - 1 - (grid[-1].sigma == 0))
    return Setup(
        rule=rule,
        path=path,
        grid=grid,
        z=case.x * first,
        scale=1 / last,
        unused=(0, case.draws - used),  # it draws for "ode" and into σ = 0, too
    )
