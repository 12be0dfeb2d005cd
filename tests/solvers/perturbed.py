"""Samplers that differ in one thing alone: what each samples, and what its key holds."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from torch import Tensor

from sampler_bench import solvers
from sampler_bench.kit.canonical import plain
from sampler_bench.kit.parameters import Parameter, parameters
from sampler_bench.results.shard import RTOL
from sampler_bench.solvers import DISCRETIZATIONS, PATHS, SCALINGS, SCHEDULES, SOLVERS
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.options import Options
from sampler_bench.solvers.registry import EVERY_SOLVER, ORIGINALS
from tests.solvers.mixtures import three_components

Keys = Mapping[str, Any]
MODEL = three_components()
MODEL.own_levels = tuple(80 * (0.002 / 80) ** (i / 199) for i in range(200))
SEEDS = range(2)
STEPS = 5
VALUES: dict[str, tuple[Any, ...]] = {
    "intervals": (((3, 1, 0.3, 5.0),), ((4, 2, 0.3, 5.0),)),
    "gamma_inside": (0.3,),
    "M": (900,),
    "j_0": (0, 8, 20),
    "S_min": (0.5,),
    "S_max": (5.0,),
    "sigma_min": (0.03,),
    "sigma_max": (10.0,),
    "rate": ("relative", "constant"),
    "scale": ("ode", "sde", "sde-2"),
    "points": (50,),
    "least_variance": (0.1,),
    "group": (1,),
    "atol": (1e-4, 1e-3),
    "threshold": (0.5,),
    "sigma": (0.3,),
    "gamma": (0.3,),
    "predictor": ("euler-maruyama", "reverse-diffusion", "ancestral"),
    "corrector": ("none", "langevin"),
    "process": ("sde", "flow"),
}
"""Values to try where a parameter's default and annotation do not give them."""
LISTED = {"levels": (20.0, 3.0, 1.0, 0.2), "steps": None, "sigma_min": None, "sigma_max": None}
CONTEXTS: dict[str, Keys] = {
    "plain": {},
    "latents": {"initial": "latents"},
    "float32": {"state": "float32"},
    "uniform-t": {"discretization": "uniform-t"},
    "churn": {"S_churn": 3.0},
    "sde": {"path": "sde"},
    "edm-sde": {"path": "edm-sde", "beta": 0.3},
    "restart": {"path": "restart", "intervals": VALUES["intervals"][0]},
    "vp": {"schedule": "vp", "scaling": "unit-variance"},
    "stops": {"end": "sigma-min"},
    "denoised": {"end": "denoise"},
    "listed": LISTED,
    "clipped": {"threshold": 0.5, "threshold_limit": 0.3},
    "one step": {"steps": 1},
}
"""What a sampler has besides, when something else of it is changed."""


def values(parameter: Parameter) -> Iterator[Any]:
    """Yield values of a parameter other than its default; it need not allow them."""
    name, default = parameter.name, parameter.default
    words = get_args(parameter.annotation)
    if name in VALUES:
        tried: Iterable[Any] = VALUES[name]
    elif isinstance(default, bool):
        tried = (not default,)
    elif get_origin(parameter.annotation) is Literal:
        tried = words
    elif isinstance(default, int):
        tried = (default + 1, default - 1)
    else:
        tried = (default * 0.7, default + 0.3)
    return (value for value in tried if value != default)


def own(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a part, each with values other than its default."""
    for name, parameter in parameters(part).items():
        if name != "context":
            yield from ({name: value} for value in values(parameter))


def base(solver: str, context: str = "plain") -> dict[str, Any]:
    """Return arguments of ``build`` with which a solver samples in a few evaluations."""
    row = EVERY_SOLVER[solver]
    given: dict[str, Any] = {"solver": solver}
    if not row.takes_parts:
        coarse = {"adaptive-vp": {"reltol": 0.3}, "adaptive-ve": {"reltol": 0.3}}
        learned = {"ddpm": {"variance": "small"}}  # this model has none of its own
        given |= {**coarse, **learned}.get(solver, {})
        return given | ({"steps": 20} if row.takes_steps else {})
    given |= {"sigma_min": 0.02, "sigma_max": 20.0}
    steps = 4 * STEPS if solver == "dpm-fast" else STEPS  # which counts evaluations
    given |= {"steps": steps} if row.takes_steps else {"rtol": 1e-2}
    given |= {} if SOLVERS[solver].reaches_zero else {"end": "sigma-min"}
    return given | CONTEXTS[context]


def changes(keys: Keys) -> Iterator[dict[str, Any]]:
    """Yield what can be changed, one part of a sampler at a time; not all of it can be built."""
    yield from of_solver(keys)
    if keys["solver"] not in ORIGINALS:
        yield from itertools.chain(flows(), options(), paths(), grids())


def of_solver(keys: Keys) -> Iterator[dict[str, Any]]:
    """Yield the solver's own parameters, and numbers of steps."""
    yield from own(EVERY_SOLVER[keys["solver"]].declares)
    if keys.get("steps"):
        yield from ({"steps": steps} for steps in (keys["steps"] + 1, 1))


def flows() -> Iterator[dict[str, Any]]:
    """Yield schedules, their parameters, and scalings."""
    for schedule, scaling in itertools.product(SCHEDULES, SCALINGS):
        yield {"schedule": schedule, "scaling": scaling}
    yield {"schedule": "vp", "epsilon_s": 0.01}
    yield {"schedule": "cosine", "cosine_offset": 0.02}


def options() -> Iterator[dict[str, Any]]:
    """Yield options, and ends."""
    yield from own(Options)
    yield {"threshold": 0.5, "threshold_limit": 0.3}
    yield from ({"end": end} for end in ("zero", "sigma-min", "denoise"))


def paths() -> Iterator[dict[str, Any]]:
    """Yield paths, with each of their parameters, and churn."""
    for name, make in PATHS.items():
        yield {"path": name}
        yield from ({"path": name, **parameter} for parameter in own(make))
    yield {"S_churn": 3.0}
    yield from ({"S_churn": 3.0, **parameter} for parameter in own(Churn))
    yield from own(Churn)


def grids() -> Iterator[dict[str, Any]]:
    """Yield levels: discretizations, with each of their parameters, ranges, and levels listed."""
    for name, row in DISCRETIZATIONS.items():
        yield {"discretization": name}
        yield from ({"discretization": name, **parameter} for parameter in own(row.levels))
    yield from ({"sigma_min": 0.05}, {"sigma_max": 10.0}, LISTED)


@dataclass(frozen=True)
class Made:
    """A sampler's samples, and what its key holds, flat: ``rule.alpha``."""

    told: Mapping[str, Any]
    samples: Tensor

    def differs_in(self, other: "Made") -> frozenset[str]:
        """Return what of the keys differs."""
        names = {*self.told, *other.told}
        return frozenset(n for n in names if self.told.get(n) != other.told.get(n))

    def apart(self, other: "Made") -> bool:
        """Return whether samples differ beyond what the store calls noise."""
        largest = max(self.samples.abs().max(), other.samples.abs().max())
        return not bool((self.samples - other.samples).abs().max() <= RTOL * largest)


def made(keys: Keys) -> Made | None:
    """Return what arguments of ``build`` come to; None if they are refused."""
    return _made(tuple((k, v) for k, v in sorted(keys.items()) if v is not None))


@cache
def _made(items: tuple[tuple[str, Any], ...]) -> Made | None:
    with contextlib.suppress(ValueError):
        sampler = solvers.build(**dict(items))
        parts = plain(sampler.declared(MODEL).parts)
        noise = solvers.SeedNoise(SEEDS)
        told = {f"{part}.{name}": v for part, own in parts.items() for name, v in own.items()}
        return Made(told, sampler(MODEL, noise.latents(MODEL.shape), noise))
    return None
