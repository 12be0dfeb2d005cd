"""Putting a sampler together from names and numbers, and refusing what makes no sense."""

import inspect
import math
import sys
from typing import Any

from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.parameters import keywords
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.discretizations import DISCRETIZATIONS
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.original.registry import ORIGINALS
from sampler_bench.solvers.original.whole import OriginalSampler
from sampler_bench.solvers.registry import SOLVERS
from sampler_bench.solvers.sampler import Sampler
from sampler_bench.solvers.schedules import SCALINGS, SCHEDULES

AnySampler = Sampler | OriginalSampler
ENDS = {"zero": "the last step goes to σ = 0", "sigma-min": "sampling stops at σ_min"}


def build(
    *,
    solver: str = "heun",
    discretization: str = "edm",
    schedule: str = "linear",
    scaling: str = "none",
    steps: int | None = None,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
    end: str = "zero",
    S_churn: float = 0.0,
    S_min: float = 0.0,
    S_max: float = math.inf,
    S_noise: float = 1.0,
    **parameters: Any,
) -> AnySampler:
    """Put a sampler together; names and defaults are the paper's, and those of grid files.

    Args:
        solver: One of ``SOLVERS``; or of ``ORIGINALS``, which take ``steps`` and their own
            parameters alone.
        discretization: One of ``DISCRETIZATIONS``: where the steps are.
        schedule: One of ``SCHEDULES``: σ(t).
        scaling: One of ``SCALINGS``: s(t).
        steps: Number of steps N ≥ 1 (``churned``: ≥ 0); 18 unless given. Not for solvers that
            choose their own.
        sigma_min, sigma_max: σ range; the discretization's own unless given.
        end: ``"zero"`` or ``"sigma-min"``.
        S_churn, S_min, S_max, S_noise: Algorithm 2's churn; 0 for none.
        parameters: The parts' own: ``rho`` (edm), ``epsilon_s`` (vp), ``M``, ``C_1``, ``C_2``,
            ``j_0`` (iddpm), ``alpha`` (rk2), ``rtol``, ``atol``, ``group`` (rk45).

    Raises:
        ValueError: For an unknown name, a number out of range, or parts that do not fit together.
    """
    given = dict(locals())
    if isinstance(solver, str) and solver in ORIGINALS:
        return _original(solver, steps, given, parameters)
    arguments = {name: value for name, value in given.items() if name in NUMBERS}
    _check_numbers({k: v for k, v in arguments.items() if v is not None or k not in OPTIONAL})
    if not isinstance(solver, str) or solver not in SOLVERS:
        raise ValueError(unknown(solver, [*SOLVERS, *ORIGINALS], "solver"))
    chosen = SOLVERS[solver]
    lookup(DISCRETIZATIONS, discretization, "discretization")
    lookup(SCHEDULES, schedule, "schedule")
    lookup(SCALINGS, scaling, "scaling")
    lookup(ENDS, end, "end")
    own = own_parameters(solver, discretization, schedule)
    for name in parameters:
        if name not in own:
            raise ValueError(unknown(name, [*own, *BUILD_KEYS], "key"))
    _check_numbers({k: v for k, v in parameters.items() if v is not None or own[k] is not None})
    sampler = Sampler(
        solver=solver,
        discretization=discretization,
        schedule=schedule,
        scaling=scaling,
        parameters={**own, **parameters},
        churn=Churn(S_churn, S_min, S_max, S_noise),
        steps=18 if steps is None and chosen.takes_steps else steps,
        sigma_min=sigma_min,
        sigma_max=sigma_max,
        end=end,
    )
    _check_fit(sampler)
    sampler.check()
    return sampler


def _original(
    solver: str, steps: int | None, given: dict[str, Any], parameters: dict[str, Any]
) -> OriginalSampler:
    """Return an author's sampler, of which nothing but its own parameters can be chosen."""
    row = ORIGINALS[solver]
    own = row.defaults()
    chosen = {k: v for k, v in given.items() if k in own and v is not None} | parameters
    unused = [k for k in BUILD_KEYS if given[k] != DEFAULTS[k] and k not in {*own, *PLAIN_KEYS}]
    for name in [*unused, *chosen]:
        if name not in own:
            raise ValueError(unknown(name, [*own, *PLAIN_KEYS], f"key of solver {solver}"))
    texts = {k: v for k, v in chosen.items() if isinstance(own[k], str)}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} = {value!r} is not allowed: it must be a word")
    _check_numbers({k: v for k, v in chosen.items() if k not in texts})
    if steps is not None and not row.takes_steps:
        raise Incompatible(f"{solver} chooses its own steps: leave out 'steps'")
    if steps is None and row.takes_steps:
        raise ValueError(f"solver {solver}: 'steps' is missing")
    _check_numbers({} if steps is None else {"steps": steps}, row.least_steps)
    sampler = OriginalSampler(solver, row, {**own, **chosen}, steps)
    sampler.check()
    return sampler


def own_parameters(solver: str, discretization: str, schedule: str) -> dict[str, Any]:
    """Return the parameters that belong to the parts of these names, with their defaults."""
    if solver in ORIGINALS:
        return ORIGINALS[solver].defaults()
    fit = keywords(SCHEDULES[schedule].fit)
    levels = DISCRETIZATIONS[discretization].levels
    return {**fit, **keywords(levels), **SOLVERS[solver].defaults()}


BUILD_KEYS = tuple(
    p.name for p in inspect.signature(build).parameters.values() if p.kind is p.KEYWORD_ONLY
)
DEFAULTS = {
    p.name: p.default for p in inspect.signature(build).parameters.values() if p.name in BUILD_KEYS
}
PLAIN_KEYS = ("solver", "steps")
"""What authors' own samplers take besides their parameters."""
NUMBERS = {"steps", "sigma_min", "sigma_max", "S_churn", "S_min", "S_max", "S_noise"}
OPTIONAL = {"steps", "sigma_min", "sigma_max"}
WHOLE = {"steps", "M", "j_0", "group"}
LARGEST_WHOLE = 1_000_000


def _check_numbers(values: dict[str, Any], least_steps: int = 1) -> None:
    for name, value in values.items():
        whole = name in WHOLE
        kinds = int if whole else (int, float)
        largest = LARGEST_WHOLE if whole else sys.float_info.max
        if name == "S_max" and value == math.inf:
            continue
        # not (… <= …) is also true of NaN
        if isinstance(value, bool) or not isinstance(value, kinds) or not abs(value) <= largest:
            wanted = f"a whole number of at most {LARGEST_WHOLE:,}" if whole else "a finite number"
            raise ValueError(f"{name} = {value!r} is not allowed: it must be {wanted}")
    steps = values.get("steps", least_steps)
    if steps < least_steps:
        raise ValueError(f"steps = {steps!r} is not allowed: it must be at least {least_steps}")


def _check_fit(sampler: Sampler) -> None:
    takes_steps = SOLVERS[sampler.solver].takes_steps
    if not takes_steps and sampler.steps is not None:
        raise Incompatible(
            f"{sampler.solver} chooses its own steps: leave out 'steps', give rtol and atol"
        )
    if not takes_steps and not sampler.deterministic:
        raise Incompatible(
            f"{sampler.solver} cannot churn: S_churn = {sampler.churn.S_churn:g} needs a solver "
            "with fixed steps"
        )
    if sampler.end == "zero" and not SCHEDULES[sampler.schedule].reaches_zero:
        raise Incompatible(
            f"schedule {sampler.schedule!r} never reaches σ = 0: it needs end = 'sigma-min'"
        )
