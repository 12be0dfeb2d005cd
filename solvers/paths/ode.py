"""The probability flow: falls alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sampler_bench.solvers.paths.path import Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Deterministic(Path):
    """From each level straight to the next: no noise but the latents."""

    sees_schedule: ClassVar[bool] = False

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n = len(grid) - 1
        for i in range(n):
            yield Step(i, n, grid[i], grid[i], grid[i + 1], grid[i + 1])
