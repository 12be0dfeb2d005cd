"""The probability-flow ODE in free σ(t) and s(t): the only place it is written."""

from dataclasses import dataclass

from torch import Tensor

from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.schedules import Schedule


@dataclass(frozen=True)
class Flow:
    """dx/dt of the scaled variable x(t) = s(t)·x̂(t) (EDM, Eq. 81 and Algorithm 1, line 4).

    Attributes:
        denoiser: D(x; σ).
        schedule: σ(t) and s(t).
    """

    denoiser: Denoiser
    schedule: Schedule

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return dx/dt for ``x`` [B, *shape] at the 0-d time ``t``, with σ(t) > 0."""
        schedule = self.schedule
        sigma, sigma_deriv = schedule.sigma(t), schedule.sigma_deriv(t)
        s, s_deriv = schedule.s(t), schedule.s_deriv(t)
        denoised = self.denoiser(x / s, sigma).to(x.dtype)
        # dx/dt = (σ̇/σ + ṡ/s)·x − (σ̇·s/σ)·D(x/s; σ)
        return (sigma_deriv / sigma + s_deriv / s) * x - (sigma_deriv * s / sigma) * denoised
