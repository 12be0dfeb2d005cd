"""Putting a sampler together from names and numbers, and refusing what makes no sense."""

import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from sampler_bench.kit import own_files
from sampler_bench.kit.file_parameters import file
from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.own_files import shown
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
    if not SOLVERS[solver].walks:
        _check_whole(solver, given)
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
    _check_own_names(solver, given)
    sampler = Sampler(
        solver=solver,
        discretization=discretization,
        schedule=schedule,
        scaling=scaling,
        parameters=_with_files(solver, given, {**defaults, **own}, own),
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


def file_parameters(solver: str, discretization: str, schedule: str, path: str) -> set[str]:
    """Return which parameters of the parts of these names are files."""
    if not EVERY_SOLVER[solver].takes_parts:
        return set()
    declared = _parts(solver, discretization, schedule, path)
    return {p.name for part in declared for p in parameters(part).values() if p.is_file}


def _parts(
    solver: str, discretization: str, schedule: str, path: str
) -> tuple[Callable[..., Any], ...]:
    """Return what declares the parameters of the parts of these names."""
    levels = DISCRETIZATIONS[discretization].levels
    route = base_path(solver, path)
    declared = (SCHEDULES[schedule].fit, levels, SOLVERS[solver].declares)
    return declared if route is None else (*declared, route)


def _declared(solver: str, given: Mapping[str, Any]) -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return the name of each part, and what declares its parameters."""
    kinds = ("schedule", "discretization", "solver", "path")
    names = given["discretization"], given["schedule"], given["path"]
    declares = _parts(solver, *names)
    return {kind: (given[kind], each) for kind, each in zip(kinds, declares, strict=False)}


def _check_own_names(solver: str, given: Mapping[str, Any]) -> None:
    """Refuse a parameter of a user's own part whose name means something else as well."""
    parts = _declared(solver, given)
    for kind, (name, declares) in parts.items():
        others = {other: parts[other][1] for other in parts if other != kind}
        for parameter in _written(declares) if own_files.parsed(name) else ():
            where = f"{kind} {shown(name)}: its parameter {parameter!r} is "
            if parameter in given and not (kind == "path" and parameter in CHURN_FIELDS):
                raise ValueError(f"{where}a key of every sampler, too: give it another name")
            for other, theirs in others.items():
                if parameter in parameters(theirs):
                    raise ValueError(f"{where}the {other}'s, too: give it another name")


def _written(declares: Any) -> Collection[str]:
    """Return the parameters of a function, or those that a class adds to what it inherits."""
    known = parameters(declares)
    if not inspect.isclass(declares):
        return known
    return [name for name in known if name in inspect.get_annotations(declares)]


def _with_files(
    solver: str, given: Mapping[str, Any], values: dict[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parts' parameters, with what is in those that are files.

    A path that was given is relative to the working directory, a default of a part from a user's
    own file to that file's folder.
    """
    for name, declares in _declared(solver, given).values():
        spec = own_files.parsed(name)
        folder = Path(spec.place).parent if spec and spec.is_file else Path()
        for parameter in parameters(declares).values():
            value = values.get(parameter.name)
            if parameter.is_file and value is not None:
                where = Path() if parameter.name in own else folder
                values[parameter.name] = file(value, where, parameter.name)
    return values


def _check_whole(solver: str, given: Mapping[str, Any]) -> None:
    neutral = {"path": "", "schedule": "linear", "scaling": "none", "S_churn": 0}
    for key, nothing in neutral.items():
        if given[key] != nothing:
            raise Incompatible(
                f"{shown(solver)} goes through the levels by itself: leave out {key!r}"
            )


def _check_fit(sampler: Sampler) -> None:
    row, solver = SOLVERS[sampler.solver], shown(sampler.solver)
    if not row.takes_steps and sampler.steps is not None:
        raise Incompatible(f"{solver} chooses its own steps: leave out 'steps', give rtol and atol")
    if not row.takes_steps and sampler.path:
        raise Incompatible(f"{solver} follows the flow: leave out 'path'")
    if not row.takes_steps and sampler.churn.S_churn > 0:
        raise Incompatible(
            f"{solver} cannot churn: S_churn = {sampler.churn.S_churn:g} needs a solver "
            "with fixed steps"
        )
    if not row.takes_steps and sampler.options.first_step != "evaluated":
        raise Incompatible(
            f"{solver} chooses its own steps: it has no first_step to take analytically"
        )
    route = base_path(sampler.solver, sampler.path)
    if sampler.churn.S_churn > 0 and route is not None and "S_churn" not in keywords(route):
        raise Incompatible(
            f"S_churn = {sampler.churn.S_churn:g}: {shown(sampler.path) or solver} has a path of "
            "its own, which is not churned"
        )
    if sampler.end == "zero" and not SCHEDULES[sampler.schedule].reaches_zero:
        raise Incompatible(
            f"schedule {shown(sampler.schedule)!r} never reaches σ = 0: it needs end = 'sigma-min'"
        )
    if sampler.end == "zero" and not row.reaches_zero:
        raise Incompatible(
            f"{solver} steps in ln σ, and never to σ = 0: it needs end = 'sigma-min'"
        )
