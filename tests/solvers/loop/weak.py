"""The variance that a stochastic sampler gives a Gaussian, exactly: no sampling.

On a Gaussian the denoiser is linear, so every state is a sum of the latent and the draws. The state
is kept as its coefficients: each draw is a unit vector of its own, and the variance is their sum of
squares.
"""

import math

import torch
from torch import Tensor

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.paths.path import Path
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.schedules import Linear, Schedule

C = 0.5
"""Standard deviation of the data."""
HIGH, LOW = 10.0, 0.1


class Drawn:
    """Draws as unit vectors: the k-th is the (k + 1)-th axis; the 0-th is the latent's."""

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0

    def __call__(self, z: Tensor, high: Point, low: Point) -> Tensor:
        """Return the next axis."""
        self.count += 1
        axis = torch.zeros_like(z)
        axis[self.count] = 1.0
        return axis


def denoise(z: Tensor, at: Point) -> Tensor:
    """Return E[x₀ | z] of data with variance C²."""
    return z * (at.s * C**2 / (at.s**2 * C**2 + at.b**2))


def variance_error(rule: Rule, path: Path, n: int, schedule: Schedule | None = None) -> float:
    """Return the relative error of the variance at ``LOW``, begun exactly at ``HIGH``."""
    schedule = Linear() if schedule is None else schedule
    levels = [HIGH * (LOW / HIGH) ** (i / n) for i in range(n + 1)]
    grid = [schedule.level(sigma) for sigma in levels]
    drawn = Drawn(8 * n + 8)
    z = torch.zeros(drawn.most + 1, dtype=torch.float64)
    z[0] = grid[0].s * math.hypot(C, HIGH)
    flow = Process(denoise, schedule, drawn)
    out = sample(flow, z, path.steps(grid, schedule), rule)
    exact = grid[-1].s ** 2 * (C**2 + LOW**2)
    return abs(float(out.square().sum()) / exact - 1)


def weak_order(rule: Rule, path: Path) -> float:
    """Return the slope of log error over log N from N = 64 to 128."""
    return math.log2(variance_error(rule, path, 64) / variance_error(rule, path, 128))
