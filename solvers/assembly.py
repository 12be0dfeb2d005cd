"""Putting a sampler together from names and numbers, and refusing what makes no sense."""

from collections.abc import Callable, Mapping
from typing import Any

from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.parameters import check, keywords, parameters
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.incompatible import Incompatible
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


def assemble(solver: str, given: Mapping[str, Any], own: Mapping[str, Any]) -> Sampler:
    """Return a sampler of exchangeable parts.

    Args:
        solver: A name in ``SOLVERS``.
        given: Arguments of :func:`solvers.build`, all of them.
        own: The parts' own parameters.

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
    defaults = own_parameters(solver, discretization, schedule, path)
    for name in own:
        if name not in defaults:
            raise ValueError(unknown(name, [*defaults, *given], "key"))
    for part in _parts(solver, discretization, schedule, path):
        check(part, {name: own[name] for name in parameters(part) if name in own})
    sampler = Sampler(
        solver=solver,
        discretization=discretization,
        schedule=schedule,
        scaling=scaling,
        parameters={**defaults, **own},
        churn=churn,
        steps=18 if given["steps"] is None and chosen.takes_steps else given["steps"],
        sigma_min=given["sigma_min"],
        sigma_max=given["sigma_max"],
        end=given["end"],
        path="" if path == "churn" and chosen.own_path is None else path,
        options=options,
    )
    _check_fit(sampler)
    sampler.check()
    return sampler


def own_parameters(
    solver: str, discretization: str, schedule: str, path: str = ""
) -> dict[str, Any]:
    """Return the parameters that belong to the parts of these names, with their defaults."""
    row = EVERY_SOLVER[solver]
    if not row.takes_parts:
        return row.defaults()
    fit, levels, *_ = _parts(solver, discretization, schedule, path)
    route = own_fields(base_path(solver, path))
    return {**keywords(fit), **keywords(levels), **row.defaults(), **route}


def _parts(
    solver: str, discretization: str, schedule: str, path: str
) -> tuple[Callable[..., Any], ...]:
    """Return what declares the parameters of the parts of these names."""
    levels = DISCRETIZATIONS[discretization].levels
    route = base_path(solver, path)
    declared = (SCHEDULES[schedule].fit, levels, SOLVERS[solver].declares)
    return declared if route is None else (*declared, route)


def _check_fit(sampler: Sampler) -> None:
    row = SOLVERS[sampler.solver]
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
