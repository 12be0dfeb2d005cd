"""Orders that change from step to step: DPM-Solver-fast and dpm-solver's singlestep methods."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind
from sampler_bench.solvers.rules.exponential import Form
from sampler_bench.solvers.rules.singlestep import Singlestep
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step, logarithm


def plan(evaluations: int, order: int) -> tuple[int, ...]:
    """Return the order of each step: as many of ``order`` as fit, then what is left over.

    Where all would fit at order 3, the last two steps are of order 2 and 1 (Lu et al. 2022,
    Appendix D.4): 9 are 3, 3, 2, 1, and 8 are 3, 3, 2.

    Args:
        evaluations: At least 1; the sum of what is returned.
        order: 1 to 3.

    Raises:
        ValueError: If one of them is out of range.
    """
    require(evaluations >= 1, "evaluations", evaluations, "at least 1")
    require(1 <= order <= 3, "order", order, "1 to 3")
    whole, rest = divmod(evaluations, order)
    if order == 3 and rest == 0:
        return (*[3] * (whole - 1), 2, 1)
    return (*[order] * whole, *[rest] * (rest > 0))


@dataclass(frozen=True, kw_only=True)
class Planned(Blind):
    """Singlestep rules whose order is planned step by step, with as many evaluations as planned.

    Attributes:
        plan: The order of each step of the grid, which has so many steps; :func:`plan` makes it.
            Without one every step is of order ``most``, and asked for N steps as a part of a
            sampler it plans N evaluations.
        most: The highest order planned.
        form: ``"data"`` (DPM-Solver++) or ``"noise"`` (DPM-Solver).
        solver_type: As in :class:`Singlestep`.
    """

    plan: tuple[int, ...] = ()
    most: int = 3
    form: Form = "noise"
    solver_type: Literal["dpmsolver", "taylor"] = "dpmsolver"

    def __post_init__(self) -> None:
        require(1 <= self.most <= 3, "most", self.most, "1 to 3")
        require(all(1 <= k <= 3 for k in self.plan), "plan", self.plan, "orders of 1 to 3")

    @property
    def order(self) -> int | None:
        """The order of most steps; the last ones are lower, and with them the whole at most 2."""
        return max(self.plan, default=self.most)

    def planned(self, steps: int) -> tuple["Planned", int]:
        """Return the rule with a plan of so many evaluations, and the number of its steps."""
        orders = plan(steps, self.most)
        return replace(self, plan=orders), len(orders)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        order = self._order(step)
        shares = tuple(self.share(process.schedule, step, j / order) for j in range(1, order))
        rule = Singlestep(k=order, form=self.form, r=shares, solver_type=self.solver_type)
        return rule(process, z, step, past)

    def share(self, schedule: Schedule, step: Step, part: float) -> float:
        """Return which share of the fall in ln σ an inner stage is at: the stages divide it."""
        return part

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return the sum of their orders, as planned."""
        return sum(self._order(step) for step in steps) + denoise

    def _order(self, step: Step) -> int:
        planned = self.plan[step.i] if self.plan else self.most
        return planned if 0 < step.fall < math.inf else 1

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return the sum of the orders, the last one 1 into σ = 0; without a plan, of n's."""
        orders = self.plan or plan(n, self.most)
        return sum(orders) - (orders[-1] - 1) * to_zero


@dataclass(frozen=True, kw_only=True)
class PlannedInTime(Planned):
    """The same with stages that divide the step in time, as dpm-solver has it on grids in time.

    Attributes:
        power: 1: stages uniform in t (``time_uniform``); 2: in √t (``time_quadratic``).
    """

    sees_schedule: ClassVar[bool] = True
    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.power > 0, "power", self.power, "a number above 0")

    def share(self, schedule: Schedule, step: Step, part: float) -> float:
        """Return which share of the fall in ln σ is made at a part of the step in t^(1/power)."""
        high, low = step.here.t ** (1 / self.power), step.down.t ** (1 / self.power)
        at: Point = schedule.at((high + part * (low - high)) ** self.power)
        return logarithm(step.here, at) / step.fall
