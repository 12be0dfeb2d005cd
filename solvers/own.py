"""Rows made of a user's own functions and classes; what each may be is said in ``solvers.forms``.

A function becomes a class whose fields are the function's keyword-only arguments, and whose facts
are its attributes (``f.order = 2``): what it is then is what every part is. A fact that is not said
is the weakest claim.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import field, fields, make_dataclass
from typing import Any, Literal

from sampler_bench.kit.forms import Forms
from sampler_bench.kit.names import shown, unknown
from sampler_bench.kit.parameters import Parameter, parameters
from sampler_bench.solvers import forms
from sampler_bench.solvers.discretizations import Discretization
from sampler_bench.solvers.fixed_step import FixedStep
from sampler_bench.solvers.paths.own import OwnPath
from sampler_bench.solvers.paths.path import Kept, Path
from sampler_bench.solvers.remembering import Remembering
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.whole import Whole

Function = Callable[..., Any]


def solver(name: str, found: Any) -> Solver:
    """Return a row of ``SOLVERS``.

    Args:
        name: What messages call it.
        found: A function of one of the forms, a solver, or a class of solvers.

    Raises:
        ValueError: If it is none of them, or says of itself what cannot be.
    """
    if isinstance(found, Solver):
        return found
    if inspect.isclass(found) and issubclass(found, Solver):
        return found()
    form = _form("solver", forms.SOLVER, name, found)
    if form == forms.ONE_STEP:
        told = _facts("solver", name, found, _ONE_STEP)
        counted = told.pop("evaluations", None)
        return FixedStep(found, counted=counted, **told)
    if form == forms.WHOLE:
        return _as_class("solver", name, found, Whole, _WHOLE)()
    if "memory" not in vars(found):
        raise ValueError(
            f"solver {name} has a past: say how many earlier evaluations it wants, "
            f"{found.__name__}.memory = 1"
        )
    return _as_class("solver", name, found, Remembering, _WITH_MEMORY)()


def path(name: str, found: Any) -> Callable[..., Path]:
    """Return a row of ``PATHS``; as :func:`solver`."""
    if inspect.isclass(found) and issubclass(found, Path):
        return found
    form = _form("path", forms.PATH, name, found)
    if form == forms.MAKER:
        return found
    made = _as_class("path", name, found, OwnPath, _PATH)
    made.rounds = form == forms.ROUNDING
    return made


def schedule(name: str, found: Any) -> type[Schedule]:
    """Return a row of ``SCHEDULES``; as :func:`solver`."""
    if inspect.isclass(found) and issubclass(found, Schedule):
        return found
    raise forms.SCHEDULE.refused("schedule", name, found)


def scaling(name: str, found: Any) -> Callable[[Schedule], Schedule]:
    """Return a row of ``SCALINGS``; as :func:`solver`."""
    if not (inspect.isclass(found) and issubclass(found, Schedule)):
        _form("scaling", forms.SCALING, name, found)
    return found


def discretization(name: str, found: Any) -> Discretization:
    """Return a row of ``DISCRETIZATIONS``; as :func:`solver`."""
    if isinstance(found, Discretization):
        return found
    _form("discretization", forms.DISCRETIZATION, name, found)
    return Discretization(found, **_facts("discretization", name, found, _DISCRETIZATION))


def _form(what: str, allowed: Forms, name: str, found: Any) -> str:
    form = allowed.of_function(found) if inspect.isroutine(found) else None
    if form is None:
        raise allowed.refused(what, name, found)
    return form


Order = int | None
_ONE_STEP: dict[str, Any] = {"order": Order, "evaluations": Callable}
_WITH_MEMORY: dict[str, Any] = {
    "order": Order,
    "memory": int,
    "sees_schedule": bool,
    "sees_scaling": bool,
    "from_infinity": bool,
    "on_return": Literal["reset", "keep"],
    "on_noise": Literal["keeps", "first"],
    "evaluations": Callable,
}
_WHOLE: dict[str, Any] = {
    "order": Order,
    "stochastic": bool,
    "couples": Order,
    "evaluations": Callable,
}
_STANDS_AS = {"evaluations": "counted", "stochastic": "said", "couples": "together"}
"""Facts that are methods of a solver, by the class variable that holds what a function says."""
_PATH: dict[str, Any] = {
    **{"draws": bool, "sees_schedule": bool, "from_infinity": bool},
    **{"keeps": Kept, "most_order": int},
}
_DISCRETIZATION: dict[str, Any] = {
    **{"sigma_min": float, "sigma_max": float},
    **{"from_noise": bool, "needs_levels": bool, "same_as": str},
}


def _facts(what: str, name: str, function: Function, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a function's attributes say of it.

    Raises:
        ValueError: For one that there is not, or that cannot be what it is; one line.
    """
    told = {k: v for k, v in vars(function).items() if not k.startswith("_")}
    _check_files(what, name, told.pop("files", []))  # for its code: see sampler_bench.kit.code
    for fact, value in told.items():
        if fact not in known:
            raise ValueError(f"{what} {name}: {unknown(fact, known, 'fact')}")
        if known[fact] is Callable:
            if not callable(value):
                raise ValueError(f"{what} {name}: {fact} = {shown(value)} is no function of n")
        else:
            Parameter(fact, known[fact], None).check(value, f"{what} {name}: ")
    return told


def _check_files(what: str, name: str, given: Any) -> None:
    if not (isinstance(given, list | tuple) and all(isinstance(each, str) for each in given)):
        raise ValueError(
            f"{what} {name}: files = {shown(given)} is no list of names of files beside its own"
        )


def _as_class(
    what: str, name: str, function: Function, base: type, known: Mapping[str, Any]
) -> Any:
    """Return a dataclass on ``base``: fields are parameters, class variables are facts."""
    told = _facts(what, name, function, known)
    declared = [
        (p.name, p.annotation)
        if p.default is inspect.Parameter.empty
        else (p.name, p.annotation, field(default=p.default))
        for p in parameters(function).values()
    ]
    taken = {f.name for f in fields(base)} | set(dir(base))
    for parameter in declared:
        if parameter[0] in taken:
            raise ValueError(
                f"{what} {name}: a parameter cannot be called {parameter[0]!r}: every {what} has "
                "something of that name"
            )
    if "evaluations" in told:
        told["evaluations"] = staticmethod(told["evaluations"])
    told = {_STANDS_AS.get(fact, fact): value for fact, value in told.items()}
    space = {
        **told,
        "function": staticmethod(function),
        "__doc__": function.__doc__ or "",
        "__module__": function.__module__,
    }
    return make_dataclass(
        function.__name__,
        declared,
        bases=(base,),
        namespace=space,
        frozen=True,
        kw_only=True,
    )
