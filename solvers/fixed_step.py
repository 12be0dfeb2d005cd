"""Stepping through given noise levels with a one-step rule: EDM, Algorithms 1, 2 and 3."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from torch import Tensor

from sampler_bench.kit.parameters import keywords
from sampler_bench.solvers.churn import Churn, Noise
from sampler_bench.solvers.flow import Flow
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.steps import euler

Step = Callable[..., Tensor]


@dataclass(frozen=True)
class FixedStep(Solver):
    """A one-step rule applied from each level to the next.

    Attributes:
        step: ``(flow, x, t, t_next, **parameters) -> x_next``.
        order: The order of convergence it claims; the tests hold it to that.
        version: Raise it whenever the results change for the same input.
        parameters: Keyword arguments of ``step``, e.g. ``{"alpha": 0.5}``.
    """

    step: Step
    order: int
    version: int = 1
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, flow: Flow, x: Tensor, levels: Tensor, churn: Churn, noise: Noise) -> Tensor:
        """Integrate ``x`` [B, *shape] from ``levels[0]`` to ``levels[-1]`` ≥ 0; σ falls, or rests.

        Zero-length steps, made by a denoiser that rounds σ, are taken and cost what they cost.
        """
        steps = len(levels) - 1
        times = flow.schedule.time(levels)
        for i in range(steps):
            t = times[i]
            if churn.S_churn > 0:
                x, t = churn(flow, x, levels[i], steps, noise)
            if levels[i + 1] == 0:  # no slope exists at σ = 0, so the last step is Euler's
                x = euler(flow, x, t, times[i + 1])
            else:
                x = self.step(flow, x, t, times[i + 1], **self.parameters)
        return x

    @property
    def declares(self) -> Step:
        """The step, of which keyword-only arguments are the parameters."""
        return self.step

    def defaults(self) -> dict[str, Any]:
        """Return the step's keyword-only arguments and their values."""
        return {**keywords(self.step), **self.parameters}

    def configured(self, parameters: Mapping[str, Any]) -> Self:
        """Return the same solver with other parameters for its step."""
        return replace(self, parameters=dict(parameters))
