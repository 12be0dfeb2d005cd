"""The σ of training steps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sampler_bench.solvers.schedules import Schedule


@dataclass(frozen=True)
class Trained(Schedule):
    """σ of the training steps t = 0, 1, …; geometric between two.

    Attributes:
        sigmas: σ of each.
    """

    sigmas: tuple[float, ...]

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Trained":
        """Return the schedule of a configuration."""
        return cls(tuple(_training_sigmas(config)))

    def after(self, t: int, *, one: bool) -> float:
        """Return where a step to time t lands: beyond 0 at σ = 0 (``set_alpha_to_one``), or σ(0).

        Args:
            t: May be negative.
            one: Whether ᾱ is 1 beyond 0.
        """
        if t >= 0:
            return self.sigmas[t]
        return 0.0 if one else self.sigmas[0]

    def sigma(self, t: float) -> float:
        """Return σ(t)."""
        return float(np.exp(np.interp(t, range(len(self.sigmas)), np.log(self.sigmas))))

    def sigma_deriv(self, t: float) -> float:
        """Return NaN: no rule that asks for it is run here."""
        return math.nan

    def time(self, sigma: float) -> float:
        """Return t(σ)."""
        return float(np.interp(math.log(sigma), np.log(self.sigmas), range(len(self.sigmas))))


def _training_sigmas(config: Mapping[str, Any]) -> list[float]:
    n = config.get("num_train_timesteps", 1000)
    if config["beta_schedule"] == "squaredcos_cap_v2":
        left = np.cos((np.arange(n + 1) / n + 0.008) / 1.008 * math.pi / 2) ** 2
        betas = np.minimum(1 - left[1:] / left[:-1], 0.999)
    else:
        power = {"linear": 1.0, "scaled_linear": 0.5}[config["beta_schedule"]]
        ends = config["beta_start"] ** power, config["beta_end"] ** power
        betas = np.linspace(*ends, n) ** (1 / power)
    kept = np.cumprod(1 - betas)
    return [float(sigma) for sigma in np.sqrt((1 - kept) / kept)]
