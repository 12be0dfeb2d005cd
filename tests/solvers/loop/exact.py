"""A non-linear exact flow, its trajectory to twelve digits, and runs of a rule along it."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from sampler_bench.solvers.loop import sample
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process, refuse
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.schedules import Linear, Schedule
from sampler_bench.solvers.step import Evaluation
from tests.parity.case import Mixture

HIGH, LOW = 10.0, 0.1
LONGEST_PAST = 8


def mixture() -> Mixture:
    """Return three Gaussians in 1×2×2 whose trajectories bend between σ = 3 and 0.2."""
    generator = torch.Generator().manual_seed(5)
    mu = torch.randn(3, 1, 2, 2, dtype=torch.float64, generator=generator)
    c = torch.tensor([0.3, 0.5, 0.4], dtype=torch.float64)
    return Mixture(mu, c, torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64))


LATENTS = torch.randn(3, 1, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(6))


@cache
def _solution() -> object:
    """Return x(ln σ) of the probability flow from far above ``HIGH`` down to ``LOW``."""
    net = mixture()

    def slope(log_sigma: float, flat: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(flat).reshape(LATENTS.shape)
        return (x - net.denoise(x, 1.0, math.exp(log_sigma))).numpy().ravel()

    top, bottom = math.log(HIGH) + 6, math.log(LOW)
    start = (LATENTS * math.exp(top)).numpy().ravel()
    return solve_ivp(
        slope, (top, bottom), start, method="DOP853", rtol=1e-13, atol=1e-13, dense_output=True
    ).sol


def exactly(sigma: float) -> Tensor:
    """Return x at a level of the exact trajectory, [3, 1, 2, 2]."""
    return torch.from_numpy(_solution()(math.log(sigma)).copy()).reshape(LATENTS.shape)


def process(schedule: Schedule) -> Process:
    """Return the flow of the mixture."""
    net = mixture()
    return Process(lambda z, at: net.denoise(z, at.s, at.b), schedule, refuse)


def geometric(n: int) -> list[float]:
    """Return n steps of equal length in ln σ, with levels above the first for a past."""
    ratio = (LOW / HIGH) ** (1 / n)
    return [HIGH * ratio**i for i in range(-LONGEST_PAST, n + 1)]


def bent(n: int) -> list[float]:
    """Return n steps that grow and shrink smoothly in ln σ, with levels above the first."""
    length = math.log(HIGH / LOW)
    u = [i / n for i in range(-LONGEST_PAST, n + 1)]
    return [HIGH * math.exp(-length * (x + 0.06 * math.sin(2 * math.pi * x))) for x in u]


def error(
    rule: Rule,
    n: int,
    levels: Sequence[float],
    schedule: Schedule | None = None,
    exact: bool = True,
) -> float:
    """Return the largest error at ``LOW`` after n steps that begin with an exact past, or none."""
    schedule = Linear() if schedule is None else schedule
    points = [schedule.level(sigma) for sigma in levels]
    before, grid = points[:LONGEST_PAST], points[LONGEST_PAST:]
    flow = process(schedule)
    past = Past()
    if rule.memory and exact:
        for at in before[-rule.memory :]:
            z = at.s * exactly(at.sigma)
            past.append(Evaluation(at, z, flow.denoise(z, at)))
    z = grid[0].s * exactly(grid[0].sigma)
    steps = Deterministic().steps(grid, schedule)
    out = sample(flow, z, steps, rule, past=past)
    return float((out / grid[-1].s - exactly(LOW)).abs().max())


def slope(rule: Rule, grid=geometric, schedule: Schedule | None = None) -> float:
    """Return the last slope of log error over log N = 32 … 512, stopping below 1e-10."""
    errors = []
    for n in (32, 64, 128, 256, 512):
        errors.append(error(rule, n, grid(n), schedule))
        if errors[-1] < 1e-10:
            break
    return math.log2(errors[-2] / errors[-1])


def levels_of(points: Sequence[Point]) -> list[float]:
    """Return σ of points."""
    return [point.sigma for point in points]
