"""Exponential singlestep rules: DPM-Solver(++) 2 and 3, DPM-2, DPM++ 2S and SDE."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.loop import rise
from sampler_bench.solvers.moments import (
    add_differences,
    exponential_moments,
    first_order,
    weights,
)
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Blind, OnNoise
from sampler_bench.solvers.rules.exponential import Form, value
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Evaluation, Step, logarithm


@dataclass(frozen=True, kw_only=True)
class Singlestep(Blind):
    """Inner evaluations at shares r of the fall in ln σ; nothing is remembered.

    Attributes:
        k: Order, 1 to 3; into σ = 0 and from σ = ∞ it is 1.
        form: ``"data"`` (DPM-Solver++) or ``"noise"`` (DPM-Solver).
        r: Where the inner evaluations are, r_1 and r_2.
        solver_type: ``"dpmsolver"``: the last inner evaluation alone decides; ``"taylor"``: all do.
    """

    on_noise: ClassVar[OnNoise] = "keeps"
    k: int = 2
    form: Form = "data"
    r: tuple[float, ...] = (0.5,)
    solver_type: Literal["dpmsolver", "taylor"] = "dpmsolver"

    def __post_init__(self) -> None:
        for share in self.r:
            require(0 < share <= 1, "r", share, "above 0 and at most 1")

    @property
    def order(self) -> int | None:
        """The order it claims."""
        return self.k

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        return self.fall(process, z, step, self.k, self.r)

    def fall(
        self, process: Process, z: Tensor, step: Step, order: int, shares: tuple[float, ...]
    ) -> Tensor:
        """Return the state at ``step.down`` by ``order`` evaluations, the inner ones at shares."""
        return self.landed(z, step, self.stages(process, z, step, shares[: order - 1]))

    def stages(
        self, process: Process, z: Tensor, step: Step, shares: tuple[float, ...]
    ) -> list["Stage"]:
        """Return the evaluations of a step: here, and at each share of the fall in ln σ.

        None but the first where no more than first order is possible.
        """
        first = Evaluation(step.here, z, process.denoise(z, step.here))
        stages = [Stage(0.0, first)]
        if not 0 < step.fall < math.inf:
            return stages
        for share in shares:
            at = process.schedule.level(
                step.here.sigma * (step.down.sigma / step.here.sigma) ** share
            )
            x = first_order(z, first.D, step.here, at)
            x = self._bent(x, at, step.here, stages, exact=True)
            stages.append(Stage(share * step.fall, Evaluation(at, x, process.denoise(x, at))))
        return stages

    def landed(self, z: Tensor, step: Step, stages: list["Stage"]) -> Tensor:
        """Return the state at ``step.down`` by some of a step's evaluations: as many as its order.

        Fewer of them are the embedded rule of an error estimate.
        """
        made = first_order(z, stages[0].evaluation.D, step.here, step.down)
        return self._bent(made, step.down, step.here, stages, exact=len(stages) == 3)

    def _bent(
        self, made: Tensor, at: Point, here: Point, inner: list["Stage"], exact: bool
    ) -> Tensor:
        """Add to a first-order fall from ``here`` to ``at`` what inner evaluations say."""
        if len(inner) == 1:
            return made
        used = inner[1:] if self.solver_type == "taylor" else inner[-1:]
        fall = logarithm(here, at)
        R, unit = (fall, 1.0) if self.form == "data" else (-fall, at.sigma)
        m = [unit * moment for moment in exponential_moments(R, len(used))]
        if not exact and self.solver_type == "dpmsolver":
            m[1] = m[0] / 2
        c = weights([one.way / fall for one in used], m[1:])
        values = [value(self.form, one.evaluation) for one in used]
        return add_differences(made, at.s, c, values, value(self.form, inner[0].evaluation))

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return k·n, less those that a first-order last step does not take."""
        return self.k * n - (self.k - 1) * to_zero

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return k for each step, one where no more than first order is possible."""
        return sum(self.k if 0 < step.fall < math.inf else 1 for step in steps) + denoise


@dataclass(frozen=True)
class Stage:
    """An evaluation ``way`` down in ln σ."""

    way: float
    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class DPMppSDE(Blind):
    """DPM-Solver++ (SDE), as k-diffusion has it: one inner stage, reached as the path falls.

    The stage lies at r of the grid's step; its noise is its own, so a step draws twice. Weakly of
    order 1 (its two draws are independent), 2 where nothing is drawn.

    Attributes:
        r: Where the stage is.
    """

    order: ClassVar[int | None] = 2
    on_noise: ClassVar[OnNoise] = "first"
    r: float = 0.5

    def __post_init__(self) -> None:
        require(0 < self.r <= 1, "r", self.r, "above 0 and at most 1")

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        D = process.denoise(z, step.here)
        if not 0 < step.h < math.inf:
            return first_order(z, D, step.here, step.down)
        sigma = step.here.sigma * (step.end.sigma / step.here.sigma) ** self.r
        low, deviations = step.land(sigma)
        at, down = process.schedule.level(sigma), process.schedule.level(low)
        inner = rise(process, first_order(z, D, step.here, down), down, at, deviations)
        mixed = D + (process.denoise(inner, at) - D) / (2 * self.r)
        return first_order(z, mixed, step.here, step.down)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return 2n, or 2n − 1 where the last step goes to σ = 0."""
        return 2 * n - to_zero

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return two for each step, one where there is no stage on its way."""
        return sum(2 if 0 < step.h < math.inf else 1 for step in steps) + denoise
