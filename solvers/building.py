"""Putting a sampler together from names and numbers, and refusing what makes no sense."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.parameters import Count, Parameter, check, keywords, parameters
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.context import CONTEXT
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.listed import REPLACED, Listed
from sampler_bench.solvers.original.whole import OriginalSampler
from sampler_bench.solvers.registry import (
    DISCRETIZATIONS,
    ORIGINALS,
    PATHS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
)
from sampler_bench.solvers.sampler import Sampler, base_path, own_fields

AnySampler = Sampler | OriginalSampler
ENDS = {"zero": "the last step goes to σ = 0", "sigma-min": "sampling stops at σ_min"}


def build(
    *,
    solver: str = "heun",
    discretization: str = "edm",
    schedule: str = "linear",
    scaling: str = "none",
    steps: Count | None = None,
    sigma_min: float | None = None,
    sigma_max: Annotated[float, Field(gt=0, allow_inf_nan=True)] | None = None,
    end: str = "zero",
    S_churn: float = 0.0,
    S_min: float = 0.0,
    S_max: float = math.inf,
    S_noise: float = 1.0,
    path: str = "",
    levels: Sequence[float] | str | Path | Listed | None = None,
    **own: Any,
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
        sigma_min, sigma_max: σ range; the discretization's own unless given. ``inf`` is a flow's
            t = 1, for models with an answer there.
        end: ``"zero"`` or ``"sigma-min"``.
        S_churn, S_min, S_max, S_noise: Algorithm 2's churn; 0 for none. Other paths that add noise
            take ``S_noise``, too, and those with a window ``S_min`` and ``S_max``.
        path: One of ``PATHS``; unless given the solver's own, if its name has one.
        levels: The noise levels themselves, the highest first, or a file of them (``.txt``,
            ``.json``, ``.npy``), instead of discretization, steps and σ range. A last level of 0 is
            what ``end = "zero"`` means, and may be left out.
        own: The parts' own: ``rho`` (edm), ``epsilon_s`` (vp), ``M``, ``C_1``, ``C_2``,
            ``j_0`` (iddpm), ``alpha`` (rk2), ``rtol``, ``atol``, ``group`` (rk45).

    Raises:
        ValueError: For an unknown name, a number out of range, or parts that do not fit together.
    """
    given = dict(locals())
    if isinstance(solver, str) and solver in ORIGINALS:
        return _original(solver, steps, given, own)
    check(build, {name: given[name] for name in NUMBERS})
    churn = Churn(S_churn=S_churn, S_min=S_min, S_max=S_max, S_noise=S_noise)
    if not isinstance(solver, str) or solver not in SOLVERS:
        raise ValueError(unknown(solver, [*SOLVERS, *ORIGINALS], "solver"))
    chosen = SOLVERS[solver]
    DISCRETIZATIONS.lookup(discretization)
    SCHEDULES.lookup(schedule)
    SCALINGS.lookup(scaling)
    lookup(ENDS, end, "end")
    if path:
        PATHS.lookup(path)
    listed = None if levels is None else _listed(levels, given)
    parts = (solver, discretization if listed is None else None, schedule, path)
    defaults = own_parameters(*parts)
    for name in own:
        if name not in defaults:
            raise ValueError(unknown(name, [*defaults, *BUILD_KEYS], "key"))
    for part in _parts(*parts):
        check(
            part, {name: own[name] for name in parameters(part) if name in own}, without=NOT_GIVEN
        )
    if listed is not None:
        steps = len(listed.levels) - (end == "sigma-min")
    sampler = Sampler(
        solver=solver,
        discretization=discretization,
        schedule=schedule,
        scaling=scaling,
        parameters={**defaults, **own},
        churn=churn,
        steps=18 if steps is None and chosen.takes_steps else steps,
        sigma_min=sigma_min,
        sigma_max=sigma_max,
        end=end,
        path=path,
        listed=listed,
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
    check(row.sample, chosen)
    if steps is not None and not row.takes_steps:
        raise Incompatible(f"{solver} chooses its own steps: leave out 'steps'")
    if steps is None and row.takes_steps:
        raise ValueError(f"solver {solver}: 'steps' is missing")
    count = Annotated[int, Field(ge=row.least_steps, le=1_000_000)] | None
    Parameter("steps", count, None).check(steps)
    sampler = OriginalSampler(solver, row, {**own, **chosen}, steps)
    sampler.check()
    return sampler


def _listed(levels: Any, given: dict[str, Any]) -> Listed:
    """Return levels that were listed, if nothing else that was given makes any."""
    for name in REPLACED:
        if given[name] != DEFAULTS[name]:
            raise Incompatible(f"levels replaces {name!r}: give one of the two")
    listed = Listed.of(levels)
    if listed.to_zero and given["end"] != "zero":
        raise Incompatible(f"end = {given['end']!r}, and the last of the levels is 0")
    if len(listed.levels) == 1 and given["end"] != "zero":
        raise Incompatible(f"levels = {listed} is no step: it needs end = 'zero'")
    return listed


def own_parameters(
    solver: str, discretization: str | None, schedule: str, path: str = ""
) -> dict[str, Any]:
    """Return the parameters that belong to the parts of these names, with their defaults.

    No discretization is for levels that are listed.
    """
    if solver in ORIGINALS:
        return ORIGINALS[solver].defaults()
    levels = {} if discretization is None else DISCRETIZATIONS[discretization].defaults()
    route = own_fields(base_path(solver, path))
    return {**keywords(SCHEDULES[schedule].fit), **levels, **SOLVERS[solver].defaults(), **route}


def _parts(
    solver: str, discretization: str | None, schedule: str, path: str
) -> tuple[Callable[..., Any], ...]:
    """Return what declares the parameters of the parts of these names."""
    levels = () if discretization is None else (DISCRETIZATIONS[discretization].levels,)
    route = base_path(solver, path)
    declared = (SCHEDULES[schedule].fit, *levels, SOLVERS[solver].declares)
    return declared if route is None else (*declared, type(route))


DEFAULTS = keywords(build)
BUILD_KEYS = tuple(DEFAULTS)
NUMBERS = ("steps", "sigma_min", "sigma_max")
"""The arguments of ``build`` that are numbers of no part."""
NOT_GIVEN = (CONTEXT,)
"""Parameters of parts that are no user's to give."""
PLAIN_KEYS = ("solver", "steps")
"""What authors' own samplers take besides their parameters."""


def _check_fit(sampler: Sampler) -> None:
    takes_steps = SOLVERS[sampler.solver].takes_steps
    if not takes_steps and sampler.listed is not None:
        raise Incompatible(
            f"{sampler.solver} chooses its own steps: leave out 'levels', give sigma_min and "
            "sigma_max"
        )
    if not takes_steps and sampler.steps is not None:
        raise Incompatible(
            f"{sampler.solver} chooses its own steps: leave out 'steps', give rtol and atol"
        )
    if not takes_steps and sampler.path:
        raise Incompatible(f"{sampler.solver} follows the flow: leave out 'path'")
    if not takes_steps and not sampler.deterministic:
        raise Incompatible(
            f"{sampler.solver} cannot churn: S_churn = {sampler.churn.S_churn:g} needs a solver "
            "with fixed steps"
        )
    if sampler.churn.S_churn > 0 and base_path(sampler.solver, sampler.path) is not None:
        raise Incompatible(
            f"S_churn = {sampler.churn.S_churn:g}: {sampler.path or sampler.solver} has a path of "
            "its own, which is not churned"
        )
    if sampler.end == "zero" and not SCHEDULES[sampler.schedule].reaches_zero:
        raise Incompatible(
            f"schedule {sampler.schedule!r} never reaches σ = 0: it needs end = 'sigma-min'"
        )
