"""Which module knows which program's arguments."""

from collections.abc import Sequence

from tests.parity import (
    diff_sampler,
    dpm_solver,
    er_sde,
    k_diffusion,
    restart,
    sa_solver,
    skrample,
    unipc,
)
from tests.parity.case import Case
from tests.parity.diffusers import schedulers
from tests.parity.run import NotMapped, Outcome, outcome

PROGRAMS = {
    "k-diffusion": k_diffusion.mapped,
    "k-diffusion grid": k_diffusion.grid,
    "diffusers": schedulers.mapped,
    "UniPC": unipc.mapped,
    "diff-sampler": diff_sampler.mapped,
    "dpm-solver": dpm_solver.mapped,
    "SA-Solver": sa_solver.mapped,
    "ER-SDE": er_sde.mapped,
    "restart": restart.mapped,
    "skrample": skrample.mapped,
}


def outcomes(cases: Sequence[Case]) -> list[Outcome]:
    """Return how each case comes out."""
    return [one(case) for case in cases]


def one(case: Case) -> Outcome:
    """Return how a case comes out; an error is a failure with its words."""
    mapped = PROGRAMS.get(case.program)
    if mapped is None:
        return outcome(case, NotMapped("the program is not mapped"))
    try:
        return outcome(case, mapped(case))
    except Exception as error:
        return Outcome(case, "fail", f"{type(error).__name__}: {error}")
