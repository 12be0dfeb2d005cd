"""Singlestep rules whose inner stages lie at levels of the grid, as diffusers has them."""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rules.singlestep import Singlestep
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Staged(Singlestep):
    """DPM-Solver(++) 1 to 3 that takes its inner evaluations where it is told.

    diffusers' singlestep scheduler makes a step of every one, two or three levels of its grid: the
    levels in between are the stages, so the shares of a step in ln σ are what the grid makes them.
    As there, the middle stage of order 3 is a step of order 2 as it stands.

    Attributes:
        inner: The levels of each step's inner stages, the highest first; as many as its order less
            one. There are as many steps as entries.
    """

    inner: tuple[tuple[float, ...], ...]

    @property
    def order(self) -> int | None:
        """The order of most steps."""
        return 1 + max(len(levels) for levels in self.inner)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        levels = self.inner[step.i] if 0 < step.fall < math.inf else ()
        shares = tuple(math.log(step.here.sigma / sigma) / step.fall for sigma in levels)
        return self.fall(process, z, step, len(shares) + 1, shares)

    def _bent(self, made: Tensor, at: Point, here: Point, inner: list[Any], exact: bool) -> Tensor:
        return super()._bent(made, at, here, inner, exact=len(inner) == 3)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return one a step, and one for each inner level of those that do not go to σ = 0."""
        inner = self.inner[: n - 1] if to_zero else self.inner
        return n + sum(len(levels) for levels in inner)
