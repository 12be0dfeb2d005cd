"""Putting a sampler together from names and numbers, and refusing what makes no sense."""

import inspect
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from sampler_bench.kit import own_files
from sampler_bench.kit.file_parameters import file
from sampler_bench.kit.names import lookup, unknown
from sampler_bench.kit.own_files import shown
from sampler_bench.kit.parameters import Parameter, check, keywords, parameters
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
    listed = None if given["levels"] is None else _listed(given, neutral)
    parts = (solver, discretization if listed is None else None, schedule, path)
    defaults = own_parameters(*parts)
    for name in own:
        if name not in defaults:
            raise ValueError(unknown(name, [*defaults, *given], "key"))
    for part in _parts(*parts).values():
        told = {name: own[name] for name in parameters(part) if name in own}
        check(part, told, without=NOT_GIVEN)
    made_of = {key: (given[key], each) for key, each in _parts(*parts).items()}
    _check_own_names(made_of, given)
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
        parameters=_with_files(made_of, {**defaults, **own}, own),
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


def file_parameters(solver: str, discretization: str | None, schedule: str, path: str) -> set[str]:
    """Return which parameters of the parts of these names are files."""
    return {p.name for p in _told_of(solver, discretization, schedule, path) if p.is_file}


def function_parameters(
    solver: str, discretization: str | None, schedule: str, path: str
) -> set[str]:
    """Return which parameters of the parts of these names may name a function of one's own."""
    return {p.name for p in _told_of(solver, discretization, schedule, path) if p.is_function}


def nestings(solver: str, discretization: str | None, schedule: str, path: str) -> dict[str, int]:
    """Return how deep values of the parameters of the parts of these names are lists."""
    return {p.name: p.nesting for p in _told_of(solver, discretization, schedule, path)}


def _told_of(solver: str, discretization: str | None, schedule: str, path: str) -> list[Parameter]:
    row = EVERY_SOLVER[solver]
    if not row.takes_parts:
        return list(parameters(row.declares).values())
    declared = _parts(solver, discretization, schedule, path)
    return [p for part in declared.values() for p in parameters(part).values()]


def _parts(
    solver: str, discretization: str | None, schedule: str, path: str
) -> dict[str, Callable[..., Any]]:
    """Return what declares the parameters of the parts of these names."""
    declared: dict[str, Callable[..., Any]] = {"schedule": SCHEDULES[schedule].fit}
    if discretization is not None:
        declared["discretization"] = DISCRETIZATIONS[discretization].levels
    declared["solver"] = SOLVERS[solver].declares
    route = base_path(solver, path)
    return declared if route is None else {**declared, "path": route}


Declared = Mapping[str, tuple[str, Callable[..., Any]]]
"""The name of each part, and what declares its parameters."""


def _check_own_names(parts: Declared, given: Mapping[str, Any]) -> None:
    """Refuse a parameter of a user's own part whose name means something else as well."""
    for kind, (name, declares) in parts.items():
        others = {other: parts[other][1] for other in parts if other != kind}
        for parameter in _written(declares) if own_files.parsed(name) else ():
            where = f"{kind} {shown(name)}: its parameter {parameter!r} is "
            if parameter in given and not (kind == "path" and parameter in CHURN_FIELDS):
                raise ValueError(f"{where}a key of every sampler, too: give it another name")
            for other, theirs in others.items():
                if parameter in parameters(theirs) and parameter not in NOT_GIVEN:
                    raise ValueError(f"{where}the {other}'s, too: give it another name")


def _written(declares: Any) -> Collection[str]:
    """Return the parameters of a function, or those that a class adds to what it inherits."""
    known = parameters(declares)
    if not inspect.isclass(declares):
        return known
    return [name for name in known if name in inspect.get_annotations(declares)]


def _with_files(parts: Declared, values: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts' parameters, with what is in those that are files, or functions in files.

    A path that was given is relative to the working directory, a default of a part from a user's
    own file to that file's folder.
    """
    for name, declares in parts.values():
        spec = own_files.parsed(name)
        folder = Path(spec.place).parent if spec and spec.is_file else Path()
        for parameter in parameters(declares).values():
            value = values.get(parameter.name)
            where = Path() if parameter.name in own else folder
            if parameter.is_file and value is not None:
                values[parameter.name] = file(value, where, parameter.name)
            if parameter.is_function and isinstance(value, str) and own_files.parsed(value):
                named = own_files.absolute(value, where)
                values[parameter.name] = own_files.pinned(named, parameter.name)
    return {name: _frozen(value) for name, value in values.items()}


def _frozen(value: Any) -> Any:
    """Return lists within lists as tuples: a sampler is a value, and never changes."""
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _check_whole(solver: str, given: Mapping[str, Any]) -> None:
    neutral = {"path": "", "schedule": "linear", "scaling": "none", "S_churn": 0}
    for key, nothing in neutral.items():
        if given[key] != nothing:
            raise Incompatible(
                f"{shown(solver)} goes through the levels by itself: leave out {key!r}"
            )


def _check_fit(sampler: Sampler) -> None:
    row, solver = SOLVERS[sampler.solver], shown(sampler.solver)
    if not row.takes_steps and sampler.listed is not None:
        raise Incompatible(
            f"{solver} chooses its own steps: leave out 'levels', give sigma_min and sigma_max"
        )
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
