"""Churn: up by noise before each step, and down by as much more (EDM, Algorithm 2)."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from sampler_bench.kit.parameters import NotNegative, check_fields
from sampler_bench.solvers.paths.path import Kept, Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step

MOST_GAMMA = math.sqrt(2) - 1
"""γ at which as much noise is added as is there: σ̂² = 2σ²."""


@dataclass(frozen=True, kw_only=True)
class Churn(Path):
    """The four numbers of Algorithm 2. S_churn = 0 makes the sampler deterministic.

    One draw a step, before it, even where γ = 0, so that later ones do not depend on the window.

    Attributes:
        S_churn: Total amount of churn, spread evenly over the steps; ≥ 0.
        S_min, S_max: Churn only where S_min ≤ σ ≤ S_max (both ends included).
        S_noise: Standard deviation of the added noise, relative to what the step up calls for.
    """

    sees_schedule: ClassVar[bool] = False
    S_churn: NotNegative = 0.0
    S_min: NotNegative = 0.0
    S_max: Annotated[NotNegative, Field(allow_inf_nan=True)] = math.inf
    S_noise: NotNegative = 1.0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.S_min > self.S_max:
            raise ValueError(f"S_min = {self.S_min:g} lies above S_max = {self.S_max:g}")

    @property
    def draws(self) -> bool:
        """Whether there is churn."""
        return self.S_churn > 0

    @property
    def keeps(self) -> Kept:
        """Neither, where it churns: a fall from σ̂ is no progress but to the next level."""
        return "none" if self.S_churn > 0 else "both"

    def gamma(self, sigma: float, n: int) -> float:
        """Return γ_i, the relative step up in σ: at most √2 − 1, never more noise than present."""
        # at σ = ∞ nothing is left of the data, and no noise adds anything
        inside = self.S_min <= sigma <= self.S_max and sigma < math.inf
        return min(self.S_churn / n, MOST_GAMMA) if inside else 0.0

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n = len(grid) - 1
        for i in range(n):
            here, before = grid[i], () if self.S_churn == 0 else (0.0,)
            gamma = self.gamma(here.sigma, n)
            if gamma > 0:
                here = schedule.level(round_sigma((1 + gamma) * here.sigma))
                up = math.sqrt(max(here.sigma**2 - grid[i].sigma ** 2, 0.0))
                before = (up * self.S_noise,)
            yield Step(i, n, grid[i], here, grid[i + 1], grid[i + 1], before)
