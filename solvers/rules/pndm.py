"""PNDM: Adams–Bashforth's fixed weights on ε, started by a Runge–Kutta rule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from sampler_bench.solvers.moments import add_differences, first_order
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rules.adams import IPNDM
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Evaluation, Step

_STAGES = {"prk": 4, "plms": 2}
_STARTS = {"prk": 3, "plms": 1}


@dataclass(frozen=True, kw_only=True)
class PNDM(IPNDM):
    """Pseudo numerical method (Liu et al. 2022): iPNDM-4 with a start of higher order.

    Wherever an earlier ε is missing, at the start and after a return, a step is one of Runge–Kutta
    on ε over σ, whose first ε alone is remembered. A step into σ = 0, or from σ = ∞, is first
    order there.

    Attributes:
        start: ``"plms"``: one step of Heun, N + 1 evaluations (``skip_prk_steps`` of diffusers), or
            ``"prk"``: three of the classical rule of order 4, its middle in t, N + 9.
    """

    sees_schedule: ClassVar[bool] = True
    start: Literal["plms", "prk"] = "plms"

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        known = sum(one.at.sigma < math.inf for one in past)
        if not self._starts(step, known):
            return super().__call__(process, z, step, past)
        past.evaluate(process, z, step.here)
        return self._started(process, past[-1], step)

    def _starts(self, step: Step, known: int) -> bool:
        """Return whether a step is one of Runge–Kutta, where so many ε are known."""
        inside = 0 < step.down.sigma < step.here.sigma < math.inf
        return inside and known < _STARTS[self.start]

    def middle(self, schedule: Schedule, here: Point, down: Point) -> Point:
        """Return the level of the inner stages of the classical rule."""
        return schedule.at((here.t + down.t) / 2)

    def _started(self, process: Process, first: Evaluation, step: Step) -> Tensor:
        if self.start == "plms":
            stages, share = [step.down], [1 / 2]
        else:
            middle = self.middle(process.schedule, step.here, step.down)
            stages, share = [middle, middle, step.down], [1 / 3, 1 / 3, 1 / 6]
        eps, last = [], first.eps
        for at in stages:
            # the state at a stage: from the step's beginning, with the last stage's ε
            z = (at.s / step.here.s) * first.z
            z.add_(last, alpha=at.s * (at.sigma - step.here.sigma))
            last = Evaluation(at, z, process.denoise(z, at)).eps
            eps.append(last)
        made = first_order(first.z, first.D, step.here, step.down)
        length = step.down.sigma - step.here.sigma
        c = [length * part for part in share]
        return add_differences(made, step.down.s, c, eps, first.eps)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return n, and what the inner stages of the first steps cost."""
        started = min(n - to_zero, _STARTS[self.start])
        return n + (_STAGES[self.start] - 1) * started

    def evaluations_on(self, steps: Sequence[Step], denoise: bool, schedule: Schedule) -> int:
        """Return one for each step, and its inner stages for each that starts anew."""
        counted, known, last = 0, 0, math.inf
        for step in steps:
            known = 0 if step.here.sigma > last else known  # a return
            counted += _STAGES[self.start] if self._starts(step, known) else 1
            known, last = known + (step.here.sigma < math.inf), step.here.sigma
        return counted + denoise
