"""The registries as test parameters: a new row is tested by existing."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sampler_bench import solvers
from sampler_bench.solvers import (
    DISCRETIZATIONS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
    Denoiser,
    Schedule,
)
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Draw, Process, refuse, scaled

NAMED = [name for name, solver in SOLVERS.items() if solver.maker and solver.takes_steps]
"""The field's samplers: a rule under a name; test_named holds each to what it says of itself."""
PLAIN = [name for name, solver in SOLVERS.items() if not solver.maker]
FIXED = [name for name in PLAIN if SOLVERS[name].one_step]
"""Solvers of one-step rules: what holds for a step holds for them, whatever came before."""
FLOWS = list(itertools.product(SCHEDULES, SCALINGS))

each_fixed = pytest.mark.parametrize("solver", FIXED)
each_solver = pytest.mark.parametrize("solver", PLAIN)
each_named = pytest.mark.parametrize("solver", NAMED)
FOR_ANY = [name for name, row in DISCRETIZATIONS.items() if not row.needs_levels]
"""Discretizations for any model; test_spacings holds those of a model's own levels."""
each_discretization = pytest.mark.parametrize(
    "discretization", [name for name in FOR_ANY if not DISCRETIZATIONS[name].same_as]
)
each_flow = pytest.mark.parametrize(("schedule", "scaling"), FLOWS)
SPACED = [
    (name, *flow)
    for name, flow in itertools.product(FOR_ANY, FLOWS)
    if not DISCRETIZATIONS[name].same_as
    and (name in {"edm", "uniform-t"} or flow in (("linear", "none"), ("vp", "unit-variance")))
]
each_spaced_flow = pytest.mark.parametrize(("discretization", "schedule", "scaling"), SPACED)
"""Discretizations on flows: EDM's, and one that asks the schedule, on all; the others on two."""


def build(solver: str = "heun", schedule: str = "linear", **keys: Any) -> solvers.Sampler:
    """Call ``solvers.build``, with ``end`` and ``steps`` such as the parts can do."""
    if not SCHEDULES[schedule].reaches_zero:
        keys["end"] = "sigma-min"
    if not SOLVERS[solver].takes_steps:
        keys.pop("steps", None)
    return solvers.build(solver=solver, schedule=schedule, **keys)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def each(function: Callable[[float], float], values: Tensor) -> Tensor:
    """Return a function of floats at each of some values."""
    return float64(*map(function, values.tolist()))


def points(schedule: Schedule, *levels: float) -> list[Point]:
    return [schedule.level(sigma) for sigma in levels]


def process(model: Denoiser, schedule: Schedule, draw: Draw = refuse) -> Process:
    return Process(scaled(model), schedule, draw)


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)
