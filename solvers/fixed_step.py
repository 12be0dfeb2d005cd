"""One-step rules in their simplest form: a function of the flow, the state and two times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from torch import Tensor

from sampler_bench.kit.parameters import keywords
from sampler_bench.solvers.flow import Flow
from sampler_bench.solvers.past import Past
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rule import Rule
from sampler_bench.solvers.rules.runge_kutta import euler_step
from sampler_bench.solvers.step import Step

Function = Callable[..., Tensor]


@dataclass(frozen=True)
class FixedStep(Rule):
    """A function that steps from each level to the next; the step to σ = 0 is Euler's.

    Attributes:
        step: ``(flow, x, t, t_next, **parameters) -> x_next``; ``flow(x, t)`` is dx/dt.
        order: The order of convergence it claims; the tests hold it to that.
        version: Raise it whenever the results change for the same input.
        parameters: Keyword arguments of ``step``, e.g. ``{"alpha": 0.5}``.
    """

    step: Function
    order: int | None = field(default=None, kw_only=True)
    version: int = 1
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, process: Process, z: Tensor, step: Step, past: Past) -> Tensor:
        """Return the state at ``step.down``."""
        if step.down.sigma == 0:  # no slope exists there
            return euler_step(z, process.denoise(z, step.here), step)
        flow = Flow(process, step.here, step.down)
        return self.step(flow, z, step.here.t, step.down.t, **self.parameters)

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
