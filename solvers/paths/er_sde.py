"""ER-SDE's paths: the reverse SDE with a noise scale function φ(σ) of one's choice."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.paths.path import exactly
from sampler_bench.solvers.paths.stochastic import Reverse
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step

Scale = Literal["ode", "sde", "sde-1", "sde-2", "sde-3", "sde-4", "sde-5"]
SCALES: Mapping[Scale, Callable[[float], float]] = {
    "ode": lambda x: x,
    "sde": lambda x: x**2,
    "sde-1": lambda x: x * (math.exp(-1 / x) + 10),
    "sde-2": lambda x: x**1.5,
    "sde-3": lambda x: x**2.5,
    "sde-4": lambda x: x**0.9 * math.log10(1 + 100 * x**1.5),
    "sde-5": lambda x: x * (math.exp(x**0.3) + 10),
}
"""The noise scale functions of Cui et al. 2023, by the names of their Table; "ode" and "sde" are η
= 0 and 1 of the reverse SDE, "sde-2" and "sde-3" η = ½ and 1½."""


@dataclass(frozen=True, kw_only=True)
class ERSDE(Reverse):
    """The extended reverse SDE (Cui et al. 2023): falls to σ·φ(σ')/φ(σ).

    One draw a step, after it, none into σ = 0, and none for "ode".

    Attributes:
        scale: Name of φ.
        S_noise: Standard deviation of the noise, relative to what the rise calls for.
        least_variance: Noise of a variance below this is not added: 0, or 1e-6 as released, which
            takes all noise out of the last steps. The draw is made.
    """

    scale: Scale = "sde-5"
    least_variance: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.scale in SCALES, "scale", self.scale, ", ".join(SCALES))
        require(self.least_variance >= 0, "least_variance", self.least_variance, "≥ 0")

    @property
    def draws(self) -> bool:
        """Whether noise is added."""
        return self.scale != "ode"

    def phi(self, sigma: float) -> float:
        """Return φ(σ)."""
        return SCALES[self.scale](sigma)

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        for step in super().steps(grid, schedule, round_sigma):
            variance = step.end.sigma**2 - step.down.sigma**2
            if step.after and variance < self.least_variance:
                yield replace(step, after=(0.0,))
            else:
                yield step
