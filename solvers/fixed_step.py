"""One-step rules in their simplest form: a function of the flow, the state and two times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from torch import Tensor

from sampler_bench.kit.parameters import keywords
from sampler_bench.solvers.flow import Flow
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.runge_kutta import euler_step
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step

Function = Callable[..., Tensor]


@dataclass(frozen=True)
class FixedStep(Rule):
    """A function that steps from each level to the next; the step to σ = 0 is Euler's.

    Attributes:
        step: ``(flow, x, t, t_next, **parameters) -> x_next``; ``flow(x, t)`` is dx/dt.
        order: The order of convergence it claims; the tests hold it to that.
        parameters: Keyword arguments of ``step``, e.g. ``{"alpha": 0.5}``.
        counted: Returns the evaluations per sample of n of its steps, if it says so.
    """

    step: Function
    order: int | None = field(default=None, kw_only=True)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    counted: Callable[[int], int] | None = field(default=None, kw_only=True)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        if step.down.sigma == 0:  # no slope exists there
            return euler_step(z, process.denoise(z, step.here), step)
        flow = Flow(process, step.here, step.down)
        return self.step(flow, z, step.here.t, step.down.t, **self.parameters)

    def evaluations(self, n: int, to_zero: bool) -> int:
        """Return what it says of its own steps, and one for Euler's to σ = 0."""
        return n if self.counted is None else self.counted(n - to_zero) + to_zero

    def evaluations_on(  # type: ignore[override]  # a function need not say what a rule does
        self, steps: Sequence[Step], denoise: bool, schedule: Schedule
    ) -> int | None:
        """Return the evaluations per sample of a path's steps; ``None`` if it does not say."""
        return None if self.counted is None else super().evaluations_on(steps, denoise, schedule)

    @property
    def declares(self) -> Function:
        """The step, of which keyword-only arguments are the parameters."""
        return self.step

    def defaults(self) -> dict[str, Any]:
        """Return the step's keyword-only arguments and their values."""
        return {**keywords(self.step), **self.parameters}

    def configured(self, parameters: Mapping[str, Any]) -> Self:
        """Return the same solver with other parameters for its step."""
        return replace(self, parameters=dict(parameters))
