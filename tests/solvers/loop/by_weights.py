"""The variance of a sampler on a Gaussian, without sampling: everything is linear there."""

import torch
from torch import Tensor

from sampler_bench.solvers.discretizations import edm
from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, scaled
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.schedules import Schedule
from tests.solvers.mixtures import gaussian


def grid_of(schedule: Schedule, n: int, *, to_zero: bool = True) -> list[Point]:
    levels = [schedule.level(sigma) for sigma in edm(n, 0.01, 20.0)]
    return [*levels, schedule.level(0.0)] if to_zero else levels


def weights(path: Path, rule: Rule, schedule: Schedule, grid: list[Point]) -> Tensor:
    """Return what a Gaussian's sample is multiplied by, of the latent and of each draw, in x̂.

    Everything is linear there: row k of a batch gets the k-th number as 1 and all others as 0; the
    last row gets nothing, and its sample is the constant.
    """
    count = 1 + sum(len(s.before) + len(s.after) for s in path.steps(grid, schedule))
    taken = 0

    def draw(z: Tensor, high: Point, low: Point) -> Tensor:
        nonlocal taken
        taken += 1
        made = torch.zeros_like(z)
        made[taken] = 1.0
        return made

    first = torch.zeros(count + 1, 2, dtype=torch.float64)
    first[0] = grid[0].b
    out = sample(
        Process(scaled(gaussian()), schedule, draw), first, path.steps(grid, schedule), rule
    )
    return ((out[:-1] - out[-1]) / grid[-1].s)[:, 0]


def variance_error(path: Path, rule: Rule, schedule: Schedule, n: int) -> float:
    """Return how far the variance at the last level is from the exact one, relative to it."""
    grid = grid_of(schedule, n, to_zero=False)
    exact = 0.25 + grid[-1].sigma ** 2
    # the latents' own variance lacks the data's at the first level
    shares = weights(path, rule, schedule, grid).square()
    start = (0.25 + grid[0].sigma ** 2) / grid[0].sigma ** 2
    return float((shares[0] * start + shares[1:].sum()) / exact - 1)
