"""Putting a sampler together from names and numbers, and refusing what makes no sense."""

from collections.abc import Callable, Mapping
from typing import Any

from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.parameters import check, keywords, parameters
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.context import CONTEXT
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.listed import REPLACED, Listed
from sampler_bench.solvers.options import OPTIONS, Options
from sampler_bench.solvers.registry import (
    DISCRETIZATIONS,
    EVERY_SOLVER,
    PATHS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
)
from sampler_bench.solvers.sampler import CHURN_FIELDS, Sampler, base_path, own_fields

ENDS = {
    "zero": "the last step goes to σ = 0",
    "sigma-min": "sampling stops at σ_min",
    "denoise": "D at σ_min is the sample, one evaluation more",
}


NOT_GIVEN = (CONTEXT,)
"""Parameters of parts that are no user's to give."""


def assemble(
    solver: str,
    given: Mapping[str, Any],
    own: Mapping[str, Any],
    neutral: Mapping[str, Any],
) -> Sampler:
    """Return a sampler of exchangeable parts.

    Args:
        solver: A name in ``SOLVERS``.
        given: Arguments of :func:`solvers.build`, all of them.
        own: The parts' own parameters.
        neutral: What those arguments are where nothing is asked for.

    Raises:
        ValueError: For an unknown name or a number out of range; :class:`Incompatible` for parts
            that do not fit together.
    """
    churn = Churn(**{name: given[name] for name in CHURN_FIELDS})
    options = Options(**{name: given[name] for name in OPTIONS})
    chosen = SOLVERS[solver]
    names = [given[key] for key in ("discretization", "schedule", "scaling", "path")]
    discretization, schedule, scaling, path = names
    DISCRETIZATIONS.lookup(discretization)
    SCHEDULES.lookup(schedule)
    SCALINGS.lookup(scaling)
    lookup(ENDS, given["end"], "end")
    if path:
        PATHS.lookup(path)
    listed = None if given["levels"] is None else _listed(given, neutral)
    parts = (solver, discretization if listed is None else None, schedule, path)
    defaults = own_parameters(*parts)
    for name in own:
        if name not in defaults:
            raise ValueError(unknown(name, [*defaults, *given], "key"))
    for part in _parts(*parts):
        told = {name: own[name] for name in parameters(part) if name in own}
        check(part, told, without=NOT_GIVEN)
    steps = given["steps"]
    if listed is not None:
        steps = len(listed.levels) - (given["end"] != "zero")
    elif steps is None and chosen.takes_steps:
        steps = 18
    sampler = Sampler(
        solver=solver,
        discretization=discretization,
        schedule=schedule,
        scaling=scaling,
        parameters={**defaults, **own},
        churn=churn,
        steps=steps,
        sigma_min=given["sigma_min"],
        sigma_max=given["sigma_max"],
        end=given["end"],
        path="" if path == "churn" and chosen.own_path is None else path,
        listed=listed,
        options=options,
    )
    _check_fit(sampler)
    sampler.check()
    return sampler


def _listed(given: Mapping[str, Any], neutral: Mapping[str, Any]) -> Listed:
    """Return levels that were listed, if nothing else that was given makes any."""
    for name in REPLACED:
        if given[name] != neutral[name]:
            raise Incompatible(f"levels replaces {name!r}: give one of the two")
    listed, end = Listed.of(given["levels"]), given["end"]
    if listed.to_zero and end != "zero":
        raise Incompatible(f"end = {end!r}, and the last of the levels is 0")
    if len(listed.levels) == 1 and end != "zero":
        raise Incompatible(f"levels = {listed} is no step: it needs end = 'zero'")
    return listed


def own_parameters(
    solver: str, discretization: str | None, schedule: str, path: str = ""
) -> dict[str, Any]:
    """Return the parameters that belong to the parts of these names, with their defaults.

    No discretization is for levels that are listed.
    """
    row = EVERY_SOLVER[solver]
    if not row.takes_parts:
        return row.defaults()
    levels = {} if discretization is None else DISCRETIZATIONS[discretization].defaults()
    route = own_fields(base_path(solver, path))
    return {**keywords(SCHEDULES[schedule].fit), **levels, **row.defaults(), **route}


def _parts(
    solver: str, discretization: str | None, schedule: str, path: str
) -> tuple[Callable[..., Any], ...]:
    """Return what declares the parameters of the parts of these names."""
    levels = () if discretization is None else (DISCRETIZATIONS[discretization].levels,)
    route = base_path(solver, path)
    declared = (SCHEDULES[schedule].fit, *levels, SOLVERS[solver].declares)
    return declared if route is None else (*declared, route)


def _check_fit(sampler: Sampler) -> None:
    row = SOLVERS[sampler.solver]
    if not row.takes_steps and sampler.listed is not None:
        raise Incompatible(
            f"{sampler.solver} chooses its own steps: leave out 'levels', give sigma_min and "
            "sigma_max"
        )
    if not row.takes_steps and sampler.steps is not None:
        raise Incompatible(
            f"{sampler.solver} chooses its own steps: leave out 'steps', give rtol and atol"
        )
    if not row.takes_steps and sampler.path:
        raise Incompatible(f"{sampler.solver} follows the flow: leave out 'path'")
    if not row.takes_steps and sampler.churn.S_churn > 0:
        raise Incompatible(
            f"{sampler.solver} cannot churn: S_churn = {sampler.churn.S_churn:g} needs a solver "
            "with fixed steps"
        )
    if not row.takes_steps and sampler.options.first_step != "evaluated":
        raise Incompatible(
            f"{sampler.solver} chooses its own steps: it has no first_step to take analytically"
        )
    route = base_path(sampler.solver, sampler.path)
    if sampler.churn.S_churn > 0 and route is not None and "S_churn" not in keywords(route):
        raise Incompatible(
            f"S_churn = {sampler.churn.S_churn:g}: {sampler.path or sampler.solver} has a path of "
            "its own, which is not churned"
        )
    if sampler.end == "zero" and not SCHEDULES[sampler.schedule].reaches_zero:
        raise Incompatible(
            f"schedule {sampler.schedule!r} never reaches σ = 0: it needs end = 'sigma-min'"
        )
    if sampler.end == "zero" and not row.reaches_zero:
        raise Incompatible(
            f"{sampler.solver} steps in ln σ, and never to σ = 0: it needs end = 'sigma-min'"
        )
