"""The registries as test parameters: a new row is tested by existing."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from sampler_bench import solvers
from sampler_bench.solvers import DISCRETIZATIONS, SCALINGS, SCHEDULES, SOLVERS

FIXED = [name for name, solver in SOLVERS.items() if solver.takes_steps]
FLOWS = list(itertools.product(SCHEDULES, SCALINGS))

each_fixed = pytest.mark.parametrize("solver", FIXED)
each_solver = pytest.mark.parametrize("solver", SOLVERS)
each_discretization = pytest.mark.parametrize("discretization", DISCRETIZATIONS)
each_flow = pytest.mark.parametrize(("schedule", "scaling"), FLOWS)


def build(solver: str = "heun", schedule: str = "linear", **keys: Any) -> solvers.Sampler:
    """Call ``solvers.build``, with ``end`` and ``steps`` such as the parts can do."""
    if not SCHEDULES[schedule].reaches_zero:
        keys["end"] = "sigma-min"
    if not SOLVERS[solver].takes_steps:
        keys.pop("steps", None)
    return solvers.build(solver=solver, schedule=schedule, **keys)


def float64(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)
