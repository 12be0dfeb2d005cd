"""σ(t) and s(t), and the points of a path: EDM Table 1, rows "schedule" and "scaling".

All scalars of a sampler are made before its loop, so they are Python's floats: no tensor is built
or read to know a level.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self, final

from sampler_bench.kit.parameters import Fraction
from sampler_bench.solvers.point import Point


class Schedule(ABC):
    """The noise level σ(t) and the scaling s(t) of z(t) = s(t)·x₀ + s(t)·σ(t)·n; t falls to 0.

    s(t) = 1 unless the schedule says otherwise, or is wrapped: ``UnitVariance(VE())``.
    """

    reaches_zero: ClassVar[bool] = True
    """Whether σ(0) = 0, so that sampling can end at t = 0 without noise."""
    reaches_infinity: ClassVar[bool] = False
    """Whether there is a time at which σ = ∞, so that sampling can start from noise alone."""

    @classmethod
    def fit(cls, sigma_min: float, sigma_max: float) -> Self:
        """Return the schedule for a σ range; keyword-only arguments are its own parameters."""
        return cls()

    @abstractmethod
    def sigma(self, t: float) -> float:
        """Return σ(t)."""

    @abstractmethod
    def sigma_deriv(self, t: float) -> float:
        """Return dσ/dt."""

    @abstractmethod
    def time(self, sigma: float) -> float:
        """Return the t > 0 with σ(t) = ``sigma``, for ``sigma`` > 0."""

    def s(self, t: float) -> float:
        """Return s(t)."""
        return 1.0

    def s_deriv(self, t: float) -> float:
        """Return ds/dt."""
        return 0.0

    def at(self, t: float) -> Point:
        """Return the point at a time; its ``sigma`` is 0 or NaN where the schedule has ended."""
        sigma, s = self.sigma(t), self.s(t)
        if not sigma > 0:
            return Point(t, sigma, s, s * sigma, math.inf, -math.inf)
        growth = self.sigma_deriv(t) / sigma
        # p = ḃ/b = σ̇/σ + ṡ/s and q = ṡ − s·p = −s·σ̇/σ
        return Point(t, sigma, s, s * sigma, growth + self.s_deriv(t) / s, -s * growth)

    def level(self, sigma: float) -> Point:
        """Return the point whose noise level is ``sigma`` to the last bit, and t = 0 at σ = 0.

        That zero is set, not computed: VP's refit β_min can be negative, and its σ⁻¹(0) is then not
        0 but a second root.
        """
        if sigma == 0:
            return Point(0.0, 0.0, self.s(0.0), 0.0, math.inf, -math.inf)
        at = self.at(self.time(sigma))
        return Point(at.t, sigma, at.s, at.s * sigma, at.p, at.q)


@final
@dataclass(frozen=True)
class Linear(Schedule):
    """σ(t) = t (EDM's own, and DDIM's)."""

    def sigma(self, t: float) -> float:
        """Return t."""
        return t

    def sigma_deriv(self, t: float) -> float:
        """Return 1."""
        return 1.0

    def time(self, sigma: float) -> float:
        """Return σ."""
        return sigma


@final
@dataclass(frozen=True)
class VE(Schedule):
    """σ(t) = √t (variance exploding, EDM Table 1)."""

    def sigma(self, t: float) -> float:
        """Return √t."""
        return math.sqrt(t) if t >= 0 else math.nan

    def sigma_deriv(self, t: float) -> float:
        """Return 1/(2√t)."""
        return 0.5 / math.sqrt(t)

    def time(self, sigma: float) -> float:
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

        Raises:
            ValueError: If ``epsilon_s`` is not between 0 and 1.
        """
        log_min, log_max = math.log1p(sigma_min**2), math.log1p(sigma_max**2)
        beta_d = 2 * (log_min / epsilon_s - log_max) / (epsilon_s - 1)
        return cls(beta_d, log_max - 0.5 * beta_d)

    def sigma(self, t: float) -> float:
        """Return σ(t); NaN below 0, and up to the second root that a negative β_min makes.

        The formula has another branch at t < −2β_min/β_d, where a step beyond 0 must not land.
        """
        if t < 0:
            return math.nan
        variance = math.expm1(0.5 * self.beta_d * t**2 + self.beta_min * t)
        return math.sqrt(variance) if variance >= 0 else math.nan

    def sigma_deriv(self, t: float) -> float:
        """Return ½(β_min + β_d·t)(σ + 1/σ)."""
        sigma = self.sigma(t)
        return 0.5 * (self.beta_min + self.beta_d * t) * (sigma + 1 / sigma)

    def time(self, sigma: float) -> float:
        """Return (√(β_min² + 2β_d·ln(1 + σ²)) − β_min)/β_d."""
        log_variance = math.log1p(sigma**2)
        root = math.sqrt(self.beta_min**2 + 2 * self.beta_d * log_variance)
        return (root - self.beta_min) / self.beta_d


@final
@dataclass(frozen=True)
class Cosine(Schedule):
    """1/√(1 + σ(t)²) = cos a(t)/cos a(0), a(t) = ½π·(t + o)/(1 + o) (Nichol and Dhariwal 2021).

    Their eq. 17 in continuous time, DPM-Solver's "cosine"; σ → ∞ as t → 1, and that program stops
    at t = 0.9946. Variance preserving under ``UnitVariance``.

    Differences of cosines are taken as products of sines: they keep their digits at small σ.

    Attributes:
        offset: o, which keeps noise from vanishing too fast near t = 0.
    """

    offset: float = 0.008

    @classmethod
    def fit(cls, sigma_min: float, sigma_max: float, *, cosine_offset: Fraction = 0.008) -> Self:
        """Return the schedule, which is the same whatever the σ range.

        Raises:
            ValueError: If ``cosine_offset`` is not between 0 and 1.
        """
        return cls(cosine_offset)

    @property
    def _rate(self) -> float:
        """da/dt."""
        return 0.5 * math.pi / (1 + self.offset)

    def sigma(self, t: float) -> float:
        """Return √(sin(a − a₀)·sin(a + a₀))/cos a; NaN below t = 0, ∞ from t = 1 on."""
        if t < 0:
            return math.nan
        if t >= 1:
            return math.inf
        moved, start = self._rate * t, self._rate * self.offset
        return math.sqrt(math.sin(moved) * math.sin(moved + 2 * start)) / math.cos(moved + start)

    def sigma_deriv(self, t: float) -> float:
        """Return ȧ·tan a·(σ + 1/σ)."""
        sigma = self.sigma(t)
        return self._rate * math.tan(self._rate * (t + self.offset)) * (sigma + 1 / sigma)

    def time(self, sigma: float) -> float:
        """Return (a − a₀)/ȧ, a and a₀ by their tangents: tan²a = tan²a₀ + σ²/cos²a₀."""
        start = self._rate * self.offset
        low, square = math.tan(start), (sigma / math.cos(start)) ** 2
        high = math.sqrt(low**2 + square)
        moved = math.atan2(square / (high + low), 1 + high * low)
        return moved / self._rate


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

    def sigma(self, t: float) -> float:
        """Return σ_min·(σ_max/σ_min)^t."""
        return self.sigma_min * math.exp(self._log_ratio * t)

    def sigma_deriv(self, t: float) -> float:
        """Return σ(t)·ln(σ_max/σ_min)."""
        return self._log_ratio * self.sigma(t)

    def time(self, sigma: float) -> float:
        """Return ln(σ/σ_min)/ln(σ_max/σ_min)."""
        return math.log(sigma / self.sigma_min) / self._log_ratio


@final
@dataclass(frozen=True)
class RectifiedFlow(Schedule):
    """z = (1 − t)·x₀ + t·n: σ(t) = t/(1 − t), s(t) = 1 − t; t = 1 is noise alone, σ = ∞.

    The flow is dz/dt = (z − D)/t, finite at t = 1 (Liu et al. 2023; Lipman et al. 2023).
    """

    reaches_infinity: ClassVar[bool] = True

    def sigma(self, t: float) -> float:
        """Return t/(1 − t)."""
        return t / (1 - t) if t < 1 else math.inf

    def sigma_deriv(self, t: float) -> float:
        """Return 1/(1 − t)²."""
        return 1 / (1 - t) ** 2

    def time(self, sigma: float) -> float:
        """Return σ/(1 + σ)."""
        return sigma / (1 + sigma) if sigma < math.inf else 1.0

    def s(self, t: float) -> float:
        """Return 1 − t."""
        return 1 - t

    def s_deriv(self, t: float) -> float:
        """Return −1."""
        return -1.0

    def at(self, t: float) -> Point:
        """Return the point at a time: b = t, p = 1/t and q = −1/t, whatever σ is."""
        if not t > 0:
            return Point(t, 0.0 if t == 0 else math.nan, 1 - t, t, math.inf, -math.inf)
        return Point(t, self.sigma(t), 1 - t, t, 1 / t, -1 / t)

    def level(self, sigma: float) -> Point:
        """Return the point whose noise level is ``sigma``, to the last bit."""
        at = self.at(self.time(sigma))
        return Point(at.t, sigma, at.s, at.b, at.p, at.q)


@final
@dataclass(frozen=True)
class UnitVariance(Schedule):
    """s(t) = 1/√(1 + σ(t)²) on any schedule: VP's scaling, detached from VP's σ(t).

    Attributes:
        inner: The schedule that supplies σ(t).
    """

    inner: Schedule

    def sigma(self, t: float) -> float:
        """Return the inner σ(t)."""
        return self.inner.sigma(t)

    def sigma_deriv(self, t: float) -> float:
        """Return the inner dσ/dt."""
        return self.inner.sigma_deriv(t)

    def time(self, sigma: float) -> float:
        """Return the inner σ⁻¹."""
        return self.inner.time(sigma)

    def s(self, t: float) -> float:
        """Return 1/√(1 + σ²)."""
        return 1 / math.sqrt(1 + self.sigma(t) ** 2)

    def s_deriv(self, t: float) -> float:
        """Return −σ·σ̇·s³."""
        return -self.sigma(t) * self.sigma_deriv(t) * self.s(t) ** 3


def unscaled(schedule: Schedule) -> Schedule:
    """Return the schedule as it is: its own s(t), 1 for all of the paper's."""
    return schedule
