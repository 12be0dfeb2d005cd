"""Paths whose noise is a window of τ: the reverse SDE, exactly or by Euler and Maruyama."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from sampler_bench.kit.parameters import require
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.paths.path import Kept, Path, exactly
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.schedules import Schedule
from sampler_bench.solvers.step import Step


@dataclass(frozen=True, kw_only=True)
class Tau(Path):
    """τ inside a window of noise levels, 0 outside (SA-Solver: Xue et al. 2023, Eq. 6).

    dx = (1 + τ²)·ε dσ + τ·√(2σ) dw̄: τ = 0 is the flow, 1 the reverse SDE of Song et al. One draw a
    step, after it, also outside the window; none into σ = 0, and none where τ = 0 everywhere.

    Attributes:
        tau: τ ≥ 0.
        S_min, S_max: τ counts where S_min ≤ σ ≤ S_max (both ends included).
        S_noise: Standard deviation of the noise, relative to what the rise calls for.
        level: Which level of a step has to lie in the window: the one it begins at ("start"), or
            the one it goes to ("end").
        quiet_end: Whether the last step is the flow's.
    """

    sees_schedule: ClassVar[bool] = False
    tau: float = 1.0
    S_min: float = 0.0
    S_max: float = math.inf
    S_noise: float = 1.0
    level: Literal["start", "end"] = "start"
    quiet_end: bool = False

    def __post_init__(self) -> None:
        for name in ("tau", "S_min", "S_max", "S_noise"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "≥ 0")
        if self.S_min > self.S_max:
            raise ValueError(f"S_min = {self.S_min:g} lies above S_max = {self.S_max:g}")

    @property
    def draws(self) -> bool:
        """Whether noise is added."""
        return self.tau > 0

    def tau_at(self, sigma: float) -> float:
        """Return τ(σ)."""
        return self.tau if self.S_min <= sigma <= self.S_max else 0.0

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n = len(grid) - 1
        for i in range(n):
            here, end = grid[i], grid[i + 1]
            tau = self.tau_at((here if self.level == "start" else end).sigma)
            if end.sigma == 0 or not self.draws:
                yield Step(i, n, here, here, end, end)
            elif tau == 0 or (self.quiet_end and i == n - 1):
                yield Step(i, n, here, here, end, end, (), (0.0,))
            else:
                yield self.noisy(i, n, here, end, tau, schedule)

    @abstractmethod
    def noisy(
        self, i: int, n: int, here: Point, end: Point, tau: float, schedule: Schedule
    ) -> Step:
        """Return a step inside the window, its end above σ = 0."""


@dataclass(frozen=True, kw_only=True)
class TauSDE(Tau):
    """τ's reverse SDE, its linear part solved exactly: falls to σ'·e^(−τ²h), h = ln(σ/σ').

    The variance of the noise is right on steps of any length. Without a window it is ``SDE`` with
    η = τ².
    """

    def noisy(
        self, i: int, n: int, here: Point, end: Point, tau: float, schedule: Schedule
    ) -> Step:
        """Return a step that falls below its end and rises to it."""

        def land(sigma: float) -> tuple[float, tuple[float, ...]]:
            if here.sigma == math.inf:
                return 0.0, (sigma * self.S_noise,)
            extra = tau**2 * math.log(here.sigma / sigma)
            return (
                sigma * math.exp(-extra),
                (sigma * math.sqrt(-math.expm1(-2 * extra)) * self.S_noise,),
            )

        low, after = land(end.sigma)
        return Step(i, n, here, here, schedule.level(low), end, (), after, land)


@dataclass(frozen=True, kw_only=True)
class EulerMaruyama(Tau):
    """τ's reverse SDE by Euler and Maruyama: the rule's change 1 + τ² times, and τ·√(σ² − σ'²)·n.

    It lands nowhere in between: on a long step its mean passes below σ = 0, and the variance is not
    kept. SDE-DPM-Solver (τ = 1) and SA-Solver on ε are this path under a rule on ε. It cannot
    start at σ = ∞. Inner stages of a rule go as the flow does.
    """

    from_infinity: ClassVar[bool] = False

    @property
    def keeps(self) -> Kept:
        """ε's: its change is what counts more than once, and not that of inner stages."""
        return "noise"

    def noisy(
        self, i: int, n: int, here: Point, end: Point, tau: float, schedule: Schedule
    ) -> Step:
        """Return a step whose change counts 1 + τ² times."""
        if here.sigma == math.inf:
            raise Incompatible("an Euler–Maruyama path adds the noise of σ² − σ'², not from σ = ∞")
        up = math.sqrt(max((here.sigma - end.sigma) * (here.sigma + end.sigma), 0.0))
        after = (tau * up * self.S_noise,)
        return Step(i, n, here, here, end, end, (), after, gain=1 + tau**2)
