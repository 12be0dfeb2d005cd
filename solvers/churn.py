"""Churn: adding noise before each step, and going up in σ by as much (EDM, Algorithm 2)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from sampler_bench.kit.parameters import NotNegative, check_fields
from sampler_bench.solvers.flow import Flow

MOST_GAMMA = math.sqrt(2) - 1
"""γ at which as much noise is added as is there: σ̂² = 2σ²."""

Noise = Callable[[Tensor], Tensor]
"""Returns a standard normal draw shaped like its argument, each sample from its own seed."""


@dataclass(frozen=True)
class Churn:
    """The four numbers of Algorithm 2. S_churn = 0 makes the sampler deterministic.

    Attributes:
        S_churn: Total amount of churn, spread evenly over the steps; ≥ 0.
        S_min, S_max: Churn only where S_min ≤ σ ≤ S_max (both ends included).
        S_noise: Standard deviation of the added noise, relative to what the step up calls for.
    """

    S_churn: NotNegative = 0.0
    S_min: NotNegative = 0.0
    S_max: Annotated[NotNegative, Field(allow_inf_nan=True)] = math.inf
    S_noise: NotNegative = 1.0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.S_min > self.S_max:
            raise ValueError(f"S_min = {self.S_min:g} lies above S_max = {self.S_max:g}")

    def gamma(self, sigma: float, steps: int) -> float:
        """Return γ_i, the relative step up in σ: at most √2 − 1, never more noise than present."""
        inside = self.S_min <= sigma <= self.S_max
        return min(self.S_churn / steps, MOST_GAMMA) if inside else 0.0

    def __call__(
        self, flow: Flow, x: Tensor, sigma: Tensor, steps: int, noise: Noise
    ) -> tuple[Tensor, Tensor]:
        """Return x̂ and t̂ for ``x`` at the noise level ``sigma``.

        Noise is drawn even where γ = 0, so that the draws of later steps do not depend on the
        window. With scaling, x̂ = s(t̂)/s(t)·x + s(t̂)·√(σ̂² − σ²)·S_noise·ε.
        """
        schedule = flow.schedule
        epsilon = noise(x)
        t = schedule.time(sigma)
        gamma = self.gamma(float(sigma), steps)
        if gamma == 0:
            return x, t
        sigma_hat = flow.denoiser.round_sigma((1 + gamma) * sigma)
        t_hat = schedule.time(sigma_hat)
        added = (sigma_hat**2 - sigma**2).clip(min=0).sqrt()
        x_hat = schedule.s(t_hat) / schedule.s(t) * x
        return x_hat + schedule.s(t_hat) * added * self.S_noise * epsilon, t_hat


def no_noise(x: Tensor) -> Tensor:
    """Stand in for a noise source where none was given: say so when it is needed."""
    raise ValueError("churn needs noise: call sampler(denoiser, latents, noise)")
