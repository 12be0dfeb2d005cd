"""DPMSolverSinglestepScheduler: inner stages at the grid's own levels."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sampler_bench.solvers.loop import rise
from sampler_bench.solvers.moments import first_order
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.exponential import Frame
from sampler_bench.solvers.step import Evaluation, Step


def plan(n: int, order: int, *, lowered: bool) -> list[int]:
    """Return the orders of the steps, each of which takes as many of the grid's levels."""
    whole, left = divmod(n, order)
    if not lowered or order == 1:
        return [order] * whole
    if order == 2:
        return [2] * (whole - 1 + left) + ([1] if left else [1, 1])
    return [3] * (whole - 1) + [2, 1] if left == 0 else [3] * whole + [left]


@dataclass(frozen=True, kw_only=True)
class NoisyOnGrid(Rule):
    """SDE-DPM-Solver++ 1 to 3, each inner stage reached as the path falls, with its own noise.

    Attributes:
        inner: The inner levels of each step.
        second: The moment of u at order 2.
    """

    inner: tuple[tuple[float, ...], ...]
    second: Literal["midpoint", "exact"]

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        first = Evaluation(step.here, z, process.denoise(z, step.here))
        last: Evaluation | None = None
        for sigma in self.inner[step.i]:
            at = process.schedule.level(sigma)
            low, deviations = step.land(sigma)
            down = process.schedule.level(low)
            x = self._fallen(first, last, down, at, self.second)
            x = rise(process, x, down, at, deviations)
            last = Evaluation(at, x, process.denoise(x, at))
        second = "exact" if len(self.inner[step.i]) == 2 else self.second
        return self._fallen(first, last, step.down, step.end, second)

    def _fallen(
        self, first: Evaluation, last: Evaluation | None, down: Point, end: Point, second: str
    ) -> Tensor:
        """Return a fall by the first evaluation and the last inner one."""
        if last is None:
            return first_order(first.z, first.D, first.at, down)
        frame = Frame.of("data", Step(0, 1, first.at, first.at, down, end))
        m = frame.moments(1)
        share = (m[1] if second == "exact" else m[0] / 2) / frame.node(last.at)
        # m_0·D + share·(D' − D) is the fall of a constant D + share/m_0·(D' − D)
        mixed = first.D + (share / m[0]) * (last.D - first.D)
        return first_order(first.z, mixed, first.at, down)
