"""σ(t) and s(t): EDM Table 1, rows "schedule" and "scaling"."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self, final

import torch
from torch import Tensor

from sampler_bench.kit.parameters import Fraction


class Schedule(ABC):
    """The noise level σ(t) and the scaling s(t) of x(t) = s(t)·(x₀ + σ(t)·n).

    Times and levels are float64 tensors of any shape. s(t) = 1 unless the schedule is wrapped, as
    in ``UnitVariance(VE())``: one schedule, any scaling.
    """

    version: ClassVar[int] = 1
    reaches_zero: ClassVar[bool] = True
    """Whether σ(0) = 0, so that sampling can end at t = 0 without noise."""

    @classmethod
    def fit(cls, sigma_min: float, sigma_max: float) -> Self:
        """Return the schedule for a σ range; keyword-only arguments are its own parameters."""
        return cls()

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Return σ(t)."""

    @abstractmethod
    def sigma_deriv(self, t: Tensor) -> Tensor:
        """Return dσ/dt."""

    @abstractmethod
    def sigma_inv(self, sigma: Tensor) -> Tensor:
        """Return the t > 0 with σ(t) = ``sigma``, for ``sigma`` > 0."""

    def s(self, t: Tensor) -> Tensor:
        """Return s(t)."""
        return torch.ones_like(t)

    def s_deriv(self, t: Tensor) -> Tensor:
        """Return ds/dt."""
        return torch.zeros_like(t)

    def time(self, sigma: Tensor) -> Tensor:
        """Return t with σ(t) = ``sigma``, and exactly 0 where ``sigma`` is 0.

        The zero is set, not computed: VP's refit β_min can be negative, and its σ⁻¹(0) is then not
        0 but a second root.
        """
        return torch.where(sigma > 0, self.sigma_inv(sigma), torch.zeros_like(sigma))


@final
@dataclass(frozen=True)
class Linear(Schedule):
    """σ(t) = t (EDM's own, and DDIM's)."""

    def sigma(self, t: Tensor) -> Tensor:
        """Return t."""
        return t

    def sigma_deriv(self, t: Tensor) -> Tensor:
        """Return 1."""
        return torch.ones_like(t)

    def sigma_inv(self, sigma: Tensor) -> Tensor:
        """Return σ."""
        return sigma


@final
@dataclass(frozen=True)
class VE(Schedule):
    """σ(t) = √t (variance exploding, EDM Table 1)."""

    def sigma(self, t: Tensor) -> Tensor:
        """Return √t."""
        return t.sqrt()

    def sigma_deriv(self, t: Tensor) -> Tensor:
        """Return 1/(2√t)."""
        return 0.5 / t.sqrt()

    def sigma_inv(self, sigma: Tensor) -> Tensor:
        """Return σ²."""
        return sigma**2


@final
@dataclass(frozen=True)
class VP(Schedule):
    """σ(t) = √(exp(½β_d·t² + β_min·t) − 1) (variance preserving, EDM Table 1).

    expm1 and log1p keep the digits that 1 + σ² loses when σ is small.

    Attributes:
        beta_d: Slope of β(t) = β_min + β_d·t.
        beta_min: β(0); may be slightly negative after a fit.
    """

    beta_d: float = 19.9
    beta_min: float = 0.1

    @classmethod
    def fit(cls, sigma_min: float, sigma_max: float, *, epsilon_s: Fraction = 1e-3) -> Self:
        """Return the betas with σ(ε_s) = ``sigma_min`` and σ(1) = ``sigma_max``.

        EDM's released code refits them to the range it samples, silently; the paper's text never
        says so. VP's own range gives back (19.9, 0.1).
        """
        log_min, log_max = math.log1p(sigma_min**2), math.log1p(sigma_max**2)
        beta_d = 2 * (log_min / epsilon_s - log_max) / (epsilon_s - 1)
        return cls(beta_d, log_max - 0.5 * beta_d)

    def sigma(self, t: Tensor) -> Tensor:
        """Return σ(t); NaN below 0, and up to the second root that a negative β_min makes.

        The formula has another branch at t < −2β_min/β_d, where a step beyond 0 must not land.
        """
        sigma = torch.expm1(0.5 * self.beta_d * t**2 + self.beta_min * t).sqrt()
        return torch.where(t < 0, torch.nan, sigma)

    def sigma_deriv(self, t: Tensor) -> Tensor:
        """Return ½(β_min + β_d·t)(σ + 1/σ)."""
        sigma = self.sigma(t)
        return 0.5 * (self.beta_min + self.beta_d * t) * (sigma + 1 / sigma)

    def sigma_inv(self, sigma: Tensor) -> Tensor:
        """Return (√(β_min² + 2β_d·ln(1 + σ²)) − β_min)/β_d."""
        log_variance = torch.log1p(sigma**2)
        root = (self.beta_min**2 + 2 * self.beta_d * log_variance).sqrt()
        return (root - self.beta_min) / self.beta_d


@final
@dataclass(frozen=True)
class Geometric(Schedule):
    """σ(t) = σ_min·(σ_max/σ_min)^t: VE as Song et al. run it (their VESDE, t from 1 to ε).

    It never reaches σ = 0, so sampling has to end at σ_min.
    """

    reaches_zero: ClassVar[bool] = False
    sigma_min: float = 0.02
    sigma_max: float = 100.0

    @classmethod
    def fit(cls, sigma_min: float, sigma_max: float) -> Self:
        """Return the schedule with σ(0) = ``sigma_min`` and σ(1) = ``sigma_max``."""
        return cls(sigma_min, sigma_max)

    @property
    def _log_ratio(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def sigma(self, t: Tensor) -> Tensor:
        """Return σ_min·(σ_max/σ_min)^t."""
        return self.sigma_min * torch.exp(self._log_ratio * t)

    def sigma_deriv(self, t: Tensor) -> Tensor:
        """Return σ(t)·ln(σ_max/σ_min)."""
        return self._log_ratio * self.sigma(t)

    def sigma_inv(self, sigma: Tensor) -> Tensor:
        """Return ln(σ/σ_min)/ln(σ_max/σ_min)."""
        return torch.log(sigma / self.sigma_min) / self._log_ratio


@final
@dataclass(frozen=True)
class UnitVariance(Schedule):
    """s(t) = 1/√(1 + σ(t)²) on any schedule: VP's scaling, detached from VP's σ(t).

    Attributes:
        inner: The schedule that supplies σ(t).
    """

    inner: Schedule

    def sigma(self, t: Tensor) -> Tensor:
        """Return the inner σ(t)."""
        return self.inner.sigma(t)

    def sigma_deriv(self, t: Tensor) -> Tensor:
        """Return the inner dσ/dt."""
        return self.inner.sigma_deriv(t)

    def sigma_inv(self, sigma: Tensor) -> Tensor:
        """Return the inner σ⁻¹."""
        return self.inner.sigma_inv(sigma)

    def s(self, t: Tensor) -> Tensor:
        """Return 1/√(1 + σ²)."""
        return 1 / torch.sqrt(1 + self.sigma(t) ** 2)

    def s_deriv(self, t: Tensor) -> Tensor:
        """Return −σ·σ̇·s³."""
        return -self.sigma(t) * self.sigma_deriv(t) * self.s(t) ** 3


def unscaled(schedule: Schedule) -> Schedule:
    """Return the schedule as it is: s(t) = 1."""
    return schedule
