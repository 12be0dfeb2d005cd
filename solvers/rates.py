"""β(t), the rate at which noise is replaced: EDM's generalised SDE, Eq. 6–8."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule

_PLACES, _SHARES = (array.tolist() for array in np.polynomial.legendre.leggauss(16))


@dataclass(frozen=True, kw_only=True)
class Rate(ABC):
    """β(t) ≥ 0, relative to the noise present: ∫β dt is how often noise is replaced."""

    @property
    def draws(self) -> bool:
        """Whether it is anywhere above 0."""
        return True

    @abstractmethod
    def at(self, point: Point) -> float:
        """Return β at a level 0 < σ < ∞."""

    @abstractmethod
    def between(self, high: Point, low: Point, schedule: Schedule) -> float:
        """Return ∫β dt from ``low`` up to ``high``; ``low`` lies above σ = 0."""


@dataclass(frozen=True, kw_only=True)
class Constant(Rate):
    """The same β at all times.

    Attributes:
        value: β ≥ 0, per unit of the schedule's time.
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.value < math.inf, "value", self.value, "≥ 0")

    @property
    def draws(self) -> bool:
        """Whether it is above 0."""
        return self.value > 0

    def at(self, point: Point) -> float:
        """Return β."""
        return self.value

    def between(self, high: Point, low: Point, schedule: Schedule) -> float:
        """Return β·(t_high − t_low)."""
        return self.value * (high.t - low.t)


@dataclass(frozen=True, kw_only=True)
class Relative(Rate):
    """β = share·σ̇/σ; a share of 1 is the SDE of Song et al. 2021, under every schedule.

    Attributes:
        share: ≥ 0.
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.share < math.inf, "share", self.share, "≥ 0")

    @property
    def draws(self) -> bool:
        """Whether it is above 0."""
        return self.share > 0

    def at(self, point: Point) -> float:
        """Return share·σ̇/σ."""
        return self.share * growth(point)

    def between(self, high: Point, low: Point, schedule: Schedule) -> float:
        """Return share·ln(σ_high/σ_low)."""
        return self.share * math.log(high.sigma / low.sigma) if self.share else 0.0


@dataclass(frozen=True, kw_only=True)
class Window(Rate):
    """Another rate where S_min ≤ σ ≤ S_max, and 0 elsewhere.

    Attributes:
        inner: The rate inside.
        S_min, S_max: The window.
    """

    inner: Rate
    S_min: float = 0.0
    S_max: float = math.inf

    def __post_init__(self) -> None:
        require(self.S_min >= 0, "S_min", self.S_min, "≥ 0")
        require(self.S_min <= self.S_max, "S_max", self.S_max, f"≥ S_min = {self.S_min:g}")

    @property
    def draws(self) -> bool:
        """Whether it is anywhere above 0."""
        return self.inner.draws

    def at(self, point: Point) -> float:
        """Return β inside, 0 outside."""
        return self.inner.at(point) if self.S_min <= point.sigma <= self.S_max else 0.0

    def between(self, high: Point, low: Point, schedule: Schedule) -> float:
        """Return ∫β dt over what lies inside."""
        if low.sigma >= self.S_max or high.sigma <= self.S_min:
            return 0.0
        top = high if high.sigma <= self.S_max else schedule.level(self.S_max)
        bottom = low if low.sigma >= self.S_min else schedule.level(self.S_min)
        return self.inner.between(top, bottom, schedule)


@dataclass(frozen=True, kw_only=True)
class FunctionOfTime(Rate):
    """β from a function of one's own.

    Attributes:
        function: t → β(t) ≥ 0.
    """

    function: Callable[[float], float]

    def at(self, point: Point) -> float:
        """Return β(t).

        Raises:
            ValueError: If it is negative or not finite.
        """
        return self._value(point.t)

    def between(self, high: Point, low: Point, schedule: Schedule) -> float:
        """Return ∫β dt by 16 values, exact for smooth functions."""
        middle, half = (high.t + low.t) / 2, (high.t - low.t) / 2
        values = (self._value(middle + half * x) for x in _PLACES)
        return half * math.fsum(w * value for w, value in zip(_SHARES, values, strict=True))

    def _value(self, t: float) -> float:
        value = float(self.function(t))
        require(0 <= value < math.inf, f"β({t:g})", value, "≥ 0")
        return value


def growth(point: Point) -> float:
    """Return σ̇/σ, which a point holds as −q/s."""
    return -point.q / point.s
