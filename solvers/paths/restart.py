"""Paths that return: Restart, and churn that is repeated at one level."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.discretizations import edm
from sampler_bench.solvers.paths.path import Kept, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step

Interval = tuple[int, int, float, float]
"""(points, times, low, high): from the grid's level nearest to ``low`` up to ``high`` by noise, and
back over ``points`` levels, both ends counted; ``times`` times."""


@dataclass(frozen=True, kw_only=True)
class Restart(Churn):
    """Up by noise, far, and down again over a part of the way (Xu et al. 2023).

    Each return is a step whose ``start`` lies below its ``here``; multistep rules begin anew there.
    Draws: one for each return, and then one before every step, of the grid and of a return, which
    is used where there is churn. Unlike churn alone it draws where nothing is churned, too.

    Attributes:
        S_churn, S_min, S_max: Churn of the grid's own steps, as in EDM's Algorithm 2.
        S_noise: Standard deviation of all noise, relative to what a rise calls for.
        intervals: Where it returns; two from one level are both gone, in this order.
        gamma_inside: γ of churn within returns, inside [S_min, S_max].
        rho: ρ of the levels of a return.
    """

    intervals: tuple[Interval, ...] = ()
    gamma_inside: float = 0.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.gamma_inside >= 0, "gamma_inside", self.gamma_inside, "≥ 0")
        for points, times, low, high in self.intervals:
            require(points >= 2, "points of an interval", points, "at least 2")
            require(times >= 0, "times of an interval", times, "at least 0")
            require(0 < low < high < math.inf, "interval", (low, high), "0 < low < high")

    @property
    def keeps(self) -> Kept:
        """Both, without churn: what lies before a return is forgotten."""
        return "none" if self.S_churn > 0 or self.gamma_inside > 0 else "both"

    @property
    def draws(self) -> bool:
        """Whether there is noise at all."""
        return self.S_churn > 0 or any(times > 0 for _, times, _, _ in self.intervals)

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps: those of a return have the number of the step that led to its level."""
        n = len(grid) - 1
        returns = self._returns(grid)
        for i in range(n):
            gamma = self.gamma(grid[i].sigma, n)
            yield self._fall(i, n, grid[i], grid[i + 1], gamma, schedule, round_sigma)
            for points, times, _, high in returns.get(i + 1, ()):
                levels = self._levels(grid[i + 1], points, high, schedule, round_sigma)
                for _ in range(times):
                    yield from self._return(i, n, levels, schedule, round_sigma)

    def _returns(self, grid: Sequence[Point]) -> dict[int, list[Interval]]:
        """Return the intervals by the index of the level that they begin at."""
        found: dict[int, list[Interval]] = {}
        inner = [i for i in range(1, len(grid)) if grid[i].sigma > 0]
        for interval in self.intervals:
            _, _, low, high = interval
            nearest = min(inner, key=lambda i: abs(grid[i].sigma - low), default=None)
            if nearest is None or not grid[nearest].sigma < high:
                raise ValueError(f"no level of this grid lies near {low:g} and below {high:g}")
            found.setdefault(nearest, []).append(interval)
        return found

    def _levels(
        self,
        low: Point,
        points: int,
        high: float,
        schedule: Schedule,
        round_sigma: Callable[[float], float],
    ) -> Sequence[Point]:
        """Return the levels of a return, the highest first; the last is the one it began at."""
        sigmas = edm(points, low.sigma, high, rho=self.rho)[:-1]
        return [*(schedule.level(round_sigma(sigma)) for sigma in sigmas), low]

    def _return(
        self,
        i: int,
        n: int,
        levels: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float],
    ) -> Iterator[Step]:
        start, high = levels[-1], levels[0]
        up: tuple[float, ...] = (math.sqrt(high.sigma**2 - start.sigma**2) * self.S_noise,)
        for above, below in itertools.pairwise(levels):
            inside = self.S_min <= above.sigma <= self.S_max
            gamma = self.gamma_inside if inside else 0.0
            fall = self._fall(i, n, above, below, gamma, schedule, round_sigma)
            if up:
                fall = Step(i, n, start, fall.here, below, below, up + fall.before)
            yield fall
            up = ()

    def _fall(
        self,
        i: int,
        n: int,
        start: Point,
        end: Point,
        gamma: float,
        schedule: Schedule,
        round_sigma: Callable[[float], float],
    ) -> Step:
        """Return a churned step; it draws, whether there is churn or not."""
        here, before = start, (0.0,)
        if gamma > 0:
            here = schedule.level(round_sigma((1 + gamma) * start.sigma))
            before = (math.sqrt(max(here.sigma**2 - start.sigma**2, 0.0)) * self.S_noise,)
        return Step(i, n, start, here, end, end, before)


@dataclass(frozen=True, kw_only=True)
class Repeated(Churn):
    """Churn, several times at each level: up by noise and back, and only then on.

    Where there is no churn a level is passed once. As with churn, one draw before each step.

    Attributes:
        S_churn, S_min, S_max, S_noise: As in EDM's Algorithm 2.
        times: How often each level is churned; 1 is churn.
    """

    times: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.times >= 1, "times", self.times, "at least 1")

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps; those back to a level have the number of the one that leaves it."""
        for step in super().steps(grid, schedule, round_sigma):
            if step.here is not step.start:
                back = Step(
                    step.i, step.n, step.start, step.here, step.start, step.start, step.before
                )
                for _ in range(self.times - 1):
                    yield back
            yield step
